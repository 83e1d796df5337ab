package playground_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
)

func start(t *testing.T, o playground.Options) (*playground.Playground, *app) {
	t.Helper()
	if o.GenerateKey == nil {
		o.GenerateKey = playgroundtest.Key
	}
	p, err := playground.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, &app{t: t, http: &http.Client{Transport: transport}, at: p.Endpoints(), demo: p.Endpoints().Clients.REST}
}

// A restart goes on where it stopped: addresses, clients, keys, sessions,
// refresh tokens, spent ID-JAGs and to-dos.
func TestRestartContinuesTheSession(t *testing.T) {
	dir := t.TempDir()
	p, a := start(t, playground.Options{Dir: dir})
	browser := playgroundtest.NewBrowser(nil, "alice@example.com")
	back, err := browser.SignIn(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	signedIn := a.post(a.at.IdP+"/token", a.codeForm(back.Query().Get("code")))
	idjag := a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, signedIn.RefreshToken)).AccessToken
	token := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag, "scope", "todos.read todos.write")).AccessToken
	create := a.request(http.MethodPost, a.at.API+"/api/todos", strings.NewReader(`{"id":"kept","title":"Still here"}`))
	create.Header.Set("Content-Type", "application/json")
	create.Header.Set("Authorization", "Bearer "+token)
	if status, _, body := a.send(create); status != http.StatusCreated {
		t.Fatalf("creating a to-do: %d %s", status, body)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	again, b := start(t, playground.Options{Dir: dir})
	if before, after := mustJSON(t, p.Endpoints()), mustJSON(t, again.Endpoints()); !bytes.Equal(before, after) {
		t.Fatal("the endpoints or the clients changed")
	}
	if page, err := browser.Open(t.Context(), b.authorizationURL("prompt", "none")); err != nil || page.Target.Query().Get("code") == "" {
		t.Errorf("the browser's session ended: %v", err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if got := b.post(b.at.IdP+"/token", b.exchangeForm(typeIDToken, signedIn.IDToken)); got.Status != 200 {
		t.Errorf("the ID token is refused: %s", got.Description)
	}
	if got := b.post(b.at.IdP+"/token", b.exchangeForm(typeRefresh, signedIn.RefreshToken)); got.Status != 200 {
		t.Errorf("the refresh token is refused: %s", got.Description)
	}
	expect(t, b.post(b.at.AuthorizationServer+"/token", b.bearerForm(idjag)), 400, "invalid_grant", "used before")
	get := b.request(http.MethodGet, b.at.API+"/api/todos/kept", nil)
	get.Header.Set("Authorization", "Bearer "+token)
	if status, _, body := b.send(get); status != 200 || !strings.Contains(string(body), "Still here") {
		t.Errorf("the to-do is gone: %d %s", status, body)
	}
}

func TestEphemeralKeepsNothing(t *testing.T) {
	first, a := start(t, playground.Options{})
	second, b := start(t, playground.Options{})
	if first.Endpoints().Clients.REST.ClientID == second.Endpoints().Clients.REST.ClientID {
		t.Error("two installations have the same client id")
	}
	if first.Endpoints().Clients.REST.ClientSecret.Equal(second.Endpoints().Clients.REST.ClientSecret) {
		t.Error("two installations have the same client secret")
	}
	token := a.tokens("alice@example.com").RefreshToken
	expect(t, b.post(b.at.IdP+"/token", b.exchangeForm(typeRefresh, token)), 400, "invalid_grant", "not known")
}

// S94: what is written is for this user only, even in a folder that was open.
func TestS94_FilesAreForTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, a := start(t, playground.Options{Dir: dir})
	a.tokens("alice@example.com")
	seen := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("%d files were seen, %v", seen, err)
	}
}

// The file has no refresh token, cookie or ID-JAG in it that could be used.
func TestStateHoldsNoUsableToken(t *testing.T) {
	dir := t.TempDir()
	_, a := start(t, playground.Options{Dir: dir})
	signedIn := a.tokens("alice@example.com")
	idjag := a.idjag("alice@example.com")
	a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag))
	raw, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"refresh token": signedIn.RefreshToken, "ID token": signedIn.IDToken, "access token": signedIn.AccessToken, "ID-JAG": idjag} {
		if bytes.Contains(raw, []byte(value)) {
			t.Errorf("the state has the %s in it", name)
		}
	}
}

func TestDamagedStateIsSetAsideAndNamed(t *testing.T) {
	for name, contents := range map[string]string{"cut": `{"version":1,"inst`, "empty": "", "not ours": `[]`, "no version": `{}`, "wrong kinds": `{"version":1,"users":7}`, "binary": "\x00\xff"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "state.json"), []byte(contents), 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			begin(t, playground.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			kept, err := filepath.Glob(filepath.Join(dir, "state.json.damaged-*"))
			if err != nil || len(kept) != 1 {
				t.Fatalf("kept files: %v, %v", kept, err)
			}
			if raw, err := os.ReadFile(kept[0]); err != nil || string(raw) != contents {
				t.Errorf("the kept file was changed: %q, %v", raw, err)
			}
			if !strings.Contains(log.String(), filepath.Base(kept[0])) {
				t.Errorf("the log does not name the file: %s", log.String())
			}
		})
	}
}

