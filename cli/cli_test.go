package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/cli"
	"waybill/fault"
	"waybill/session"
)

// run runs a command whose Manager cannot be opened: whatever it says before
// that is about the command line alone.
func run(t *testing.T, openError error, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = cli.Run(t.Context(), cli.Env{
		Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Version: "test",
		LookupEnv: func(string) (string, bool) { return "", false },
		Open: func(context.Context, cli.OpenOptions) (*session.Manager, error) {
			if openError == nil {
				t.Error("the Manager was opened although the command line is wrong")
				openError = errors.New("unexpected")
			}
			return nil, openError
		},
	})
	return status, out.String(), errs.String()
}

func TestWrongUsageIsStatus2AndNamesTheMistake(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "which command"},
		{[]string{"todo"}, `"todo"`},
		{[]string{"todos", "--fliter", "x"}, "fliter"},
		{[]string{"todos", "extra"}, `"extra"`},
		{[]string{"todos", "--filter", "nonsense"}, `"nonsense"`},
		{[]string{"todos", "--offline", "add", "x"}, `"add" before the options`},
		{[]string{"todos", "add"}, "what the to-do is"},
		{[]string{"todos", "add", "x", "--priority", "huge"}, `"huge"`},
		{[]string{"todos", "add", "x", "--due", "tomorrowish"}, `"tomorrowish"`},
		{[]string{"todos", "done"}, "by its id"},
		{[]string{"todos", "edit", "7"}, "what to change"},
		{[]string{"todos", "rm", "1", "2"}, "by its id"},
		{[]string{"outbox", "frobnicate"}, `"frobnicate"`},
		{[]string{"outbox", "--json", "retry", "1"}, `"retry" before the options`},
		{[]string{"outbox", "retry"}, "by its number, or say all"},
		{[]string{"outbox", "retry", "some"}, "by its number"},
		{[]string{"outbox", "discard", "-1"}, "no option --1"},
		{[]string{"outbox", "discard", "x"}, "by its number"},
		{[]string{"outbox", "restore"}, "by its number"},
		{[]string{"outbox", "keep", "3"}, "whose to keep"},
		{[]string{"outbox", "keep", "ours", "3"}, `"ours"`},
		{[]string{"outbox", "missing"}, "keep or remove"},
		{[]string{"outbox", "missing", "burn"}, `"burn"`},
		{[]string{"export"}, "the file to write"},
		{[]string{"export", "x", "--format", "xml"}, `"xml"`},
		{[]string{"import"}, "the file to read"},
		{[]string{"import", "-", "--id-token-file", "-"}, "one of the two"},
		{[]string{"connections", "frobnicate"}, `"frobnicate"`},
		{[]string{"connections", "show"}, "one connection"},
		{[]string{"playground", "--todos", "-1"}, "negative"},
		{[]string{"sign-in", "alice"}, `"alice"`},
	} {
		status, stdout, stderr := run(t, nil, "", c.args...)
		if status != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: status %d, out %q, err %q", c.args, status, stdout, stderr)
		}
	}
}

func TestHelpGoesToStandardOutput(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"todos", "--help"}, {"mcp", "-h"}, {"playground", "--help"}, {"todos", "add", "-h"}, {"outbox", "-h"}, {"outbox", "keep", "-h"}, {"export", "-h"}, {"import", "-h"}} {
		status, stdout, stderr := run(t, nil, "", args...)
		if status != cli.ExitDone || !strings.Contains(stdout, "Usage: waybill") || stderr != "" {
			t.Errorf("%q: status %d, out %q, err %q", args, status, stdout, stderr)
		}
	}
	if _, out, _ := run(t, nil, "", "help"); !strings.Contains(out, "3 sign-in needed, 4 offline") {
		t.Error("the exit statuses are not in the help")
	}
}

func TestHelpOfAWordOfTodosIsAboutThatWord(t *testing.T) {
	status, out, _ := run(t, nil, "", "todos", "edit", "--help")
	if status != cli.ExitDone || !strings.HasPrefix(out, "Usage: waybill todos edit ID\n") {
		t.Errorf("status %d: %s", status, out)
	}
}

