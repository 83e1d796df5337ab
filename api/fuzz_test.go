package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"waybill/fault"
	"waybill/secret"
)

const fuzzToken = "canary-token-of-the-fuzzer-0123456789"

var fuzzScopes = scopes{asked: readWrite, needed: []string{scopeRead}, write: scopeWrite}

// FuzzErrorBody: whatever a server refuses a request with, the Fault is whole,
// clean, bounded, shows no token, and its sentence is ours.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{`{"error":"invalid_request","error_description":"no"}`, `{"success":false,"error":{"code":"x","message":"y"}}`,
		`{"detail":"d","title":"t"}`, `<html>`, `[]`, `{"error":"` + fuzzToken + `"}`, `{"data":{"id":"1","title":"x"}}`, "\xff\xfe", `{"error":[1,2]}`} {
		f.Add(400, `Bearer error="insufficient_scope", scope="todos.write x"`, "5", []byte(body))
	}
	f.Add(401, `Bearer error="insufficient_user_authentication", max_age="1"`, "Wed, 21 Oct 2015 07:28:00 GMT", []byte{})
	f.Add(412, ``, "-1", []byte(`{"id":"1","title":"x"}`))
	sentences := map[string]bool{}
	f.Fuzz(func(t *testing.T, status int, challenge, retry string, body []byte) {
		if status < 400 || status > 599 {
			status = 400 + (status%200+200)%200
		}
		h := http.Header{"Www-Authenticate": {challenge}, "Retry-After": {retry}}
		a := &answer{status: status, header: h, body: body, token: secret.New(fuzzToken), granted: []string{scopeRead}}
		for _, about := range []asking{listing, reading, creating, changing, anything} {
			fuzzed := fuzzScopes.refusal(a, about)
			checkFuzzed(t, fuzzed)
			sentences[fuzzed.Message] = true
			if fuzzed.Status != status || fuzzed.RetryAfter < -1 || fuzzed.RetryAfter > 3600 {
				t.Errorf("status %d, retry after %d", fuzzed.Status, fuzzed.RetryAfter)
			}
			var current *ConflictError
			if err := withCurrent(fuzzed, a); errors.As(err, &current) && current.Current.ID != "" && !json.Valid(body) {
				t.Error("an item out of no JSON")
			}
		}
		if len(sentences) > 100 {
			t.Errorf("%d different sentences: a server's words are in them", len(sentences))
		}
	})
}

func checkFuzzed(t *testing.T, f *fault.Fault) {
	t.Helper()
	all := f.Message + f.Remedy + f.Server + f.Code
	for name, value := range f.Challenge {
		all += name + value
	}
	if strings.Contains(all, fuzzToken) {
		t.Errorf("the token is shown: %q", all)
	}
	if f.Server != fault.Clean(f.Server, fault.MaxServerRunes) || f.Code != errorCode(f.Code) || f.Code == "" || f.Step == "" {
		t.Errorf("code %q, server %q", f.Code, f.Server)
	}
}

// FuzzMCPResultText: whatever text a tool or a resource yields, the result is a
// list of to-dos with ids, each once, or a Fault.
func FuzzMCPResultText(f *testing.F) {
	for _, text := range []string{listJSON(f, milk), `{"error":"insufficient_scope"}`, `{"data":[{"id":1,"title":"x"}],"nextCursor":"2"}`, `[]`, ``, `null`,
		`{"success":false,"error":"` + fuzzToken + `"}`, `{"error":{"code":"not_found","message":"` + fuzzToken + `"}}`} {
		f.Add([]byte(text), []byte(`[{"id":"2","title":"y"}]`))
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		page := func(body []byte) *answer {
			return &answer{status: 200, header: http.Header{}, body: body, token: secret.New(fuzzToken), granted: readWrite}
		}
		for _, pages := range [][]*answer{{page(one)}, {page(one), page(two)}} {
			l, err := fuzzScopes.decodeList(pages, "")
			if err != nil {
				var fuzzed *fault.Fault
				if !errors.As(err, &fuzzed) || l.Todos != nil {
					t.Fatalf("%v", err)
				}
				checkFuzzed(t, fuzzed)
				continue
			}
			seen := map[string]bool{}
			for _, item := range l.Todos {
				if item.ID == "" || seen[item.ID] {
					t.Fatalf("id %q twice or empty", item.ID)
				}
				seen[item.ID] = true
			}
			again, err := fuzzScopes.decodeList(pages, l.ETag)
			if err != nil || !again.NotModified {
				t.Fatalf("the same list is not recognised: %v", err)
			}
		}
		_ = nextCursor(one)
		c := &MCPClient{scopes: fuzzScopes}
		err := c.toolFault(page(one), changing)
		checkFuzzed(t, fault.As(err))
		_ = currentItem(one)
	})
}

