package house

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of the house, in lines.
const (
	longestFunction = 70
	longestFile     = 500 // tests may be longer: a table is read row by row
)

// root is the folder of this repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// source is one Go file of this repository.
type source struct {
	name string // relative to the root, with slashes
	text []byte
	file *ast.File
	set  *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) under(folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(s.name, f+"/") })
}

func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+path+`"` })
}

func (s source) line(pos token.Pos) int { return s.set.Position(pos).Line }

// sources parses every Go file of the repository, the test programs included.
func sources(t *testing.T) []source {
	t.Helper()
	base := root(t)
	var all []source
	err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != base && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "dist" || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(base, path)
		all = append(all, source{filepath.ToSlash(relative), text, file, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files were found", len(all))
	}
	return all
}

func TestNoFunctionNeedsScrolling(t *testing.T) {
	for _, s := range sources(t) {
		for _, declaration := range s.file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if lines := s.line(function.End()) - s.line(function.Pos()); lines > longestFunction {
				t.Errorf("%s:%d: %s has %d lines, and %d are allowed", s.name, s.line(function.Pos()), function.Name.Name, lines, longestFunction)
			}
		}
	}
}

func TestNoFileIsTooLong(t *testing.T) {
	for _, s := range sources(t) {
		if lines := bytes.Count(s.text, []byte("\n")); !s.test() && lines > longestFile {
			t.Errorf("%s has %d lines, and %d are allowed", s.name, lines, longestFile)
		}
	}
}

func TestEveryPackageSaysWhatItKeeps(t *testing.T) {
	said, folders := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		folder := filepath.Dir(s.name)
		folders[folder] = true
		if s.file.Doc != nil && len(s.file.Doc.Text()) > 40 {
			said[folder] = true
		}
	}
	for folder := range folders {
		if !said[folder] {
			t.Errorf("the package in %s has no package comment", folder)
		}
	}
}

// calls finds the calls of package.name in s, for example time.Sleep.
func (s source) calls(pkg string, names ...string) []*ast.SelectorExpr {
	var found []*ast.SelectorExpr
	ast.Inspect(s.file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == pkg && slices.Contains(names, selector.Sel.Name) {
			found = append(found, selector)
		}
		return true
	})
	return found
}

// Every request goes through the one client that follows no redirect with a
// credential. The playground is the other side; tests and test programs play
// browsers and servers.
func TestHTTPGoesThroughTransport(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || s.under("transport", "playground", "scripts", "e2e") || !s.imports("net/http") {
			continue
		}
		for _, use := range s.calls("http", "DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm", "Client", "Transport") {
			if mayName(s, use) {
				continue
			}
			t.Errorf("%s:%d: http.%s beside the client of package transport", s.name, s.line(use.Pos()), use.Sel.Name)
		}
	}
}

// mayName reports whether use only names the type, as in *http.Client: packages
// hand on the client that they were given.
func mayName(s source, use *ast.SelectorExpr) bool {
	if use.Sel.Name != "Client" && use.Sel.Name != "Transport" {
		return false
	}
	named := true
	ast.Inspect(s.file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.CompositeLit); ok && literal.Type == use {
			named = false
		}
		return named
	})
	return named
}

// A sleep in a test is either too short on a slow machine or too long on all
// others. Inside a bubble of testing/synctest the clock is virtual and a sleep
// is exact.
func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range sources(t) {
		if !(s.test() || s.under("e2e")) || s.imports("testing/synctest") {
			continue
		}
		for _, call := range s.calls("time", "Sleep") {
			t.Errorf("%s:%d: time.Sleep in a test: wait for a signal instead", s.name, s.line(call.Pos()))
		}
	}
}

func TestASkipSaysWhy(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test() && !s.under("e2e") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := selector.X.(*ast.Ident)
			if !ok || (x.Name != "t" && x.Name != "b" && x.Name != "f") {
				return true
			}
			if selector.Sel.Name == "SkipNow" || (selector.Sel.Name == "Skip" || selector.Sel.Name == "Skipf") && len(call.Args) == 0 {
				t.Errorf("%s:%d: a skip without a reason", s.name, s.line(call.Pos()))
			}
			return true
		})
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	for _, s := range sources(t) {
		for _, declaration := range s.file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == "init" {
				t.Errorf("%s:%d: func init: give the work to a constructor", s.name, s.line(function.Pos()))
			}
		}
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	words := []string{"TO" + "DO:", "TO" + "DO(", "FIX" + "ME", "XX" + "X:", "not imple" + "mented", "unimple" + "mented"}
	for _, s := range sources(t) {
		lines := bufio.NewScanner(bytes.NewReader(s.text))
		lines.Buffer(nil, 1<<20)
		for number := 1; lines.Scan(); number++ {
			for _, word := range words {
				if strings.Contains(lines.Text(), word) {
					t.Errorf("%s:%d: %q: finish it, or write it into CHANGELOG.md as not done", s.name, number, word)
				}
			}
		}
	}
}
