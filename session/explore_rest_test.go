package session_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/playground"
	"waybill/session"
)

// explores calls the REST API of the open account, and has an answer.
func (w *world) explores(m *session.Manager, q explore.Request) *explore.Response {
	w.t.Helper()
	r, err := m.ExploreREST(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := r.Call(w.t.Context(), q)
	if err != nil {
		w.t.Fatalf("%v (%s)", err, fault.As(err).Code)
	}
	return a
}

func (w *world) history(m *session.Manager) *explore.History {
	w.t.Helper()
	h, err := m.History(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// historyFiles are those that lie beside the local copies.
func (w *world) historyFiles() map[string][]byte {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.dir, "todos-*.explorer*"))
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		out[filepath.Base(name)] = data
	}
	return out
}

func TestACallOfTheExplorerIsARunOfItsOwn(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	good := w.explores(m, explore.Request{Path: "/api/todos/stats"})
	bad := w.explores(m, explore.Request{Method: "PATCH", Path: "/api/todos/nothing", Body: []byte("{}")})
	for range 3 {
		w.sync(m)
	}
	if good.Status != 200 || good.Problem != nil || bad.Status != 404 || !fault.Is(bad.Problem, fault.NotFound) || good.Run == 0 || bad.Run == 0 || good.Run == bad.Run {
		t.Errorf("%+v\n%+v", good, bad)
	}
	found := map[uint64]*flow.Run{}
	for _, r := range m.Runs() {
		found[r.ID] = r
	}
	if r := found[good.Run]; r == nil || r.Reason != flow.ReasonExplore || r.Step(fault.StepCall).State != flow.Done || len(r.Step(fault.StepCall).Exchanges) != 1 || !strings.HasSuffix(r.Step(fault.StepCall).Exchanges[0].URL, "/api/todos/stats") {
		t.Errorf("%+v", r)
	}
	if r := found[bad.Run]; r == nil || r.Step(fault.StepCall).State != flow.Failed || r.Step(fault.StepCall).Exchanges[0].Request.Body != "{}" {
		t.Errorf("%+v", r)
	}
	keepsSecrets(t, m.Runs())
	for value, name := range secretsOf(m.Runs()) {
		if shown := fmt.Sprintf("%+v %#v %+v %#v %+v", good, good, bad, bad, w.history(m)); strings.Contains(shown, value) {
			t.Errorf("S91: %s is shown", name)
		}
	}
	h := w.history(m)
	if len(h.Calls) != 2 || h.Calls[0].Status != 404 || h.Calls[1].Status != 200 || h.Calls[1].REST.Path != "/api/todos/stats" {
		t.Errorf("%+v", h.Calls)
	}
	w.close(m)
	m = w.open()
	if h := w.history(m); len(h.Calls) != 2 {
		t.Errorf("after a restart: %+v", h.Calls)
	}
	w.close(m)
}

func TestAnMCPServerIsNotCalledSo(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	if _, err := m.ExploreREST(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("%v", err)
	}
	if _, err := m.History(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("%v", err)
	}
	w.signIn(m, connection.PlaygroundMCPName)
	if _, err := m.ExploreREST(t.Context()); !fault.Is(err, fault.Config) || fault.As(err).Code != "not_rest" {
		t.Errorf("%v", err)
	}
	server, err := m.ExploreMCP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tool, err := server.Tool(t.Context(), "create_todo")
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range []string{`{"title":"Kept"}`, `{"title":" "}`, `[]`} {
		_, _ = server.Call(t.Context(), tool, json.RawMessage(arguments), nil)
	}
	h := w.history(m)
	if len(h.Calls) != 2 || h.Calls[1].Tool.Name != "create_todo" || string(h.Calls[1].Tool.Arguments) != `{"title":"Kept"}` || h.Calls[1].Failed || !h.Calls[0].Failed {
		t.Errorf("%+v", h)
	}
	w.close(m)
}

func TestS100_AHistoryIsSealedAndGoesWithTheSignOut(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.explores(m, explore.Request{Path: "/api/todos/canary-path?canary=query", Header: []explore.Pair{{Name: "X-Canary", Value: "canary-value"}}})
	err := m.ChangeHistory(t.Context(), func(h *explore.History) error { return h.Name(h.Calls[0].ID, "canary name") })
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"canary", "Canary"}
	for value := range secretsOf(m.Runs()) {
		secrets = append(secrets, value)
	}
	noFileHolds(t, w.dir, secrets...)
	copied := w.historyFiles()
	if len(copied) == 0 {
		t.Fatal("no file")
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	if left := w.historyFiles(); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	w.restore(copied)
	w.signIn(m, connection.PlaygroundName)
	if h := w.history(m); len(h.Calls)+len(h.Favourites) != 0 {
		t.Errorf("what was destroyed is read: %+v", h)
	}
	w.explores(m, explore.Request{Path: "/api/todos/stats"})
	if h := w.history(m); len(h.Calls) != 1 {
		t.Errorf("%+v", h)
	}
	w.close(m)
}

