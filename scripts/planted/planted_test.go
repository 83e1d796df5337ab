package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// top is the repository, seen from here.
const top = "../.."

// A bug whose place in the source has changed is noticed by every run of the
// tests, not only by one that plants it.
func TestEachBugFitsTheSource(t *testing.T) {
	if _, err := overlay(top, t.TempDir(), all()); err != nil {
		t.Fatal(err)
	}
}

func TestEachBugIsSaidInFull(t *testing.T) {
	names := map[string]bool{}
	for _, b := range all() {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(b.name) || names[b.name] {
			t.Errorf("%q is no name of its own", b.name)
		}
		names[b.name] = true
		if !strings.HasSuffix(b.what, ".") || b.holds == "" || b.words == "" || len(b.tests) == 0 {
			t.Errorf("%s lacks a sentence, a promise, tests or words: %+v", b.name, b)
		}
		written, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(b.in), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range b.tests {
			if !slices.ContainsFunc(written, func(file string) bool {
				text, err := os.ReadFile(file)
				return err == nil && strings.Contains(string(text), "func "+test+"(")
			}) {
				t.Errorf("%s: there is no %s in %s", b.name, test, b.in)
			}
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d bugs", len(names))
	}
}

// The product is shipped without the bugs and without their tags.
func TestNoBugStandsInTheSource(t *testing.T) {
	err := filepath.WalkDir(top, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules" || path == filepath.Join(top, "scripts", "planted")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if regexp.MustCompile(`(?m)^//go:build .*planted_`).Match(text) {
			t.Errorf("%s has the tag of a planted bug", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// orchard is a module to plant in.
func orchard(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":        "module orchard\n\ngo 1.24\n",
		"apple/sum.go":  "package apple\n\nfunc Sum(a, b int) int { return a + b }\n\nfunc Wait() {}\n",
		"apple/tag.go":  "//go:build linux || !linux\n\npackage apple\n\nconst Tagged = 1\n",
		"apple/not.txt": "",
		"apple/sum_test.go": `package apple

import "testing"

func TestSum(t *testing.T) {
	if got := Sum(2, 3); got != 5 {
		t.Errorf("the sum is %d", got)
	}
}

func TestWait(t *testing.T) { Wait() }

func TestLazy(t *testing.T) {}

func TestSkipped(t *testing.T) { t.Skip("no sun") }
`,
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func worm(name string, more ...func(*bug)) bug {
	b := bug{name: name, what: "It is eaten.", in: "apple", tests: []string{"TestSum"}, words: "the sum is -1",
		edits: []edit{{"apple/sum.go", "a + b", "a - b"}}}
	for _, f := range more {
		f(&b)
	}
	return b
}

// What is not found for the right reason is not found.
func TestOnlyAFailureForTheRightReasonCounts(t *testing.T) {
	edits := func(old, new string) func(*bug) {
		return func(b *bug) { b.edits = []edit{{"apple/sum.go", old, new}} }
	}
	by := func(test string) func(*bug) { return func(b *bug) { b.tests = []string{test} } }
	wants := []struct {
		bug bug
		why string
	}{
		{worm("found"), ""},
		{worm("harmless", edits("a + b", "b + a")), "not found: the tests pass with it"},
		{worm("unseen", by("TestLazy")), "not found: the tests pass with it"},
		{worm("seen_by_one", func(b *bug) { b.tests = append(b.tests, "TestLazy") }), "not found by TestLazy"},
		{worm("other_reason", func(b *bug) { b.words = "the product" }), "found for another reason"},
		{worm("no_program", edits("a + b", "a + c")), "does not compile"},
		{worm("crash", edits("func Wait() {}", "func Wait() { panic(5) }"), by("TestWait")), "found for another reason"},
		{worm("slow", edits("func Wait() {}", "func Wait() { for {} }"), by("TestWait")), "not found: the tests do not come to an end"},
	}
	var bugs []bug
	for _, w := range wants {
		bugs = append(bugs, w.bug)
	}
	var out strings.Builder
	n := &nursery{root: orchard(t), tags: "any", workers: 2, limit: 3 * time.Second, out: &out}
	results, err := n.plant(t.Context(), bugs, regexp.MustCompile(""))
	if err != nil || len(results) != len(wants) {
		t.Fatalf("%v\n%s", err, &out)
	}
	for i, w := range wants {
		if got := results[i].why; !strings.HasPrefix(got, w.why) || (got == "") != (w.why == "") {
			t.Errorf("%s: %q, want %q\n%s", w.bug.name, got, w.why, results[i].output)
		}
	}
}

// Where nothing can be said of any bug that is an error, not a success.
func TestWhatCannotBeTriedIsAnError(t *testing.T) {
	for what, b := range map[string]bug{
		"found 0 times":   worm("stale", func(b *bug) { b.edits[0].old = "a * b" }),
		"not once":        worm("vague", func(b *bug) { b.edits[0].old = "a" }),
		"changes nothing": worm("nothing", func(b *bug) { b.edits = nil }),
		"build line":      worm("tagged", func(b *bug) { b.edits = []edit{{"apple/tag.go", "= 1", "= 2"}} }),
		"did not run":     worm("skipped", func(b *bug) { b.tests = []string{"TestSkipped"} }),
		"TestNobody":      worm("nobody", func(b *bug) { b.tests = []string{"TestNobody"} }),
		"no such file":    worm("nowhere", func(b *bug) { b.edits[0].file = "pear/sum.go" }),
	} {
		n := &nursery{root: orchard(t), tags: "any", workers: 1, limit: time.Minute, out: new(strings.Builder)}
		results, err := n.plant(t.Context(), []bug{b}, regexp.MustCompile(""))
		if err == nil || !strings.Contains(err.Error(), what) || results != nil {
			t.Errorf("%s: %v, %+v", b.name, err, results)
		}
	}
}
