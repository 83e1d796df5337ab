package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Elapsed    float64
	Output     string
}

// skip is a test that did not run, and why.
type skip struct{ pkg, test, reason string }

// tally counts events and keeps the output of the tests that are running.
type tally struct {
	out            io.Writer
	passed, failed int
	skipped        []skip
	ran            map[string]int      // tests that ended, by package
	broken         map[string]bool     // packages in which a test failed
	output         map[string][]string // by package, a blank and the test's name
}

func newTally(out io.Writer) *tally {
	return &tally{out: out, ran: map[string]int{}, broken: map[string]bool{}, output: map[string][]string{}}
}

// read counts all events of in. A line that is no event is passed on as it is:
// `go test` prints such lines when it cannot even start.
func (t *tally) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if text := strings.TrimSpace(line); text != "" {
			var e event
			if json.Unmarshal([]byte(text), &e) == nil && e.Action != "" {
				t.count(e)
			} else {
				fmt.Fprintln(t.out, text)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the events cannot be read: %w", err)
		}
	}
}

func (t *tally) count(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(t.out, e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		t.endPackage(e)
	} else {
		t.endTest(e, key)
	}
	delete(t.output, key)
}

func (t *tally) endTest(e event, key string) {
	t.ran[e.Package]++
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		s := skip{e.Package, e.Test, reason(t.output[key])}
		t.skipped = append(t.skipped, s)
		fmt.Fprintf(t.out, "skip  %s %s: %s\n", s.pkg, s.test, s.reason)
	case "fail":
		t.failed++
		t.broken[e.Package] = true
		fmt.Fprintf(t.out, "FAIL  %s %s (%.1f s)\n%s", e.Package, e.Test, e.Elapsed, strings.Join(t.output[key], ""))
	}
}

// endPackage tells how a package ended. One that failed without a failed test
// (it does not build, it panicked outside of a test, a race was found at the
// end) counts as one failure of its own.
func (t *tally) endPackage(e event) {
	switch {
	case e.Action == "fail" && !t.broken[e.Package]:
		t.failed++
		fmt.Fprintf(t.out, "FAIL  %s\n%s", e.Package, strings.Join(t.output[e.Package+" "], ""))
	case e.Action == "fail":
		fmt.Fprintf(t.out, "FAIL  %s (%.1f s)\n", e.Package, e.Elapsed)
	case t.ran[e.Package] > 0:
		fmt.Fprintf(t.out, "ok    %s: %d tests (%.1f s)\n", e.Package, t.ran[e.Package], e.Elapsed)
	}
}

// reason finds the text that t.Skip was given in a test's output: the line
// before "--- SKIP", which starts with the place of the call.
func reason(output []string) string {
	for _, line := range output {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "===") || strings.HasPrefix(text, "---") {
			continue
		}
		if _, after, found := strings.Cut(text, ".go:"); found {
			if _, words, found := strings.Cut(after, ": "); found {
				return words
			}
		}
	}
	return "no reason was given"
}

// readSkips reads the list of expected skips: a package, a test and after a
// number sign why it may be skipped, on each line.
func readSkips(name string) (map[string]bool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("the list of expected skips cannot be read: %w", err)
	}
	expected := map[string]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		names, why, _ := strings.Cut(line, "#")
		fields := strings.Fields(names)
		switch {
		case len(fields) == 0:
		case len(fields) != 2 || strings.TrimSpace(why) == "":
			return nil, fmt.Errorf("%s:%d: a line is PACKAGE TEST # why it may be skipped", name, i+1)
		default:
			expected[fields[0]+" "+fields[1]] = true
		}
	}
	return expected, nil
}

// tellSkips prints every skip and returns how many nobody expected. A skipped
// subtest is expected when its test is.
func (t *tally) tellSkips(out io.Writer, expected map[string]bool) int {
	unexpected := 0
	for _, s := range t.skipped {
		test, _, _ := strings.Cut(s.test, "/")
		word := "skipped"
		if !expected[s.pkg+" "+s.test] && !expected[s.pkg+" "+test] {
			word = "skipped, which nobody expected"
			unexpected++
		}
		fmt.Fprintf(out, "%s: %s %s: %s\n", word, s.pkg, s.test, s.reason)
	}
	return unexpected
}
