package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bug is one bug to plant.
type bug struct {
	name  string // its build tag is planted_NAME
	what  string // what the product does with it, as one sentence
	holds string // the promises and cases of docs/RELIABILITY.md that it breaks
	edits []edit
	in    string   // the folder of the package whose tests have to notice
	tests []string // each of these has to fail
	words string   // and what they print has to hold this
	model bool     // random histories alone, TestI1ToI10 of package replica, found it too when that was tried
}

// edit replaces a text that is found exactly once in a file.
type edit struct{ file, old, new string }

// all lists the bugs; their numbers are their places, from 1 on.
func all() []bug {
	return slices.Concat(ofTheFile(), ofSending(), ofFetching(), ofTheRest(), holes())
}

func (b bug) tag() string { return "planted_" + b.name }

// files returns the files that the bug changes, as they are with it.
func (b bug) files(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range b.edits {
		text, known := changed[e.file]
		if !known {
			read, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file)))
			if err != nil {
				return nil, err
			}
			text = string(read)
		}
		if n := strings.Count(text, e.old); n != 1 || e.old == e.new {
			return nil, fmt.Errorf("bug %s: the text to replace is found %d times in %s, not once: plant it anew", b.name, n, e.file)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	if len(changed) == 0 {
		return nil, fmt.Errorf("bug %s changes nothing", b.name)
	}
	return changed, nil
}

// overlay writes files into dir that make the go command see each changed file
// twice: as it is, without any of its bugs' tags, and once more for each bug,
// behind its tag. It returns the name of the overlay.
func overlay(root, dir string, bugs []bug) (string, error) {
	replace := map[string]string{}
	put := func(place, text string) error {
		place, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(place)))
		if err != nil {
			return err
		}
		name := filepath.Join(dir, fmt.Sprint(len(replace), ".go"))
		replace[place] = name
		return os.WriteFile(name, []byte(text), 0o600)
	}
	tags := map[string][]string{} // of the bugs in each file
	for _, b := range bugs {
		changed, err := b.files(root)
		if err != nil {
			return "", err
		}
		for file, text := range changed {
			tags[file] = append(tags[file], "!"+b.tag())
			folder, base := filepath.Split(filepath.FromSlash(file))
			if err := put(folder+b.tag()+"_"+base, "//go:build "+b.tag()+"\n\n"+text); err != nil {
				return "", err
			}
		}
	}
	for file, none := range tags {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return "", err
		}
		if strings.Contains(string(text), "\n//go:build ") || strings.HasPrefix(string(text), "//go:build ") {
			return "", fmt.Errorf("%s has a build line of its own: plant elsewhere", file)
		}
		if err := put(file, "//go:build "+strings.Join(none, " && ")+"\n\n"+string(text)); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	name := filepath.Join(dir, "overlay.json")
	return name, errors.Join(err, os.WriteFile(name, text, 0o600))
}

// printList prints the bugs as a Markdown table.
func printList(out io.Writer, bugs []bug) {
	fmt.Fprintln(out, "| # | planted bug | breaks | found by |\n|---|---|---|---|")
	for i, b := range bugs {
		var tests []string
		for _, t := range b.tests {
			tests = append(tests, "`"+t+"`")
		}
		also := ""
		if b.model {
			also = "; the model test alone too"
		}
		fmt.Fprintf(out, "| %d | `%s`: %s | %s | %s in `%s`%s |\n", i+1, b.name, b.what, b.holds, strings.Join(tests, ", "), b.in, also)
	}
}