func TestS102_AnotherUserHasAnotherHistory(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.explores(m, explore.Request{Path: "/api/todos/stats"})
	w.as("bob@example.com")
	w.signIn(m, connection.PlaygroundName)
	if h := w.history(m); len(h.Calls) != 0 {
		t.Errorf("Bob has Alice's calls: %+v", h)
	}
	w.close(m)
}

// Window and terminal add to the history at once, and neither's is lost.
func TestTwoProcessesKeepOneHistory(t *testing.T) {
	w := newWorld(t)
	one := w.open()
	w.signIn(one, connection.PlaygroundName)
	other := w.open()
	var both sync.WaitGroup
	for i, m := range []*session.Manager{one, other} {
		both.Go(func() {
			for n := range 15 {
				m.Remember(t.Context(), explore.Call{REST: &explore.Request{Path: fmt.Sprintf("/%d/%d", i, n)}})
			}
		})
	}
	both.Wait()
	if h := w.history(one); len(h.Calls) != 30 {
		t.Errorf("%d calls", len(h.Calls))
	}
	if _, err := one.SignOut(t.Context(), session.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	err := other.ChangeHistory(t.Context(), func(h *explore.History) error {
		h.Add(explore.Call{REST: &explore.Request{Path: "/late"}})
		return nil
	})
	if !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("after the sign-out in the other: %v", err)
	}
	for name := range w.historyFiles() {
		if !strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is left", name)
		}
	}
	w.close(one)
	_ = other.Close()
}

// A sign-out that comes while the history is being changed leaves nothing.
func TestS100_ASignOutMeanwhileLeavesNoHistory(t *testing.T) {
	w := newWorld(t)
	one := w.open()
	w.signIn(one, connection.PlaygroundName)
	other := w.open()
	err := other.ChangeHistory(t.Context(), func(h *explore.History) error {
		h.Add(explore.Call{REST: &explore.Request{Path: "/late"}})
		_, err := one.SignOut(t.Context(), session.SignOutRequest{Lose: session.LoseAll})
		return err
	})
	if !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("%v", err)
	}
	for name := range w.historyFiles() {
		if !strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is left", name)
		}
	}
	w.close(one)
	_ = other.Close()
}

func TestAHistoryWithoutAKeyringLastsAsLongAsTheProcess(t *testing.T) {
	w := newWorld(t)
	noRing := func(o *session.Options) { o.Keyring = nil }
	m := w.open(noRing)
	w.signIn(m, connection.PlaygroundName)
	w.explores(m, explore.Request{Path: "/api/todos/stats"})
	w.signIn(m, connection.PlaygroundMCPName)
	if h := w.history(m); len(h.Calls) != 0 {
		t.Errorf("%+v", h)
	}
	if err := m.SwitchTo(t.Context(), connection.PlaygroundName); err != nil {
		t.Fatal(err)
	}
	h := w.history(m)
	if len(h.Calls) != 1 {
		t.Fatalf("%+v", h)
	}
	h.Calls[0] = explore.Call{} // ours, and not what is kept
	if h := w.history(m); h.Calls[0].REST == nil {
		t.Error("what was handed out is what is kept")
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, connection.PlaygroundName)
	if h := w.history(m); len(h.Calls) != 0 || len(w.historyFiles()) != 0 {
		t.Errorf("%+v, files %v", h, w.historyFiles())
	}
	w.close(m)
}

