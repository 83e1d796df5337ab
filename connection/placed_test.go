//go:build unix

package connection_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"waybill/connection"
)

// folder is one of an administrator's.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "connections.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func place(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func named(name string) string {
	return strings.Replace(strings.ReplaceAll(strings.ReplaceAll(full, `"client_secret": "${IDP_SECRET}",`, ""), `"client_secret": "${RESOURCE_SECRET}",`, ""), "my-org", name, 1)
}

func TestPlacedConnectionsAreReadInOrderAndABadOneStopsNoOther(t *testing.T) {
	dir, second := folder(t), folder(t)
	place(t, filepath.Join(dir, "10-good.json"), named("good"), 0o644)
	place(t, filepath.Join(dir, "20-bad.json"), strings.Replace(named("bad"), `"issuer"`, `"isuer"`, 1), 0o644)
	place(t, filepath.Join(dir, "30-also-good.json"), named("also-good"), 0o644)
	place(t, filepath.Join(dir, "README"), "not a connection", 0o644)
	place(t, filepath.Join(dir, ".hidden.json"), "not a connection", 0o644)
	place(t, filepath.Join(second, "good.json"), named("good"), 0o644)
	place(t, filepath.Join(second, "playground.json"), named("playground"), 0o644)
	var got []string
	for _, p := range connection.ReadPlaced([]string{dir, second, "/nonexistent"}, environment()) {
		if p.Fault != nil {
			got = append(got, filepath.Base(p.Path)+" "+p.Fault.Code+" "+p.Fault.Field)
			continue
		}
		got = append(got, p.Connection.Name)
	}
	if want := "good, 20-bad.json unknown_field idp.isuer, also-good, good.json name_taken name, playground.json name_taken name"; strings.Join(got, ", ") != want {
		t.Errorf("read %s", strings.Join(got, ", "))
	}
}

func TestSecretsOfPlacedConnections(t *testing.T) {
	dir, elsewhere := folder(t), t.TempDir()
	secretAt := filepath.Join(elsewhere, "secret")
	place(t, secretAt, " from-a-file\n", 0o640)
	file := strings.ReplaceAll(strings.ReplaceAll(full, "${IDP_SECRET}", "file:"+secretAt), "${RESOURCE_SECRET}", "${FROM_ENV}")
	place(t, filepath.Join(dir, "a.json"), file, 0o644)
	placed := connection.ReadPlaced([]string{dir}, environment("FROM_ENV", "from-the-environment"))
	if len(placed) != 1 || placed[0].Fault != nil || placed[0].Credentials.IdP.Reveal() != "from-a-file" || placed[0].Credentials.Resource.Reveal() != "from-the-environment" {
		t.Fatalf("%+v", placed)
	}
	if got := placed[0].Origins[connection.FieldIdPSecret]; got != "in the file "+secretAt {
		t.Errorf("origin %q", got)
	}
	// Any other file comes from anybody.
	if _, _, err := connection.Parse([]byte(file), environment("FROM_ENV", "x")); err == nil || !strings.Contains(err.Error(), "idp.client_secret") {
		t.Errorf("a file that was not placed names a secret file: %v", err)
	}
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		ref     string
		code    string
	}{
		"read by all": {"x", 0o644, secretAt, "readable"}, "written by all": {"x", 0o602, secretAt, "untrusted"}, "empty": {" \n", 0o600, secretAt, "secret_file"},
		"too large": {strings.Repeat("x", 20<<10), 0o600, secretAt, "too_large"}, "missing": {"x", 0o600, secretAt + "x", "missing"},
		"a folder": {"x", 0o600, elsewhere, "not_a_file"}, "relative": {"x", 0o600, "secret", "secret_file"}, "endless": {"x", 0o600, "/dev/zero", "not_a_file"},
	} {
		place(t, secretAt, c.content, c.mode)
		place(t, filepath.Join(dir, "a.json"), strings.ReplaceAll(file, secretAt, c.ref), 0o644)
		got := connection.ReadPlaced([]string{dir}, environment("FROM_ENV", "x"))
		if len(got) != 1 || got[0].Fault == nil || got[0].Fault.Code != c.code || got[0].Fault.Field != "idp.client_secret" || !got[0].Credentials.Resource.Empty() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// S106: what a hostile or broken folder holds is bounded and named.
func TestS106_HostileFilesAmongThePlaced(t *testing.T) {
	dir := folder(t)
	place(t, filepath.Join(dir, "a-clear.json"), strings.Replace(full, "${IDP_SECRET}", "plain", 1), 0o644)
	place(t, filepath.Join(dir, "b-writable.json"), named("b"), 0o666)
	place(t, filepath.Join(dir, "c-large.json"), strings.Repeat(" ", 1<<20), 0o644)
	if err := syscall.Mkfifo(filepath.Join(dir, "d-pipe.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"e-zero.json": "/dev/zero", "f-nowhere.json": "/nonexistent", "g-loop.json": "g-loop.json"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "h-folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{"secret_in_file", "untrusted", "too_large", "not_a_file", "not_a_file", "missing", "unreadable", "not_a_file"}
	got := connection.ReadPlaced([]string{dir}, environment())
	for i, p := range got {
		if p.Fault == nil || p.Fault.Code != want[i] || p.Fault.Remedy == "" && p.Fault.Code != "secret_in_file" || strings.Contains(p.Fault.Error(), "plain\"") {
			t.Errorf("%s: %v, not %s", p.Path, p.Fault, want[i])
		}
	}
	many := folder(t)
	for i := range 300 {
		place(t, filepath.Join(many, fmt.Sprintf("%03d.json", i)), named(fmt.Sprint("n", i)), 0o644)
	}
	if got := connection.ReadPlaced([]string{many}, environment()); len(got) != 201 || got[200].Fault == nil || got[200].Fault.Code != "too_many" {
		t.Errorf("%d of 300 are read", len(got))
	}
	if err := os.Chmod(many, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := connection.ReadPlaced([]string{many}, environment()); len(got) != 1 || got[0].Fault == nil || got[0].Fault.Code != "untrusted" {
		t.Errorf("a folder that all may write: %d", len(got))
	}
}

func TestWherePlacedConnectionsAre(t *testing.T) {
	env := map[string]string{"XDG_CONFIG_DIRS": "/a:relative:/b", "ProgramData": `C:\ProgramData`}
	got := strings.Join(connection.PlacedFolders(func(n string) string { return env[n] }), " ")
	if want := "/a/waybill/connections.d /b/waybill/connections.d"; got != want && !strings.HasPrefix(got, "/Library/") {
		t.Errorf("%s", got)
	}
	env = nil
	if got := connection.PlacedFolders(func(n string) string { return env[n] }); len(got) != 1 || !filepath.IsAbs(got[0]) {
		t.Errorf("by default %v", got)
	}
}
