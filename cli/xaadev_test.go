package cli_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"waybill/auth"
	"waybill/cli"
	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/internal/xaadev"
	"waybill/session"
	"waybill/transport"
)

// keyring is an operating system's keyring in memory.
type keyring struct {
	mu    sync.Mutex
	items map[string]string
}

func (k *keyring) Get(service, user string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.items[service+"/"+user]; ok {
		return v, nil
	}
	return "", auth.ErrKeyringNotFound
}

func (k *keyring) Set(service, user, value string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.items[service+"/"+user] = value
	return nil
}

func (k *keyring) Delete(service, user string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.items, service+"/"+user)
	return nil
}

// lockedBuffer may be written from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// desk is a user at a terminal, with xaa.dev on a network in memory.
type desk struct {
	t       *testing.T
	net     *virtualnet.Network
	dev     *xaadev.World
	app     xaadev.Registration
	browser *xaadev.Browser
	dir     string
	ring    *keyring
	env     map[string]string
	placed  []string // folders of an administrator
	log     lockedBuffer
	patient string // the connection that doctor looks at; "": xaa-dev

	answers []string // to what is asked at the terminal, in order; nil: no terminal
	asked   []string // what was asked
}

const registered = "http://127.0.0.1:8765/callback"

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, net: virtualnet.New(0), dir: t.TempDir(), ring: &keyring{items: map[string]string{}}, env: map[string]string{}}
	d.dev = xaadev.Start(d.net)
	d.app = d.dev.Register(registered)
	d.browser = d.dev.NewBrowser(d.net, "ann@example.com")
	d.env["IDP_SECRET"], d.env["RESOURCE_SECRET"] = d.app.Secret, d.app.RESTPair
	t.Cleanup(func() {
		_ = d.browser.Wait()
		d.net.Close()
	})
	return d
}

// result is what a command came to.
type result struct {
	status      int
	out, err    string
	commandLine []string
}

// run runs a command in a process of its own, as far as it can tell.
func (d *desk) run(args ...string) result {
	d.t.Helper()
	var out, errs bytes.Buffer
	tr := transport.New(transport.Options{DialContext: d.net.DialContext, RootCAs: d.net.CertPool()})
	defer tr.CloseIdle()
	var env cli.Env
	env = cli.Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test",
		LookupEnv: func(name string) (string, bool) { v, ok := d.env[name]; return v, ok },
		Open: func(ctx context.Context, o cli.OpenOptions) (*session.Manager, error) {
			return session.Open(ctx, session.Options{
				Log:    slog.New(slog.NewJSONHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug - 8})),
				Placed: connection.ReadPlaced(d.placed, env.LookupEnv),
				Dir:    d.dir, Transport: tr, Keyring: d.ring, OpenURL: d.browser.Open, Offline: o.Offline, Repair: o.Repair,
				Listen:  func(_, address string) (net.Listener, error) { return d.net.Listen(address) },
				Builtin: func(context.Context) ([]session.Configured, error) { return nil, errors.New("no playground here") },
			})
		},
	}
	if d.answers != nil {
		env.Ask, env.ReadSecret = d.answer, d.answer
	}
	status := cli.Run(d.t.Context(), env)
	return result{status, out.String(), errs.String(), args}
}

func (d *desk) answer(prompt string) (string, error) {
	d.asked = append(d.asked, prompt)
	if len(d.answers) == 0 {
		return "", errors.New("nobody answers")
	}
	next := d.answers[0]
	d.answers = d.answers[1:]
	return next, nil
}

// must runs a command that has to work.
func (d *desk) must(args ...string) result {
	d.t.Helper()
	r := d.run(args...)
	if r.status != cli.ExitDone {
		d.t.Fatalf("waybill %s: status %d\n%s%s", strings.Join(args, " "), r.status, r.out, r.err)
	}
	return r
}

// add adds a preset of xaa.dev with the app's credentials.
func (d *desk) add(preset string, more ...string) {
	d.t.Helper()
	id := d.app.RESTClientID
	if preset == "xaa-dev-mcp" {
		id, d.env["RESOURCE_SECRET"] = d.app.MCPClientID, d.app.MCPPair
	}
	d.must(append([]string{"connections", "add", "--yes", "--preset", preset, "--set", "idp.client_id=" + d.app.ClientID, "--set", "resource.client_id=" + id,
		"--set", "idp.client_secret=${IDP_SECRET}", "--set", "resource.client_secret=${RESOURCE_SECRET}"}, more...)...)
}

func (d *desk) write(name, content string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

var (
	clientID  = regexp.MustCompile(`client_[a-z0-9]{12}`)
	aMinute   = regexp.MustCompile(`\b(59|60|61) seconds|\b(59s|1m0s|1m1s)`)
	inAddress = regexp.MustCompile(`\?[A-Za-z0-9_%&=.-]+`)
)

// constant takes out of a text what differs from run to run.
func (d *desk) constant(text string) string {
	text = strings.ReplaceAll(text, d.dir, "DIR")
	text = clientID.ReplaceAllString(text, "CLIENT")
	return inAddress.ReplaceAllString(aMinute.ReplaceAllString(text, "a minute"), "?…")
}

func (r result) contains(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(r.out+r.err, w) {
			t.Errorf("waybill %s: %q is missing in (status %d)\n%s%s", strings.Join(r.commandLine, " "), w, r.status, r.out, r.err)
		}
	}
}

func (d *desk) read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(data)
}
