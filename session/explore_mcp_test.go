package session_test

import (
	"encoding/json"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
)

func TestTheExplorersCallsAreRecordedAsEveryOtherCall(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	if _, err := m.ExploreMCP(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("signed out: %v", err)
	}
	w.signIn(m, connection.PlaygroundMCPName)
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
	if err != nil || result.Failed || len(result.Parts) == 0 {
		t.Fatalf("%+v %v", result, err)
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
