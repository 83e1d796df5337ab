package cli_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/cli"
	"waybill/connection"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/session"
	"waybill/transport"
)

// terminal is a computer with a user, a browser and a playground, on which
// commands run one after the other, each a process of its own.
type terminal struct {
	t          *testing.T
	playground *playground.Playground
	dir        string

	browser sync.WaitGroup
	mu      sync.Mutex
	pages   []url.Values // authorization requests that the browser was sent to
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	p, err := playground.Start(t.Context(), playground.Options{GenerateKey: playgroundtest.Key})
	if err != nil {
		t.Fatal(err)
	}
	w := &terminal{t: t, playground: p, dir: t.TempDir()}
	t.Cleanup(func() {
		w.browser.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return w
}

func (w *terminal) openURL(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.pages = append(w.pages, u.Query())
	w.mu.Unlock()
	w.browser.Go(func() {
		b := playgroundtest.NewBrowser(nil, "alice@example.com")
		back, err := b.SignIn(context.Background(), address)
		var page *playgroundtest.Page
		if err == nil {
			page, err = b.Open(context.Background(), back.String())
		}
		if err == nil && page.Target != nil {
			_, err = b.Open(context.Background(), page.Target.String())
		}
		if err != nil {
			w.t.Errorf("the browser: %v", err)
		}
	})
	return nil
}

func (w *terminal) builtin(context.Context) ([]session.Configured, error) {
	e := w.playground.Endpoints()
	c := e.Clients.REST
	return []session.Configured{{
		Connection: connection.Connection{Name: connection.PlaygroundName, IdP: connection.IdP{Issuer: e.IdP, ClientID: c.ClientID}, DPoP: true,
			Resource: connection.Resource{Kind: connection.REST, URL: e.API, Identifier: e.API, AuthorizationServer: e.AuthorizationServer, ClientID: c.ResourceClientID}},
		Credentials: connection.Credentials{IdP: c.ClientSecret, Resource: c.ResourceClientSecret},
	}}, nil
}

// run runs one command to its end, and returns the pages that were opened.
func (w *terminal) run(args ...string) (status int, stdout, stderr string, pages []url.Values) {
	w.t.Helper()
	var out, errs bytes.Buffer
	client := transport.New(transport.Options{})
	defer client.CloseIdle()
	status = cli.Run(w.t.Context(), cli.Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test",
		LookupEnv: func(string) (string, bool) { return "", false },
		Open: func(ctx context.Context, o cli.OpenOptions) (*session.Manager, error) {
			return session.Open(ctx, session.Options{Dir: w.dir, Transport: client, Builtin: w.builtin, OpenURL: w.openURL, Offline: o.Offline,
				Passphrase: func() (secret.Text, bool) { return secret.New("correct horse battery staple"), true }})
		},
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	pages, w.pages = w.pages, nil
	return status, out.String(), errs.String(), pages
}

// S70 in the terminal: a refusal says that a sign-in is needed and opens nothing;
// waybill sign-in and --sign-in then ask for what was asked for.
func TestS70_TheTerminalSignsInAsWasAsked(t *testing.T) {
	for name, args := range map[string][]string{"by sign-in": {"sign-in"}, "by --sign-in": {"todos", "--sign-in"}} {
		t.Run(name, func(t *testing.T) {
			w := newTerminal(t)
			if status, _, stderr, pages := w.run("sign-in"); status != cli.ExitDone || len(pages) != 1 || pages[0].Has("acr_values") {
				t.Fatalf("%d %s %v", status, stderr, pages)
			}
			w.playground.SetPolicy(playground.Policy{ACR: playground.ACRStepUp})
			status, _, stderr, pages := w.run("todos")
			if status != cli.ExitSignInNeeded || len(pages) != 0 || !strings.Contains(stderr, "stronger or a more recent sign-in") {
				t.Fatalf("%d %s %v", status, stderr, pages)
			}
			status, _, stderr, pages = w.run(args...)
			if status != cli.ExitDone || len(pages) != 1 || pages[0].Get("acr_values") != playground.ACRStepUp {
				t.Fatalf("%d %s %v", status, stderr, pages)
			}
			if status, out, stderr, pages := w.run("todos"); status != cli.ExitDone || len(pages) != 0 || out == "" {
				t.Errorf("%d %s %v", status, stderr, pages)
			}
		})
	}
}

// S70: --sign-in meets the step-up itself, in one command.
func TestS70_OneCommandSignsInOnceMoreAndTriesOnce(t *testing.T) {
	w := newTerminal(t)
	if status, _, stderr, _ := w.run("sign-in"); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	w.playground.SetPolicy(playground.Policy{ACR: playground.ACRStepUp})
	status, out, stderr, pages := w.run("todos", "--sign-in")
	if status != cli.ExitDone || out == "" || len(pages) != 1 || pages[0].Get("acr_values") != playground.ACRStepUp {
		t.Errorf("%d %s %v", status, stderr, pages)
	}
}

// S70, S79: a server that is never satisfied is asked once after the sign-in; the
// command ends with a plain sentence, and so does the next.
func TestS70_S79_ACommandDoesNotSignInWithoutEnd(t *testing.T) {
	w := newTerminal(t)
	if status, _, stderr, _ := w.run("sign-in"); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	w.playground.SetPolicy(playground.Policy{MaxAge: time.Nanosecond})
	status, _, stderr, pages := w.run("todos", "--sign-in")
	if status != cli.ExitFailed || len(pages) != 1 || !strings.Contains(stderr, "signing in once more does not help") {
		t.Errorf("%d %s %v", status, stderr, pages)
	}
	if status, _, stderr, pages := w.run("todos", "--sign-in"); status != cli.ExitFailed || len(pages) != 0 {
		t.Errorf("the next command: %d %s %v", status, stderr, pages)
	}
}

// S71: doctor and trace say that tokens are bound, where they are.
func TestS71_DoctorAndTraceSayThatTokensAreBound(t *testing.T) {
	w := newTerminal(t)
	if status, _, stderr, _ := w.run("sign-in"); status != cli.ExitDone {
		t.Fatal(stderr)
	}
	status, out, stderr, _ := w.run("doctor")
	for _, says := range []string{"Both servers say that they bind tokens to a key.", "bound to this app's key (DPoP) was granted"} {
		if status != cli.ExitDone || !strings.Contains(out, says) {
			t.Errorf("%d: %q is not in %s%s", status, says, out, stderr)
		}
	}
	status, out, stderr, _ = w.run("trace")
	for _, says := range []string{"access token issued, bound to this app's key (DPoP)", "cnf", "passed"} {
		if status != cli.ExitDone || !strings.Contains(out, says) {
			t.Errorf("%d: %q is not in %s%s", status, says, out, stderr)
		}
	}
}

func TestThePlaygroundsFlagsForDPoPAndStepUp(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"playground", "--dpop", "sometimes"}, "optional, required or off"},
		{[]string{"playground", "--step-up-age", "-1s"}, "negative"},
	} {
		if status, _, stderr := run(t, nil, "", c.args...); status != cli.ExitUsage || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: %d %s", c.args, status, stderr)
		}
	}
	if status, _, stderr := run(t, nil, `{"client_id":"x"}`, "playground", "--client", "-"); status != cli.ExitFailed || !strings.Contains(stderr, "token_endpoint_auth_method") {
		t.Errorf("%d %s", status, stderr)
	}
	_, help, _ := run(t, nil, "", "playground", "--help")
	for _, flag := range []string{"--dpop mode", "--dpop-nonce", "--step-up\n", "--step-up-age time", "--client file"} {
		if !strings.Contains(help, flag) {
			t.Errorf("%q is not in the help:\n%s", flag, help)
		}
	}
}
