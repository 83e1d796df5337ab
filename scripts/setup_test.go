package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a PATH with the named real programs and some that only pretend.
type machine struct {
	t    *testing.T
	path string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t, t.TempDir()}
	for _, program := range []string{"sh", "dirname", "sed", "grep", "tr", "cat", "mktemp", "rm", "tail"} {
		real, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("the machine that runs this test has no %s", program)
		}
		if err := os.Symlink(real, filepath.Join(m.path, program)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// pretend puts a program on the PATH that is this shell script.
func (m *machine) pretend(program, script string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.path, program), []byte("#!"+m.path+"/sh\n"+script+"\n"), 0o700); err != nil {
		m.t.Fatal(err)
	}
}

// debian makes it a Debian machine on which nothing is installed.
func (m *machine) debian(uid string) {
	m.pretend("uname", "echo Linux")
	m.pretend("id", "echo "+uid)
	m.pretend("dpkg-query", "exit 1")
}

// setup runs the script and returns what it said and whether it succeeded.
func (m *machine) setup(groups ...string) (string, bool) {
	m.t.Helper()
	script, err := filepath.Abs("setup")
	if err != nil {
		m.t.Fatal(err)
	}
	command := exec.CommandContext(m.t.Context(), filepath.Join(m.path, "sh"), append([]string{script}, groups...)...)
	command.Env = []string{"PATH=" + m.path, "HOME=" + m.t.TempDir()}
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

// refuses runs the script, which has to fail with these words.
func (m *machine) refuses(groups []string, words ...string) {
	m.t.Helper()
	said, ok := m.setup(groups...)
	if ok {
		m.t.Errorf("setup %v succeeded:\n%s", groups, said)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			m.t.Errorf("setup %v does not say %q:\n%s", groups, word, said)
		}
	}
}

func TestWithoutGoItSaysWhereToGetIt(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.refuses([]string{"go"}, "Go is missing.", "Go 1.26 or newer", "https://go.dev/dl/")
}

func TestAGoTooOldToFetchAnotherIsNamed(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.pretend("go", `case "$*" in "env GOVERSION") echo go1.19.8 ;; *) exit 1 ;; esac`)
	m.refuses([]string{"go"}, "Go 1.19", "Waybill needs Go 1.26 or newer", "https://go.dev/dl/")
}

func TestAGoThatMayNotFetchAnotherIsNamed(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.pretend("go", `case "$*" in "env GOVERSION") echo go1.24.1 ;; "env GOTOOLCHAIN") echo local ;; *) exit 1 ;; esac`)
	m.refuses([]string{"go"}, "Go 1.24", "Waybill needs Go 1.26 or newer")
}

func TestAnOlderGoThatFetchesANewerOneIsEnough(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.pretend("go", `case "$*" in "env GOVERSION") echo go1.24.1 ;; "env GOTOOLCHAIN") echo auto ;; version) echo go version go1.26.0 ;; *) exit 1 ;; esac`)
	if said, ok := m.setup("go"); !ok || !strings.Contains(said, "it fetches Go 1.26 by itself") {
		t.Fatalf("%v: %s", ok, said)
	}
}

func TestWithoutRootItPrintsTheCommandAndInstallsNothing(t *testing.T) {
	m := newMachine(t)
	m.debian("1000")
	m.pretend("apt-get", `echo "apt-get was run"`)
	m.refuses([]string{"window"}, "only root can install them", "apt-get update && apt-get install -y --no-install-recommends", "libgl1-mesa-dev")
	if said, _ := m.setup("window"); strings.Contains(said, "apt-get was run") {
		t.Errorf("apt-get was run without root:\n%s", said)
	}
}

func TestAsRootItInstallsWhatIsMissing(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	log := filepath.Join(t.TempDir(), "log")
	m.pretend("env", `shift; exec "$@"`)
	m.pretend("apt-get", `echo "$*" >>`+log)
	if said, ok := m.setup("window", "test"); !ok {
		t.Fatal(said)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"update", "install -y --no-install-recommends", " libgl1-mesa-dev", " xvfb", " gnome-keyring", " chromium"} {
		if !strings.Contains(string(text), words) {
			t.Errorf("apt-get was not asked for %q:\n%s", words, text)
		}
	}
}

func TestWithNothingMissingItRunsNoPackageManager(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.pretend("dpkg-query", "echo installed")
	m.pretend("apt-get", `echo "apt-get was run"; exit 1`)
	m.pretend("chromium", "exit 0")
	if said, ok := m.setup("window", "test", "package"); !ok || said != "" {
		t.Fatalf("%v: %s", ok, said)
	}
}

func TestAFailedInstallationShowsWhatAptSaid(t *testing.T) {
	m := newMachine(t)
	m.debian("0")
	m.pretend("env", `shift; exec "$@"`)
	m.pretend("apt-get", `case "$*" in *install*) echo "E: no space left"; exit 100 ;; esac`)
	m.refuses([]string{"window"}, "E: no space left", "could not be installed")
}

func TestElsewhereItSaysWhatIsMissing(t *testing.T) {
	for _, system := range []struct{ name, manager, words string }{
		{"Darwin", "", "xcode-select --install"},
		{"MINGW64_NT-10.0", "", "msys2.org"},
		{"Linux", "dnf", "sudo dnf install gcc"},
		{"Linux", "pacman", "sudo pacman -S --needed gcc"},
	} {
		t.Run(system.name+" "+system.manager, func(t *testing.T) {
			m := newMachine(t)
			m.pretend("uname", "echo "+system.name)
			if system.manager != "" {
				m.pretend(system.manager, `echo "the package manager was run"`)
			}
			m.refuses([]string{"window"}, "installs nothing by itself", system.words)
		})
	}
}
