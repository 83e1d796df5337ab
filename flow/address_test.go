package flow_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

// A secret in a query is escaped there and nowhere else.
func TestASecretInAnAddressIsEscapedThere(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	const value = "a+b/c&d=e f"
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r) }))
	defer server.Close()
	h := transport.Hidden{Name: "access_token", Value: secret.New(value)}
	x := transport.Recording{
		Role: transport.Resource, Method: http.MethodGet, URL: server.URL + "/todos?all=yes&access_token=" + h.Placeholder(), Status: 200, Secrets: []transport.Hidden{h},
		Request: transport.Message{Header: http.Header{"Authorization": {"Bearer " + h.Placeholder()}}},
	}
	shell(t, flow.Curl(x))
	if len(seen) != 1 || seen[0].URL.Query().Get("access_token") != value || seen[0].Header.Get("Authorization") != "Bearer "+value {
		t.Errorf("%+v", seen)
	}
	r := flow.NewRun(1, "c", flow.ReasonCall, x.Start)
	r.Step(fault.StepCall).Exchanges = []transport.Recording{x}
	if text := traceOf(t, flow.Export{Reveal: true, RevealAgain: true}, r); !strings.Contains(text, "access_token="+url.QueryEscape(value)) {
		t.Errorf("revealed, the address is another:\n%s", text)
	}
	if text := harOf(t, flow.Export{}, r); !strings.Contains(text, `"url": "`+server.URL+`/todos?all=yes&access_token=%C2%ABaccess_token%C2%BB"`) || !strings.Contains(text, `"value": "«access_token»"`) {
		t.Errorf("the address is none:\n%s", text)
	}
}

// Of an event stream, and of a resource's own words, only the shape is handed
// over: they are about the to-dos.
func TestOnlyTheShapeOfEventsAndWordsGoesIntoAFile(t *testing.T) {
	const private = "Water the plants"
	stream := "event: message\nid: " + private + "\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"text\":\"" + private + "\"}}\n\n: " + private + "\ndata: " + private + "\n"
	x := transport.Recording{Role: transport.Stream, Method: http.MethodPost, URL: "https://mcp.example/", Status: 400,
		Response: transport.Message{Header: http.Header{"Content-Type": {"text/event-stream; charset=utf-8"}}, Body: stream}}
	r := flow.NewRun(1, "c", flow.ReasonCall, x.Start)
	s := r.Step(fault.StepCall)
	s.Exchanges = []transport.Recording{x}
	s.Fault = fault.New(fault.StepCall, fault.Invalid, "http_400", "No.").WithServer(400, "The title “"+private+"” is too long.")
	for _, text := range []string{traceOf(t, flow.Export{}, r), harOf(t, flow.Export{}, r)} {
		if strings.Contains(text, private) || !strings.Contains(text, `(16 characters)`) || !strings.Contains(text, `\"id\":3`) {
			t.Errorf("it is there:\n%s", text)
		}
	}
	if strings.Count(traceOf(t, flow.Export{Todos: true}, r), private) < 2 {
		t.Error("asked for, it is not there")
	}
	s.Exchanges[0].Response.Header.Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="wrong audience"`)
	s.Fault = s.Fault.WithServer(401, "wrong audience")
	if text := traceOf(t, flow.Export{}, r); !strings.Contains(text, `"server_says": "wrong audience"`) {
		t.Errorf("what is about the access is left out:\n%s", text)
	}
}