// FuzzMessage: what is let through to the SDK, the SDK understands in the same
// way.
func FuzzMessage(f *testing.F) {
	for _, m := range []string{`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"x"}}`, `{"jsonrpc":"2.0","method":"ping","id":2}`,
		`{"jsonrpc":"2.0","method":"notifications/x"}`, `[]`, `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}`, `{"jsonrpc":"2.0","id":1.5,"result":1}`, `{"jsonrpc":"2.0","id":1,"id":2,"result":1}`} {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := readMessage(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON", data)
		}
		theirs, err := jsonrpc.DecodeMessage(data)
		if err != nil {
			return // the SDK may be stricter
		}
		switch theirs := theirs.(type) {
		case *jsonrpc.Request:
			if m.method != theirs.Method || m.call() != theirs.IsCall() {
				t.Errorf("%q: a request of method %q", data, theirs.Method)
			}
		case *jsonrpc.Response:
			if m.method != "" || m.failed != (theirs.Error != nil) {
				t.Errorf("%q: a response", data)
			}
		}
	})
}

// FuzzStream: whatever an event stream holds, only whole events with messages
// come out, at most one of them the answer, as the last, and it ends.
func FuzzStream(f *testing.F) {
	answer := `{"jsonrpc":"2.0","id":1,"result":{}}`
	for _, s := range []string{event(answer), "id: 1\nretry: 9223372036854775807\ndata:\n\n" + event(answer), "data: {\ndata: }\n\n", ": c\n\n" + event(`{"jsonrpc":"2.0","method":"x"}`) + event(answer),
		"data: x", "event: ping\ndata: x\n\n", "\r\n\r\ndata: {}\r\n\r\n", strings.Repeat("data:\n", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var problem error
		s := newStream(io.NopCloser(bytes.NewReader(data)), message{id: "1", method: "m"}, func() {}, func(err error) { problem = err }, func(message, []byte) {})
		out, err := io.ReadAll(s)
		if err != nil {
			t.Fatal(err)
		}
		answers := 0
		for part := range strings.SplitSeq(string(out), "\n\n") {
			if part == "" {
				continue
			}
			m, err := readMessage([]byte(strings.TrimPrefix(part, "data: ")))
			if err != nil || answers > 0 {
				t.Fatalf("%q came out of %q", part, data)
			}
			if m.method == "" {
				answers++
			}
		}
		if (answers == 1) != (problem == nil) {
			t.Errorf("%d answers, problem %v", answers, problem)
		}
	})
}

func FuzzValidator(f *testing.F) {
	f.Add(`"v1"`, []byte("[]"))
	f.Add(`W/"v1 sha256:x"`, []byte(""))
	f.Fuzz(func(t *testing.T, tag string, body []byte) {
		v := validatorOf([]*answer{{header: http.Header{"Etag": {tag}}, body: body}})
		if parseValidator(v.String()) != v {
			t.Errorf("%q does not survive", v.String())
		}
		if v.etag != "" && v.etag != tag {
			t.Errorf("%q is not %q byte for byte", v.etag, tag)
		}
	})
}
