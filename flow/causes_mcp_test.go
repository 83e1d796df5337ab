package flow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/transport"
)

// overMCP has the resource be an MCP server whose to-dos read as text, or which
// answers every request with a status.
func (w *world) overMCP(status int, text string) {
	w.plan.Connection.Resource.Kind = connection.MCP
	w.calls = func(rw http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		if status != 0 {
			rw.WriteHeader(status)
			return
		}
		quoted, _ := json.Marshal(text)
		result := map[string]string{
			"initialize":     `{"protocolVersion":"2025-03-26","capabilities":{"resources":{}},"serverInfo":{"name":"todo0","version":"1"}}`,
			"resources/list": `{"resources":[{"uri":"todo0://todos","name":"todos"}]}`,
			"resources/read": `{"contents":[{"uri":"todo0://todos","mimeType":"application/json","text":` + string(quoted) + `}]}`,
		}[m.Method]
		rw.Header().Set("Content-Type", "application/json")
		switch {
		case m.ID == nil:
			rw.WriteHeader(http.StatusAccepted)
		case result == "":
			_, _ = fmt.Fprintf(rw, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID)
		default:
			_, _ = fmt.Fprintf(rw, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
		}
	}
}

// runMCP is run over MCP.
func (w *world) runMCP() *flow.Run {
	w.t.Helper()
	ctx := transport.WithRecorder(w.t.Context(), w)
	r := flow.NewRun(1, "test", flow.ReasonAgain, time.Now())
	r.Plan = w.plan
	grant, err := auth.ExchangeIDJAG(ctx, w.client, w.plan, w.subject)
	w.fill(r, fault.StepExchange, flow.KindIDJAG, err)
	access, err := auth.RedeemIDJAG(ctx, w.client, w.plan, grant)
	w.fill(r, fault.StepJWTBearer, flow.KindAccessToken, err)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Step(fault.StepJWTBearer).Scopes = &flow.Scopes{Asked: access.Asked, InIDJAG: access.InIDJAG, Granted: access.Granted}
	client := api.NewMCP(api.Options{Transport: w.client, Tokens: held{access}, Resource: w.plan.Connection.Resource})
	defer client.Close()
	_, err = client.List(ctx, "")
	w.fill(r, fault.StepCall, 0, err)
	return r
}

// Issue 5, 1: the rows of the protocol's error table that are about MCP: an error
// in a text under status 200, and 406.
func TestTheTrueCauseComesFirst_OverMCP(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		text     string
		want     string
		evidence flow.Evidence
	}{
		"200 with an error in the text": {0, `{"error":"Missing required scope: mcp.access"}`, "insufficient_scope", flow.Proven},
		"406":                           {http.StatusNotAcceptable, "", "http_406", flow.Likely},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.overMCP(c.status, c.text)
			if got := first(t, w.runMCP(), fault.StepCall); got.Code != c.want || got.Evidence != c.evidence {
				t.Errorf("first comes %+v", got)
			}
		})
	}
}
