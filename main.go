// Waybill is a to-do app whose to-dos live in another application, which it
// reaches through Cross App Access. Without a command it opens its window; with
// one it does one thing in the terminal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"waybill/auth"
	"waybill/cli"
	"waybill/connection"
	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/harden"
	"waybill/session"
	"waybill/transport"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "0.1.0-dev"

func main() { os.Exit(run()) }

func run() int {
	_ = harden.Process() // best effort: where it cannot be had, everything else still works
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl+C ends the program where it stands
	home, err := homeDir()
	if err != nil && !cli.Helps(os.Args[1:]) {
		return complain(err)
	}
	p := newPlaygrounds(filepath.Join(home, "playground"))
	defer p.close()
	lookup := takeEnv()
	options := session.Options{
		Placed: connection.ReadPlaced(connection.PlacedFolders(os.Getenv), lookup),
		Dir:    home, Keyring: auth.OSKeyring(), Builtin: p.configured,
		Transport: transport.New(transport.Options{UserAgent: "waybill/" + version}), OpenURL: openURL,
	}
	if args := os.Args[1:]; len(args) > 0 {
		return cli.Run(ctx, terminal(ctx, options, lookup, args, p.dir))
	}
	if err := prepare(&options); err != nil {
		return complain(err)
	}
	return runWindow(ctx, options)
}

// prepare makes the folder for the data and reads the passphrase. It is done
// when they are needed: help is to be had on a computer where neither works.
func prepare(o *session.Options) (err error) {
	if err = disk.EnsureFolder(o.Dir); err == nil {
		o.Passphrase, err = passphraseFile()
	}
	return err
}

// terminal is what a command runs in.
func terminal(ctx context.Context, o session.Options, lookup func(string) (string, bool), args []string, playgroundDir string) cli.Env {
	env := cli.Env{
		Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: lookup, Version: version, PlaygroundDir: playgroundDir,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
		Open: func(ctx context.Context, open cli.OpenOptions) (*session.Manager, error) {
			o.Offline, o.Repair = open.Offline, open.Repair
			if err := prepare(&o); err != nil {
				return nil, err
			}
			return session.Open(ctx, o)
		},
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		env.ReadSecret = func(prompt string) (string, error) { return readSecret(ctx, prompt) }
		env.Ask = func(prompt string) (string, error) { return ask(ctx, prompt) }
	}
	return env
}

// ask asks a question at the terminal.
func ask(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(os.Stderr, prompt)
	return entered(ctx, func() (string, error) {
		var line []byte
		for next := make([]byte, 1); ; { // no byte more than the line: a secret may be asked for next
			if n, err := os.Stdin.Read(next); n == 0 && err != nil {
				return "", err
			}
			if next[0] == '\n' {
				return strings.TrimSuffix(string(line), "\r"), nil
			}
			if line = append(line, next[0]); len(line) > maxLine {
				return "", errLongLine
			}
		}
	})
}

// maxLine bounds an answer, in bytes.
const maxLine = 4 << 10

var errLongLine = errors.New("the answer is too long")

// entered waits for read unless ctx ends first.
func entered(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// readSecret asks for a secret at the terminal without echoing it. When ctx ends
// it gives up, and leaves the terminal as it found it.
func readSecret(ctx context.Context, prompt string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	text, err := entered(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	if ctx.Err() != nil {
		_ = term.Restore(fd, before)
	}
	return text, err
}

// complain says what went wrong before there was anything to say it with.
func complain(err error) int {
	fmt.Fprintln(os.Stderr, "waybill:", fault.As(err).Error())
	return cli.ExitFailed
}
