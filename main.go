// Waybill is a to-do app whose to-dos live in another application, which it
// reaches through Cross App Access. Without a command it opens its window; with
// one it does one thing in the terminal.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"waybill/auth"
	"waybill/cli"
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
	args := os.Args[1:]
	home, err := homeDir()
	if err == nil {
		err = disk.EnsureFolder(home)
	}
	if err != nil {
		return complain(err)
	}
	p := newPlaygrounds(filepath.Join(home, "playground"))
	defer p.close()
	passphrase, err := passphraseFile()
	if err != nil {
		return complain(err)
	}
	options := session.Options{
		Dir: home, Keyring: auth.OSKeyring(), Passphrase: passphrase, Builtin: p.configured,
		Transport: transport.New(transport.Options{UserAgent: "waybill/" + version}), OpenURL: openURL,
	}
	if len(args) == 0 {
		return runWindow(ctx, options)
	}
	return cli.Run(ctx, terminal(options, args, p.dir))
}

// terminal is what a command runs in.
func terminal(o session.Options, args []string, playgroundDir string) cli.Env {
	env := cli.Env{
		Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		LookupEnv: takeEnv(), Version: version, PlaygroundDir: playgroundDir,
		Open: func(ctx context.Context, open cli.OpenOptions) (*session.Manager, error) {
			o.Offline, o.Repair = open.Offline, open.Repair
			return session.Open(ctx, o)
		},
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		env.ReadSecret = readSecret
	}
	return env
}

func readSecret(prompt string) (string, error) {
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	answer, err := term.ReadPassword(int(os.Stdin.Fd()))
	return string(answer), err
}

// complain says what went wrong before there was anything to say it with.
func complain(err error) int {
	fmt.Fprintln(os.Stderr, "waybill:", fault.As(err).Error())
	return cli.ExitFailed
}
