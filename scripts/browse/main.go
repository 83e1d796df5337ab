// Command browse is the smallest browser that can sign a person in: it fills in
// plain HTML forms on the terminal. It stands in for a real browser where there
// is no display.
//
// Invariant: it talks to loopback addresses only, so that no password for a
// real identity provider is ever typed into it (RFC 8252 section 8.12 says why
// a program should not ask for one).
//
// Usage: browse [-answer NAME=VALUE]... [-ask] -- COMMAND [ARG...]
//
// COMMAND is run; when it prints an address alone on a line of standard output
// that begins or ends a session, browse visits it. All else that COMMAND prints
// is passed on.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, tell io.Writer) int {
	flags := flag.NewFlagSet("browse", flag.ContinueOnError)
	flags.SetOutput(tell)
	answers := map[string]string{}
	flags.Func("answer", "answer the field `NAME=VALUE`; with -ask this is only the default", func(text string) error {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return errors.New("an answer is NAME=VALUE")
		}
		answers[name] = value
		return nil
	})
	ask := flags.Bool("ask", false, "ask for every field on the terminal")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	p := &person{answers: answers, tell: tell}
	if *ask {
		p.terminal = bufio.NewReader(in)
	}
	code, err := attend(flags.Args(), p, out, tell)
	if err != nil {
		fmt.Fprintln(tell, "browse:", err)
		return 1
	}
	return code
}

// attend runs the command, visits the address that it prints, and returns its
// exit code.
func attend(command []string, p *person, out, tell io.Writer) (int, error) {
	child := exec.Command(command[0], command[1:]...)
	child.Stderr = tell
	printed, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	stop := passOnInterrupts(child.Process)
	defer stop()
	lines := bufio.NewScanner(printed)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if !forAPerson(lines.Text()) {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		if err := visit(lines.Text(), p, tell); err != nil {
			_ = child.Process.Signal(os.Interrupt)
			_, _ = io.Copy(io.Discard, printed)
			_ = child.Wait()
			return 0, err
		}
	}
	if err := child.Wait(); err != nil && child.ProcessState == nil {
		return 0, err
	}
	return child.ProcessState.ExitCode(), nil
}

// passOnInterrupts lets the command decide what Ctrl+C means.
func passOnInterrupts(process *os.Process) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// forAPerson reports whether line is an authorization request (RFC 6749 section
// 4.1.1) or a logout request (OpenID Connect RP-Initiated Logout 1.0 section 2),
// and nothing else.
func forAPerson(line string) bool {
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return u.Query().Get("response_type") == "code" || u.Query().Has("client_id")
}