// A file of a newer version, or one that is none, is left as it is.
func TestForeignStateIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	newer := []byte(`{"version":2,"surprise":true}`)
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := playground.New(playground.Options{Dir: dir}, virtualOrigins()); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("it was opened: %v", err)
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, newer) {
		t.Errorf("it was changed: %s, %v", raw, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.WriteFile(elsewhere, []byte(`{"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(linked, "state.json")); err != nil {
		t.Skip("links cannot be made here: " + err.Error())
	}
	if _, err := playground.New(playground.Options{Dir: linked}, virtualOrigins()); err == nil {
		t.Error("a link was followed")
	}
}

// R27: of many starts at once one owns the folder, and all others find it.
func TestR27_OneOwnerAndTheOthersAttach(t *testing.T) {
	dir := t.TempDir()
	if _, found := playground.Attach(dir); found {
		t.Error("attached to nothing")
	}
	const many = 10
	var mu sync.Mutex
	var owners []*playground.Playground
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			p, err := playground.Start(t.Context(), playground.Options{Dir: dir, GenerateKey: playgroundtest.Key})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				owners = append(owners, p)
			case !errors.Is(err, playground.ErrRunning):
				t.Errorf("not started, and not because of another: %v", err)
			default:
				if _, found := playground.Attach(dir); !found {
					t.Error("the owner cannot be found")
				}
			}
		})
	}
	all.Wait()
	if len(owners) != 1 {
		t.Fatalf("%d owners", len(owners))
	}
	found, ok := playground.Attach(dir)
	if !ok || !bytes.Equal(mustJSON(t, found), mustJSON(t, owners[0].Endpoints())) {
		t.Error("Attach gives other endpoints than the owner")
	}
	if _, err := playground.New(playground.Options{Dir: dir}, virtualOrigins()); !errors.Is(err, playground.ErrRunning) {
		t.Errorf("New beside it: %v", err)
	}
	if err := owners[0].Close(); err != nil {
		t.Fatal(err)
	}
	if _, found := playground.Attach(dir); found {
		t.Error("attached to one that was closed")
	}
	start(t, playground.Options{Dir: dir})
}

// A file that a killed process left does not make Attach take a stranger for
// the playground.
func TestAttachAsksWhoIsThere(t *testing.T) {
	dir := t.TempDir()
	p, _ := start(t, playground.Options{Dir: dir})
	left, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "endpoints.json"), left, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found := playground.Attach(dir); found {
		t.Error("attached to a closed port")
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(p.Endpoints().IdP, "http://"), ":")
	stranger, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(stranger) }()
	defer server.Close()
	if _, found := playground.Attach(dir); found {
		t.Error("attached to a stranger")
	}
	for _, broken := range []string{"", "{", `{"instance":""}`, `{"instance":"x","endpoints":{"idp":"file:///etc/passwd"}}`} {
		if err := os.WriteFile(filepath.Join(dir, "endpoints.json"), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, found := playground.Attach(dir); found {
			t.Errorf("attached by %q", broken)
		}
	}
}

// The latency is for clients; it does not keep other processes from finding the
// playground.
func TestAttachIsNotHeldBack(t *testing.T) {
	dir := t.TempDir()
	start(t, playground.Options{Dir: dir, Latency: time.Minute})
	if _, found := playground.Attach(dir); !found {
		t.Error("a slow playground is not found")
	}
}

// A port of the last start that somebody else has by now is replaced, with a
// word in the log; one that was asked for is not.
func TestTakenPortIsReplacedOrNamed(t *testing.T) {
	dir := t.TempDir()
	p, _ := start(t, playground.Options{Dir: dir})
	before := p.Endpoints()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", strings.TrimPrefix(before.API, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var log bytes.Buffer
	p, a := start(t, playground.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if p.Endpoints().IdP != before.IdP || p.Endpoints().API == before.API {
		t.Errorf("from %s and %s to %s and %s", before.IdP, before.API, p.Endpoints().IdP, p.Endpoints().API)
	}
	if !strings.Contains(log.String(), "taken by another program") {
		t.Errorf("the log does not say so: %s", log.String())
	}
	completeFlow(t, a)

	port := taken.Addr().(*net.TCPAddr).Port
	if _, err := playground.Start(t.Context(), playground.Options{Ports: playground.Ports{MCP: port}}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("a taken port that was asked for: %v", err)
	}
}

// When the disk refuses, the answer is an error and nothing was changed.
func TestR22_RefusingDiskChangesNothing(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		refusingDiskAsRoot(t)
		return
	}
	dir := t.TempDir()
	_, a := begin(t, playground.Options{Dir: dir})
	idjag := a.idjag("alice@example.com")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag))
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, got, 500, "server_error", "could not save")
	if again := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)); again.Status != 200 {
		t.Errorf("the ID-JAG was spent without an answer: %s", again.Description)
	}
}

// refusingDiskAsRoot does the same where permissions do not bind: a folder
// stands where the file has to go.
func refusingDiskAsRoot(t *testing.T) {
	dir := t.TempDir()
	_, a := begin(t, playground.Options{Dir: dir})
	idjag := a.idjag("alice@example.com")
	file := filepath.Join(dir, "state.json")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)), 500, "server_error", "could not save")
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	if again := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)); again.Status != 200 {
		t.Errorf("the ID-JAG was spent without an answer: %s", again.Description)
	}
	if left, _ := filepath.Glob(file + "*.new"); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestBadOptionsAreExplained(t *testing.T) {
	good := []string{"http://127.0.0.1/callback"}
	for name, c := range map[string]struct {
		o    playground.Options
		says string
	}{
		"all interfaces":       {playground.Options{Addr: "0.0.0.0"}, "this computer only"},
		"a LAN address":        {playground.Options{Addr: "192.168.1.2"}, "this computer only"},
		"a name":               {playground.Options{Addr: "localhost"}, "this computer only"},
		"endless ID-JAG":       {playground.Options{IDJAGLife: 2 * time.Hour}, "ID-JAG"},
		"negative life":        {playground.Options{AccessTokenLife: -1}, "access token"},
		"negative latency":     {playground.Options{Latency: -1}, "latency"},
		"too many to-dos":      {playground.Options{Todos: 1 << 30}, "to-dos"},
		"trust in http":        {playground.Options{Trust: []string{"http://idp.example"}}, "cannot be trusted"},
		"trust in nonsense":    {playground.Options{Trust: []string{"idp"}}, "cannot be trusted"},
		"trust with a query":   {playground.Options{Trust: []string{"https://idp.example?x"}}, "cannot be trusted"},
		"trust twice":          {playground.Options{Trust: []string{"https://a.example", "https://a.example"}}, "cannot be told"},
		"trust our own name":   {playground.Options{Trust: []string{"https://playground"}}, "cannot be told"},
		"client without id":    {playground.Options{Clients: []playground.Client{{Public: true}}}, "no client id"},
		"client without key":   {playground.Options{Clients: []playground.Client{{ID: "x"}}}, "secret or a key"},
		"public with a secret": {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, Secret: a32}}}, "secret or a key"},
		"client twice":         {playground.Options{Clients: []playground.Client{{ID: "x", Public: true}, {ID: "x", Public: true}}}, "twice"},
		"no JWK set":           {playground.Options{Clients: []playground.Client{{ID: "x", JWKS: json.RawMessage(`7`)}}}, "JWK Set"},
		"a private key":        {playground.Options{Clients: []playground.Client{{ID: "x", JWKS: json.RawMessage(`{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`)}}}, "not public"},
		"script as redirect":   {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: []string{"javascript:alert(1)"}}}}, "neither a web address"},
		"redirect with #":      {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: []string{"https://a.example/#x"}}}}, "fragment"},
		"relative redirect":    {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: []string{"/callback"}}}}, "complete"},
		"connection to an IdP": {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: good, Connections: []playground.ResourceConnection{{Resource: playground.IdP, Secret: a32}}}}}, "neither API nor MCP"},
		"connection's scope":   {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: good, Connections: []playground.ResourceConnection{{Resource: playground.API, Secret: a32, Scopes: []string{"root"}}}}}}, "no scope"},
		"connection no secret": {playground.Options{Clients: []playground.Client{{ID: "x", Public: true, RedirectURIs: good, Connections: []playground.ResourceConnection{{Resource: playground.API}}}}}, "secret or a key"},
	} {
		if _, err := playground.New(c.o, virtualOrigins()); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, origin := range []string{"", "https://auth.example", "https://idp.example/", "https://IDP.example", "idp.example", "ftp://idp.example", "https://u@idp.example"} {
		origins := virtualOrigins()
		origins.IdP = origin
		if _, err := playground.New(playground.Options{}, origins); err == nil {
			t.Errorf("the origin %q is taken", origin)
		}
	}
}

func TestStartStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	begin(t, playground.Options{Dir: dir}) // owns the folder and answers nowhere
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := playground.Start(ctx, playground.Options{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("it waited, or started: %v", err)
	}
}

func TestAStartThatFailsIsOneSentenceAboutItsCause(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "endpoints.json", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := playground.Start(t.Context(), playground.Options{Dir: dir, GenerateKey: playgroundtest.Key})
	if f := fault.As(err); f.Code != "unsafe_file" || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
