package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// nursery plants bugs in the module at root.
type nursery struct {
	root    string
	tags    string        // for every build
	by, in  string        // tests to try in place of those that are named, and their package; "": those
	workers int           // bugs that are tried at the same time
	limit   time.Duration // for the tests of one bug
	out     io.Writer

	overlay string
	scratch string
}

// result is what came of a bug.
type result struct {
	number int
	bug    bug
	why    string // it is not found; "" if it is
	output string // of the tests
	took   time.Duration
}

// plant tries the bugs whose name matches and tells each result as it comes. An
// error says that nothing can be said of any of them.
func (n *nursery) plant(ctx context.Context, bugs []bug, only *regexp.Regexp) ([]result, error) {
	var err error
	if n.scratch, err = os.MkdirTemp("", "planted-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(n.scratch)
	if n.overlay, err = overlay(n.root, n.scratch, bugs); err != nil {
		return nil, err
	}
	var results []result
	for i, b := range bugs {
		b.in = cmp.Or(n.in, b.in)
		if only.MatchString(b.name) {
			results = append(results, result{number: i + 1, bug: b})
		}
	}
	if err := n.sound(ctx, results); err != nil {
		return nil, err
	}
	work := make(chan *result)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n.workers {
		wg.Go(func() {
			for r := range work {
				n.try(ctx, r)
				mu.Lock()
				n.tell(r)
				mu.Unlock()
			}
		})
	}
	for i := range results {
		work <- &results[i]
	}
	close(work)
	wg.Wait()
	return results, ctx.Err()
}

// sound runs the tests that are to notice a bug without any: they pass.
func (n *nursery) sound(ctx context.Context, results []result) error {
	tests := map[string][]string{}
	for _, r := range results {
		tests[r.bug.in] = append(tests[r.bug.in], r.bug.tests...)
	}
	for folder, names := range tests {
		slices.Sort(names)
		names = slices.Compact(names)
		start := time.Now()
		binary, err := n.compile(ctx, folder, "")
		if err != nil {
			return fmt.Errorf("%s does not compile without a bug: %w", folder, err)
		}
		said, err := n.test(ctx, folder, binary, n.expression(names))
		if err != nil {
			return fmt.Errorf("the tests of %s fail without a bug: %w\n%s", folder, err, said)
		}
		for _, name := range names {
			if n.by == "" && !ended(said, "PASS", name) {
				return fmt.Errorf("%s of %s did not run to its end without a bug:\n%s", name, folder, said)
			}
		}
		fmt.Fprintf(n.out, "%-12s %s: %d tests pass without a bug (%.1f s)\n", "sound", folder, len(names), time.Since(start).Seconds())
	}
	return nil
}

// try plants the bug of a result and notes what came of it.
func (n *nursery) try(ctx context.Context, r *result) {
	start := time.Now()
	defer func() { r.took = time.Since(start) }()
	binary, err := n.compile(ctx, r.bug.in, r.bug.tag())
	if err != nil {
		r.why = "does not compile: " + err.Error()
		return
	}
	defer os.Remove(binary)
	r.output, err = n.test(ctx, r.bug.in, binary, n.expression(r.bug.tests))
	r.why = n.judge(r.bug, r.output, err)
}

// judge says why a bug is not found; "" if it is.
func (n *nursery) judge(b bug, said string, err error) string {
	switch {
	case err == nil:
		return "not found: the tests pass with it"
	case strings.Contains(said, "panic: test timed out"):
		return "not found: the tests do not come to an end with it"
	case n.by != "":
		return ""
	}
	for _, name := range b.tests {
		if !ended(said, "FAIL", name) {
			return "not found by " + name
		}
	}
	if !strings.Contains(said, b.words) {
		return fmt.Sprintf("found for another reason: no test said %q", b.words)
	}
	return ""
}

// ended reports whether the test with this name ended like that.
func ended(said, how, name string) bool {
	return strings.Contains("\n"+said, "\n--- "+how+": "+name+" (")
}

func (n *nursery) expression(tests []string) string {
	if n.by != "" {
		return n.by
	}
	return "^(" + strings.Join(tests, "|") + ")$"
}

// compile makes the test program of a package, with a bug's tag or with "".
func (n *nursery) compile(ctx context.Context, folder, tag string) (binary string, err error) {
	name := cmp.Or(tag, "sound") + "-" + strings.ReplaceAll(folder, "/", "-") + ".test"
	binary = filepath.Join(n.scratch, name)
	command := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", n.overlay, "-tags", n.tags+","+tag, "-o", binary, "./"+folder)
	command.Dir = n.root
	// Without cgo, so that nothing is compiled but what a bug changes where the
	// app without a window was built before.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	if _, err := os.Stat(binary); err != nil {
		return "", errors.New("it has no tests")
	}
	return binary, nil
}

// test runs a test program in its package's folder, as the go command would.
func (n *nursery) test(ctx context.Context, folder, binary, expression string) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, n.limit+10*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "-test.paniconexit0", "-test.v", "-test.count=1", "-test.timeout="+n.limit.String(), "-test.run="+expression)
	command.Dir = filepath.Join(n.root, filepath.FromSlash(folder))
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	command.WaitDelay = 5 * time.Second // a test's own child may hold the pipe
	err = command.Run()
	return out.String(), err
}

// tell prints the line of a result, and what the tests said if the bug was not
// found.
func (n *nursery) tell(r *result) {
	word := "found"
	if r.why != "" {
		word = "NOT FOUND"
	}
	fmt.Fprintf(n.out, "%-12s %2d %s: %s (%s, %.1f s)\n", word, r.number, r.bug.name, r.bug.what, strings.Join(r.bug.tests, ", "), r.took.Seconds())
	if r.why != "" && n.by == "" {
		fmt.Fprintf(n.out, "             %s\n%s", r.why, r.output)
	}
}

// recordEvents appends the results to a file that scripts/tally sums up.
func recordEvents(name string, results []result) error {
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := json.NewEncoder(file)
	for _, r := range results {
		action := "pass"
		if r.why != "" {
			action = "fail"
		}
		err = errors.Join(err, lines.Encode(map[string]any{
			"Action": action, "Package": "waybill/scripts/planted", "Test": r.bug.name, "Elapsed": r.took.Seconds(),
		}))
	}
	return err
}
