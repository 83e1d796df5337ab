package flow

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// What the README promises of the command line has to be in the program's own
// help: every command, every option, every variable.
func TestTheREADMEsCommandsAndOptionsExist(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	waybill := program.In(t, desktop.New(t, desktop.Options{}), program.Headless)
	help := waybill.Command("help").Stdout

	var commands []string
	for _, found := range regexp.MustCompile("`waybill ([a-z-]+)").FindAllStringSubmatch(readme, -1) {
		commands = append(commands, found[1])
	}
	slices.Sort(commands)
	commands = slices.Compact(commands)
	if len(commands) < 6 {
		t.Fatalf("the README names only %q", commands)
	}
	for _, command := range commands {
		r := waybill.Command(command, "--help")
		if r.Code != 0 || !strings.Contains(r.Stdout, "Usage: waybill "+command) {
			t.Errorf("waybill %s --help ended with %d:\n%s%s", command, r.Code, r.Stdout, r.Stderr)
		}
		help += r.Stdout
	}
	for _, option := range regexp.MustCompile("`(--[a-z-]+)|(WAYBILL_[A-Z_]+)").FindAllStringSubmatch(readme, -1) {
		if name := option[1] + option[2]; !strings.Contains(help, name) && name != "--help" {
			t.Errorf("the README names %s, and no help does", name)
		}
	}
}
