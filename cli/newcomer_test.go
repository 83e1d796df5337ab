package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/cli"
)

func TestHelpWithACommandIsTheHelpOfThatCommand(t *testing.T) {
	for _, words := range []string{"todos", "todos add", "outbox keep", "connections discover", "sign-out", "version", "playground"} {
		args := strings.Fields(words)
		_, want, _ := run(t, nil, "", append(args, "--help")...)
		status, got, stderr := run(t, nil, "", append([]string{"help"}, args...)...)
		if status != cli.ExitDone || got != want || stderr != "" {
			t.Errorf("help %s: status %d, %q, want %q", words, status, got, want)
		}
	}
	if status, _, stderr := run(t, nil, "", "help", "todoz"); status != cli.ExitUsage || !strings.Contains(stderr, "Did you mean todos?") {
		t.Errorf("status %d, %q", status, stderr)
	}
	// Nothing that is asked about is done.
	if status, _, stderr := run(t, nil, "", "help", "todos", "add", "--", "x"); status != cli.ExitDone {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestATypoIsAnsweredInFewLinesWithTheNearestWord(t *testing.T) {
	for typed, says := range map[string]string{
		"todo":                     `There is no command "todo". Did you mean todos?`,
		"signin":                   "Did you mean sign-in?",
		"conn":                     "Did you mean connections?",
		"--connection ext todos":   `Write the command before "--connection".`,
		"todos --jso":              "There is no option --jso here. Did you mean --json?",
		"todos --connection":       "The option --connection needs a value.",
		"todos ad":                 `todos takes no "ad". Did you mean add?`,
		"playground --todos many":  `There is an invalid value "many" for the option --todos`,
		"todos --filter done":      "it is todo, today, completed or tag:NAME",
		"todos add x --priority 1": "it is high, medium, low or none",
		"export x --format xml":    "it is json, csv or backup",
	} {
		_, _, stderr := run(t, nil, "", strings.Fields(typed)...)
		if !strings.Contains(stderr, says) || strings.Count(stderr, "\n") > 3 {
			t.Errorf("%s: %q", typed, stderr)
		}
	}
	for _, far := range []string{"zebra", "x", "", strings.Repeat("todos", 1000)} {
		if _, _, stderr := run(t, nil, "", far); strings.Contains(stderr, "Did you mean") || len(stderr) > 200 {
			t.Errorf("%.20q: %q", far, stderr)
		}
	}
}

func TestArgumentsOfAToolThatAreNoObjectAreNotSent(t *testing.T) {
	for _, args := range []string{"", "{", "[]", "null", `"x"`, "7"} {
		if status, _, stderr := run(t, nil, "", "mcp", "call", "delete_todo", "--args", args); status != cli.ExitUsage || !strings.Contains(stderr, "not a JSON object") {
			t.Errorf("%q: status %d, %s", args, status, stderr)
		}
	}
}

func TestTheWayToSignInIsOneThatTheCommandTakes(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	c.fails(cli.ExitSignInNeeded, "or add --sign-in", "todos")
	for _, args := range [][]string{{"outbox"}, {"sign-out"}} {
		if _, _, stderr := c.run(nil, args...); strings.Contains(stderr, "add --sign-in") {
			t.Errorf("%q: %s", args, stderr)
		}
	}
	c.fails(cli.ExitSignInNeeded, "nothing to sign out from", "sign-out")
}

// full is standard output on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAResultThatDoesNotGetOutIsNotStatus0(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	for _, args := range [][]string{{"todos"}, {"todos", "--json"}, {"todos", "add", "x"}, {"connections"}, {"connections", "presets"},
		{"export", "-"}, {"doctor"}, {"trace"}, {"help"}, {"todos", "--help"}, {"version"}} {
		var errs bytes.Buffer
		status := cli.Run(t.Context(), cli.Env{
			Args: args, Stdout: full{}, Stderr: &errs, Version: "test", LookupEnv: func(string) (string, bool) { return "", false },
			Open: c.open,
		})
		if status != cli.ExitFailed || !strings.Contains(errs.String(), "could not be written") || strings.Contains(errs.String(), "inside Waybill") {
			t.Errorf("%q: status %d, %s", args, status, errs.String())
		}
	}
}

// damage damages the local copy.
func (c *computer) damage() {
	c.t.Helper()
	copies, err := filepath.Glob(filepath.Join(c.home, "todos-*.db"))
	if err != nil || len(copies) != 1 {
		c.t.Fatalf("%q, %v", copies, err)
	}
	if err := os.WriteFile(copies[0], []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func TestTheCommandThatFindsTheCopyDamagedSaysSo(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos")
	c.runs("todos", "add", "only here", "--offline")
	c.damage()
	if _, stderr := c.runs("outbox"); !strings.Contains(stderr, "were damaged") || !strings.Contains(stderr, "No unsent change was found") || !strings.Contains(stderr, ".damaged-") {
		t.Errorf("nothing is said of the damage: %s", stderr)
	}
	if _, stderr := c.runs("outbox"); strings.Contains(stderr, "damaged") {
		t.Errorf("it is said twice: %s", stderr)
	}
}

func TestSigningOutOfADamagedCopyIsRefusedOnce(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.damage()
	c.fails(cli.ExitFailed, "were damaged, and changes that were not sent may be lost. Add --discard", "sign-out")
	c.runs("sign-out") // it was said
}

func TestADoctorThatIsInterruptedBlamesNoConnection(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	ctx, cancel := context.WithCancel(t.Context())
	var errs bytes.Buffer
	status := cli.Run(ctx, cli.Env{
		Args: []string{"doctor"}, Stdout: writes(cancel), Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Open: c.open,
	})
	if status != cli.ExitFailed || errs.String() != "waybill: Cancelled.\n" {
		t.Errorf("status %d, %q", status, errs.String())
	}
}

// writes is a writer that calls something at each write.
type writes func()

func (f writes) Write(p []byte) (int, error) {
	f()
	return io.Discard.Write(p)
}

func TestAnIDTokenFileThatIsEmptyIsNotBlamedOnTheProvider(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	status, _, stderr := c.run(strings.NewReader("\n"), "todos", "--id-token-file", "-")
	if status != cli.ExitFailed || !strings.Contains(stderr, "it is empty") || strings.Contains(stderr, "refused") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// endless is standard input that nobody types anything into.
type endless struct {
	asked func()
	until <-chan struct{}
}

func (e endless) Read([]byte) (int, error) {
	e.asked()
	<-e.until
	return 0, io.EOF
}

func TestInterruptedWhileItReadsStandardInputACommandEnds(t *testing.T) {
	for _, args := range [][]string{{"import", "-"}, {"connections", "add", "-", "--yes"}, {"todos", "--connection-file", "-"}, {"sign-in", "--id-token-file", "-"}} {
		c := newServer(t).computer("alice@example.com")
		ctx, cancel := context.WithCancel(t.Context())
		var errs bytes.Buffer
		status := cli.Run(ctx, cli.Env{
			Args: args, Stdin: endless{cancel, t.Context().Done()}, Stdout: io.Discard, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false }, Open: c.open,
		})
		if status != cli.ExitFailed || errs.String() != "waybill: Cancelled.\n" {
			t.Errorf("%q: status %d, %q", args, status, errs.String())
		}
	}
}