func TestADamagedHistoryIsSetAside(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.explores(m, explore.Request{Path: "/api/todos/stats"})
	for name, data := range w.historyFiles() {
		if len(data) > 0 {
			data[len(data)/2] ^= 1
			if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if h := w.history(m); len(h.Calls) != 0 {
		t.Errorf("%+v", h)
	}
	kept := false
	for name := range w.historyFiles() {
		kept = kept || strings.Contains(name, ".damaged-")
	}
	w.explores(m, explore.Request{Path: "/api/todos/stats"})
	if h := w.history(m); len(h.Calls) != 1 || !kept {
		t.Errorf("%+v, %v", h, kept)
	}
	w.close(m)
}

func TestS70_ACallOfTheExplorerAsksForAStrongerSignIn(t *testing.T) {
	w := newWorld(t)
	m := w.asked(playground.Policy{ACR: playground.ACRStepUp})
	r, err := m.ExploreREST(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Call(t.Context(), explore.Request{Path: "/api/todos"}); !fault.Is(err, fault.StepUp) {
		t.Fatalf("%v", err)
	}
	if h := w.history(m); len(h.Calls) != 1 || !h.Calls[0].Failed {
		t.Errorf("%+v", h)
	}
	w.pages()
	w.signIn(m, connection.PlaygroundName)
	if pages := w.pages(); len(pages) != 1 || pages[0].Get("acr_values") != playground.ACRStepUp {
		t.Errorf("the browser was sent to %v", pages)
	}
	if a := w.explores(m, explore.Request{Path: "/api/todos"}); a.Status != 200 {
		t.Errorf("%+v", a)
	}
	w.close(m)
}

// S70: what the resource itself asks for is asked of the next sign-in too.
func TestS70_TheResourceAsksForAStrongerSignIn(t *testing.T) {
	w, tap := newWiredWorld(t, playground.Options{})
	tap.instead = func(role playground.Role, rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/secrets" {
			return false
		}
		rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="`+playground.ACRStepUp+`"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return true
	}
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	a := w.explores(m, explore.Request{Path: "/api/secrets"})
	if !fault.Is(a.Problem, fault.StepUp) || a.Sent != 1 {
		t.Fatalf("%+v", a)
	}
	w.pages()
	w.signIn(m, connection.PlaygroundName)
	if pages := w.pages(); len(pages) != 1 || pages[0].Get("acr_values") != playground.ACRStepUp {
		t.Errorf("the browser was sent to %v", pages)
	}
	// Signed in as strictly as was asked, it is over: no other sign-in is asked for.
	if a := w.explores(m, explore.Request{Path: "/api/secrets"}); !fault.Is(a.Problem, fault.Denied) || a.Status != 401 {
		t.Errorf("%+v", a)
	}
	w.close(m)
}

// S71: where every server demands proofs and nonces, a call has both, and one that
// changes something arrives once.
func TestS71_ACallOfTheExplorerProvesItsKey(t *testing.T) {
	var clients registered
	w, tap := newWiredWorld(t, playground.Options{Clients: clients.clients(t), DPoP: playground.DPoPRequired, DPoPNonce: true})
	m := w.open()
	for _, c := range combinations() {
		if !c.dpop || c.kind != connection.REST || c.method != connection.PrivateKeyJWT {
			continue
		}
		configured := clients.configured(w, c)
		if err := m.Use(configured.Connection, configured.Credentials); err != nil {
			t.Fatal(err)
		}
		w.signIn(m, configured.Connection.Name)
		tap.take(playground.API)
		a := w.explores(m, explore.Request{Method: "POST", Path: "/api/todos", Body: []byte(`{"title":"Proven"}`)})
		if a.Status != 201 {
			t.Errorf("%+v", a)
		}
		taken := 0
		for _, s := range tap.take(playground.API) {
			if s.method == "POST" {
				taken++
				if !strings.HasPrefix(s.header.Get("Authorization"), "DPoP ") || len(s.header.Values("DPoP")) != 1 {
					t.Errorf("%v", s.header)
				}
			}
		}
		if taken != a.Sent {
			t.Errorf("sent %d times, said %d", taken, a.Sent)
		}
		r, err := m.ExploreREST(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		x, err := r.Draft(explore.Request{Path: "/api/todos"})
		if err != nil || !strings.Contains(flow.Curl(x).Text, "DPoP $ACCESS_TOKEN") {
			t.Errorf("%v %s", err, flow.Curl(x).Text)
		}
	}
	w.close(m)
}

func TestTheExplorerFindsThePlaygroundsDocument(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	r, err := m.ExploreREST(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Endpoints(t.Context(), "")
	if err != nil || found.Document == nil || len(found.Operations) != 9 || found.Document.Notes != nil || found.Document.LeftOut != 0 {
		t.Fatalf("%v %+v", err, found)
	}
	for i := range found.Operations {
		o := &found.Operations[i]
		if o.Body == nil {
			continue
		}
		q, err := o.Request([]json.RawMessage{json.RawMessage(`"x"`)}, o.Body.Example)
		if err != nil {
			t.Fatal(err)
		}
		if o.Method == "PATCH" {
			w.explores(m, explore.Request{Method: "POST", Path: "/api/todos", Body: []byte(`{"id":"x","title":"x"}`)})
		} else {
			q.Header = q.Header[1:] // the Idempotency-Key
		}
		if a := w.explores(m, q); a.Status >= 300 {
			t.Errorf("%s %s with its own example: %d %s", o.Method, o.Path, a.Status, a.Body)
		}
	}
	w.close(m)
}
