package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the import path that all packages of this repository start with.
const module = "waybill"

// leaves may be seen by everyone and see nobody but each other.
var leaves = []string{"secret", "fault"}

// arrows says which packages a package may import beside the leaves; they point
// down only. A package of its own folder's internal tree belongs to it, and
// top-level internal packages are leaves. What is not listed here may not exist.
var arrows = map[string][]string{
	".":          {"gui", "cli", "session", "replica", "auth", "api", "connection", "transport", "playground", "todo"},
	"gui":        {"session", "explore", "form", "flow", "transport", "archive", "wording", "replica", "auth", "connection", "todo"},
	"cli":        {"session", "explore", "form", "flow", "archive", "wording", "replica", "auth", "api", "connection", "playground", "todo", "transport"},
	"session":    {"explore", "flow", "archive", "wording", "replica", "auth", "api", "connection", "transport", "playground", "todo"},
	"flow":       {"auth", "transport", "connection", "todo"},
	"archive":    {"todo"},
	"wording":    {"replica", "todo"},
	"replica":    {"api", "todo"},
	"auth":       {"transport", "connection", "todo"},
	"explore":    {"api", "form", "transport", "connection", "todo"},
	"form":       {},
	"api":        {"transport", "connection", "todo"},
	"playground": {"todo"},
	"connection": {},
	"transport":  {},
	"todo":       {},
	"secret":     {},
	"fault":      {},
	"scripts":    {},
	"internal":   {},
}

// fyneUsers are the only packages that may import Fyne; fyne/app, which opens
// the real window, is for the program alone.
var fyneUsers = []string{".", "gui"}

const (
	fyne    = "fyne.io/fyne/v2"
	fyneApp = fyne + "/app"
)

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// packages lists this module's packages as the window build sees them.
func packages(t *testing.T, tags string) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-tags", tags, "-json=ImportPath,Imports,Deps,Module", "./...")
	command.Dir = root(t)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && p.Module.Path == module {
			all = append(all, p)
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list found only %d packages of this module", len(all))
	}
	return all
}

// room names the folder of the house that an import path belongs to: "." for
// the program, else its first element.
func room(importPath string) string {
	inside := strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
	if inside == "" {
		return "."
	}
	first, _, _ := strings.Cut(inside, "/")
	return first
}

func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

func TestArrowsPointDownOnly(t *testing.T) {
	for _, tags := range []string{"gles,migrated_fynedo", "headless"} {
		for _, p := range packages(t, tags) {
			from := room(p.ImportPath)
			allowed, known := arrows[from]
			if !known {
				t.Errorf("%s is not in the house: add its arrows to the table in this test, and say why in the commit", p.ImportPath)
				continue
			}
			for _, imported := range p.Imports {
				if !ours(imported) {
					continue
				}
				to := room(imported)
				if to != from && to != "internal" && !slices.Contains(leaves, to) && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s, which is no arrow of the house (tags %s)", p.ImportPath, imported, tags)
				}
			}
		}
	}
}

func TestTheArrowsHaveNoCircle(t *testing.T) {
	done, open := map[string]bool{}, map[string]bool{}
	var visit func(string)
	visit = func(from string) {
		if open[from] {
			t.Fatalf("the table of arrows has a circle through %s", from)
		}
		if done[from] {
			return
		}
		open[from] = true
		for _, to := range arrows[from] {
			visit(to)
		}
		open[from], done[from] = false, true
	}
	for from := range arrows {
		visit(from)
	}
}

func TestFyneStaysInTheWindow(t *testing.T) {
	for _, p := range packages(t, "gles,migrated_fynedo") {
		where := room(p.ImportPath)
		for _, dependency := range p.Deps {
			inFyne := dependency == fyne || strings.HasPrefix(dependency, fyne+"/")
			if inFyne && !slices.Contains(fyneUsers, where) {
				t.Errorf("%s depends on %s; only the program and gui may", p.ImportPath, dependency)
				break
			}
		}
		if slices.Contains(p.Imports, fyneApp) && where != "." {
			t.Errorf("%s imports %s; only the program may", p.ImportPath, fyneApp)
		}
	}
}

func TestTheHeadlessProgramHasNoWindow(t *testing.T) {
	for _, p := range packages(t, "headless") {
		if p.ImportPath != module {
			continue
		}
		for _, dependency := range p.Deps {
			if strings.HasPrefix(dependency, "fyne.io/") || strings.Contains(dependency, "go-gl/") {
				t.Errorf("the headless program depends on %s", dependency)
			}
		}
	}
}

// The playground stands in for servers that are not ours, so it shares no code
// of the protocol with the side that calls it: neither could hide the other's
// mistake. Files are replaced safely in one way for both.
func TestThePlaygroundSharesNothingWithItsClients(t *testing.T) {
	may := []string{module + "/todo", module + "/secret", module + "/fault", module + "/internal/disk"}
	for _, p := range packages(t, "headless") {
		if room(p.ImportPath) != "playground" {
			continue
		}
		for _, dependency := range p.Deps {
			inside := strings.HasPrefix(dependency, path.Join(module, "playground"))
			if ours(dependency) && !inside && !slices.Contains(may, dependency) {
				t.Errorf("%s depends on %s", p.ImportPath, dependency)
			}
		}
	}
}
