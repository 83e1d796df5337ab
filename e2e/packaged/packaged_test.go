// Package packaged starts what `make package` made, as somebody who downloaded
// it would: unpacked somewhere, installed with its own Makefile, opened from its
// desktop file.
package packaged

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
)

const archive = "../../dist/Waybill.tar.xz"

// unpacked unpacks the archive and returns its one folder.
func unpacked(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(archive); err != nil {
		t.Fatal("there is no archive: run make package first")
	}
	folder := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xJf", archive, "-C", folder).CombinedOutput(); err != nil {
		t.Fatalf("the archive cannot be unpacked: %v\n%s", err, out)
	}
	return filepath.Join(folder, "waybill")
}

func TestThePackageInstallsAndShowsTheFirstRun(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	if r := d.Run(d.Env(), "make", "-C", unpacked(t), "user-install"); r.Code != 0 {
		t.Fatalf("make user-install ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	local := filepath.Join(d.Home, ".local")
	for _, file := range []string{"share/applications/app.waybill.Waybill.desktop", "share/icons/app.waybill.Waybill.png",
		"share/metainfo/app.waybill.Waybill.metainfo.xml"} {
		if _, err := os.Stat(filepath.Join(local, file)); err != nil {
			t.Errorf("%s was not installed", file)
		}
	}
	entry, err := os.ReadFile(filepath.Join(local, "share/applications/app.waybill.Waybill.desktop"))
	if err != nil {
		t.Fatal(err)
	}
	program := ""
	for line := range strings.Lines(string(entry)) {
		if value, found := strings.CutPrefix(line, "Exec="); found {
			program = strings.TrimSpace(value)
		}
	}
	app := d.Start(d.Env(), program)
	window := d.Window("Waybill", time.Minute)
	for _, offer := range []string{"built-in playground", "xaa.dev", "Another provider"} {
		window.Await(offer, time.Minute)
	}
	window.Close()
	if r := app.Wait(20 * time.Second); r.Code != 0 {
		t.Fatalf("the app ended with %d:\n%s", r.Code, r.Stderr)
	}
	version := d.Run(d.Env(), program, "version")
	if !strings.HasPrefix(version.Stdout, "waybill ") || strings.Contains(version.Stdout, "dev") {
		t.Fatalf("the packaged program says it is %q", version.Stdout)
	}
}