func TestHelpListsTheWordsThatMayFollow(t *testing.T) {
	for name, words := range map[string][]string{"todos": {"add TITLE", "rm ID"}, "outbox": {"retry NUMBER|all", "keep mine|theirs|both NUMBER", "missing keep|remove"}} {
		_, out, _ := run(t, nil, "", name, "--help")
		for _, word := range words {
			if !strings.Contains(out, "\n  "+word+"\n") {
				t.Errorf("the help of %s does not list %q:\n%s", name, word, out)
			}
		}
	}
}

func TestTheFaultsKindDecidesTheExitStatus(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.Failed: cli.ExitFailed, fault.Config: cli.ExitFailed, fault.Denied: cli.ExitFailed, fault.Canceled: cli.ExitFailed,
		fault.SignInNeeded: cli.ExitSignInNeeded, fault.StepUp: cli.ExitSignInNeeded, fault.Offline: cli.ExitOffline,
	} {
		f := fault.New(fault.StepExchange, kind, "code_x", "It did not work.").WithRemedy("Do that.").WithServer(400, "server words")
		status, stdout, stderr := run(t, f, "", "todos")
		if status != want || stdout != "" {
			t.Errorf("kind %d: status %d, out %q", kind, status, stdout)
		}
		if stderr != "waybill: token exchange: It did not work. Do that.\n         The server's words: server words\n" {
			t.Errorf("stderr %q", stderr)
		}
		_, _, stderr = run(t, f, "", "todos", "--json")
		if !strings.HasPrefix(stderr, `{"error":{"step":"token exchange","code":"code_x","message":"It did not work."`) {
			t.Errorf("stderr with --json %q", stderr)
		}
	}
}

func TestAForeignErrorsTextIsNotShown(t *testing.T) {
	status, _, stderr := run(t, errors.New("canary: Bearer abc"), "", "connections")
	if status != cli.ExitFailed || strings.Contains(stderr, "canary") || !strings.Contains(stderr, "inside Waybill") {
		t.Errorf("status %d, %q", status, stderr)
	}
}

func TestFlagsMayStandAnywhereAndEndAtTwoDashes(t *testing.T) {
	stop := fault.New(fault.StepSetup, fault.Failed, "stop", "Stopped here.")
	for _, args := range [][]string{
		{"todos", "add", "--priority", "high", "buy", "milk"},
		{"todos", "add", "buy", "--priority", "high", "milk"},
		{"todos", "add", "--", "--not-a-flag"},
		{"todos", "done", "7", "--offline"},
	} {
		if status, _, stderr := run(t, stop, "", args...); status != cli.ExitFailed || !strings.Contains(stderr, "Stopped here.") {
			t.Errorf("%q: status %d, %q", args, status, stderr)
		}
	}
}

func TestAddingAConnectionNamesWhatIsWrongWithItsFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "missing.json"): "does not exist", large: "larger than 1 MiB", "-": "not valid JSON",
	} {
		status, _, stderr := run(t, nil, "no json", "connections", "add", path)
		if status != cli.ExitFailed || !strings.Contains(stderr, says) {
			t.Errorf("%s: status %d, %q", path, status, stderr)
		}
	}
}

func TestPresetsShowWhatMustBeRegistered(t *testing.T) {
	status, stdout, _ := run(t, nil, "", "connections", "presets")
	if status != cli.ExitDone || !strings.Contains(stdout, "http://127.0.0.1:8765/callback") || !strings.Contains(stdout, "https://xaa.dev/developer/register") ||
		!strings.Contains(stdout, "http://127.0.0.1/callback, on any port") || strings.Contains(stdout, ":0/callback") {
		t.Errorf("status %d, %q", status, stdout)
	}
}

func TestNothingIsNeededToHelp(t *testing.T) {
	for words, want := range map[string]bool{"help": true, "--help": true, "todos --help": true, "version": true, "--version": true, "help todos": true, "todos": false, "todos add version": false, "": false} {
		if got := cli.Helps(strings.Fields(words)); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		if status, stdout, _ := run(t, nil, "", arg); status != cli.ExitDone || stdout != "waybill test\n" {
			t.Errorf("status %d, %q", status, stdout)
		}
	}
}
