package session_test

import (
	"encoding/json"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/session"
)

// listsByTool calls list_todos in the Explorer, once the first sync is over.
func listsByTool(t *testing.T, m *session.Manager) (*explore.MCP, *explore.Result) {
	t.Helper()
	settled(t, m, called)
	server, err := m.ExploreMCP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tool, err := server.Tool(t.Context(), "list_todos")
	if err != nil {
		t.Fatal(err)
	}
	result, err := server.Call(t.Context(), tool, json.RawMessage(`{}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return server, result
}

// What the user asks of an MCP server is found again by the run that its answer
// names, however often the sync has run since; and what is only listed is not kept
// apart.
func TestWhatIsAskedOfAnMCPServerIsARunOfItsOwn(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundMCPName)
	server, result := listsByTool(t, m)
	w.sync(m)
	contents, err := server.Read(t.Context(), "todo0://todos")
	if err != nil {
		t.Fatal(err)
	}
	w.sync(m)
	_, failed := server.Prompt(t.Context(), "none", nil)
	for range 3 {
		w.sync(m)
	}
	if _, err := server.Tools(t.Context()); err != nil {
		t.Fatal(err)
	}
	found := map[uint64]*flow.Run{}
	asked := 0
	for _, r := range m.Runs() {
		found[r.ID] = r
		if r.Reason == flow.ReasonExplore {
			asked++
		}
	}
	for run, method := range map[uint64]string{result.Run: "tools/call", contents.Run: "resources/read", explore.RunOf(failed): "prompts/get"} {
		r := found[run]
		if r == nil || r.Reason != flow.ReasonExplore || r.Running {
			t.Errorf("%s: run %d is %+v", method, run, r)
			continue
		}
		s := r.Step(fault.StepCall)
		if want := map[bool]flow.State{true: flow.Failed, false: flow.Done}[method == "prompts/get"]; s.State != want || len(s.Exchanges) != 1 || !strings.Contains(s.Exchanges[0].Request.Body, `"method":"`+method+`"`) {
			t.Errorf("%s: %s", method, sketch([]*flow.Run{r}))
		}
	}
	if asked != 3 {
		t.Errorf("%d runs of their own: %s", asked, sketch(m.Runs()))
	}
	keepsSecrets(t, m.Runs())
}

func TestTheExplorerFindsAllThatThePlaygroundOffers(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundMCPName)
	server, err := m.ExploreMCP(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tools, err := server.Tools(t.Context())
	if err != nil || len(tools.Items) != 4 {
		t.Fatalf("%+v %v", tools, err)
	}
	resources, err := server.Resources(t.Context())
	if err != nil || len(resources.Items) != 4 {
		t.Fatalf("%+v %v", resources, err)
	}
	for _, r := range resources.Items {
		contents, err := server.Read(t.Context(), string(r.URI))
		if err != nil || len(contents.Parts) != 1 || !json.Valid([]byte(contents.Parts[0].Text)) {
			t.Errorf("%s: %+v %v", r.URI, contents, err)
		}
	}
	tool := &explore.Tool{Name: "list_todos"}
	result, err := server.Call(t.Context(), tool, json.RawMessage(`{"status":"completed","limit":2}`), nil)
	if err != nil || result.Failed || len(result.Structured) == 0 {
		t.Fatalf("%+v %v", result, err)
	}
	if result, err = server.Call(t.Context(), tool, json.RawMessage(`{"status":"lost"}`), nil); err == nil && !result.Failed {
		t.Fatalf("%+v", result)
	}
}

func TestTheExplorersCallsAreRecordedAsEveryOtherCall(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	if _, err := m.ExploreMCP(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("signed out: %v", err)
	}
	w.signIn(m, connection.PlaygroundMCPName)
	server, result := listsByTool(t, m)
	if result.Failed || len(result.Parts) == 0 {
		t.Fatalf("%+v", result)
	}
	r := m.Runs()[0]
	if r.Connection != connection.PlaygroundMCPName || r.Steps[3].State != flow.Done || r.Running {
		t.Errorf("%s", sketch(m.Runs()[:1]))
	}
	sent := false
	for _, x := range r.Steps[3].Exchanges {
		sent = sent || strings.Contains(x.Request.Body, `"tools/call"`)
	}
	if !sent {
		t.Errorf("the call is not in the record: %s", sketch(m.Runs()[:1]))
	}
	keepsSecrets(t, m.Runs())
	if again, err := m.ExploreMCP(t.Context()); err != nil || again != server {
		t.Errorf("another explorer for the same account: %v", err)
	}
	if _, err := server.Call(t.Context(), &explore.Tool{Name: "none"}, nil, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if s := m.Runs()[0].Steps[3]; s.Fault == nil || s.Fault.Code != "invalid_params" {
		t.Errorf("a failure is not in the record: %s", sketch(m.Runs()[:1]))
	}

	w.signIn(m, connection.PlaygroundName)
	if _, err := m.ExploreMCP(t.Context()); !fault.Is(err, fault.Config) {
		t.Errorf("REST: %v", err)
	}
	if _, err := server.Tools(t.Context()); err == nil {
		t.Error("the explorer of a closed account still calls")
	}
}
