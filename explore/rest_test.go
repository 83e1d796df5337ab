package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

const restToken = "canary-token-0123456789abcdefghijklmnop"

type sameToken struct{}

func (sameToken) Token(context.Context) (secret.Text, []string, error) {
	return secret.New(restToken), []string{"todos.read"}, nil
}
func (sameToken) Refused(secret.Text) {}

// rester is a REST API that does as a test says, and the way to it.
type rester struct {
	*REST
	*httptest.Server
	mu    sync.Mutex
	lines []string // that were asked for, as in "GET /path"
	kept  []Call
}

func newRester(t *testing.T, path string, handle http.HandlerFunc) *rester {
	t.Helper()
	s := &rester{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.lines = append(s.lines, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		handle(w, r)
	}))
	client := transport.New(transport.Options{})
	resource := connection.Resource{Kind: connection.REST, URL: s.URL + path, Scopes: []string{"todos.read"}}
	raw, err := api.NewRaw(api.Options{Transport: client, Tokens: sameToken{}, Resource: resource})
	if err != nil {
		t.Fatal(err)
	}
	s.REST = NewREST(RESTOptions{Resource: resource,
		Through: func(ctx context.Context, f func(context.Context, *api.Raw) error) (uint64, error) {
			return 7, f(ctx, raw)
		},
		Remember: func(_ context.Context, c Call) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.kept = append(s.kept, c)
		},
	})
	t.Cleanup(func() {
		_ = raw.Close()
		client.CloseIdle()
		s.Close()
	})
	return s
}

func (s *rester) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// gets calls a path and has an answer.
func (s *rester) gets(t *testing.T, path string) *Response {
	t.Helper()
	a, err := s.Call(t.Context(), Request{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Body) > 1<<16 {
		return a
	}
	if shown := fmt.Sprintf("%v %+v %#v", a, a, a); strings.Contains(shown, restToken) {
		t.Errorf("the token is shown: %.300s", shown)
	}
	return a
}

func TestARequestIsSentAsItWasMadeUp(t *testing.T) {
	var got *http.Request
	var body string
	s := newRester(t, "/base", func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got, body = r, string(data)
		w.Header().Set("Content-Type", "application/vnd.x+json; charset=UTF-8")
		w.Header()["X-Many"] = []string{"b", "a"}
		w.WriteHeader(201)
		_, _ = io.WriteString(w, `{"ok": true}`)
	})
	q := Request{Method: "PUT", Path: "/x", Query: []Pair{{"b", "1"}, {"a", "2"}}, Header: []Pair{{"X-One", " a "}, {"X-One", "b"}, {"Accept", "text/plain"}}, Body: []byte("{}")}
	a, err := s.Call(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if got.RequestURI != "/x?b=1&a=2" || got.Method != "PUT" || body != "{}" || got.Header.Get("Authorization") != "Bearer "+restToken || got.Header.Get("Content-Type") != "application/json" ||
		got.Header.Get("Accept") != "text/plain" || !reflect.DeepEqual(got.Header.Values("X-One"), []string{"a", "b"}) {
		t.Errorf("%s %v %q", got.RequestURI, got.Header, body)
	}
	if a.Status != 201 || a.Protocol != "HTTP/1.1" || a.Address != s.URL+"/x?b=1&a=2" || a.ContentType != "application/vnd.x+json" || a.Charset != "utf-8" || string(a.JSON) != `{"ok": true}` || a.Cut != "" || a.Sent != 1 || a.Run != 7 || a.Problem != nil || a.Wire != 12 || a.Decoded != 12 || a.FirstByte <= 0 || a.Total < a.FirstByte {
		t.Errorf("%+v", a)
	}
	if i := slices.Index(a.Header, Field{"X-Many", "b"}); i < 0 || a.Header[i+1] != (Field{"X-Many", "a"}) || !slices.IsSortedFunc(a.Header, func(a, b Field) int { return strings.Compare(string(a.Name), string(b.Name)) }) {
		t.Errorf("%v", a.Header)
	}
	if len(s.kept) != 1 || !reflect.DeepEqual(*s.kept[0].REST, q) || s.kept[0].Status != 201 || s.kept[0].Failed {
		t.Errorf("%+v", s.kept)
	}
	if _, err := s.Call(t.Context(), Request{Path: "/../x"}); !fault.Is(err, fault.Invalid) || len(s.kept) != 1 || len(s.asked()) != 1 {
		t.Errorf("%v", err)
	}
}

func TestWhateverComesIsShown(t *testing.T) {
	for name, test := range map[string]struct {
		kind, body string
		text       Said
		isText     bool
		isJSON     bool
	}{
		"json":                 {"application/json", `[1,2]`, `[1,2]`, true, true},
		"json called text":     {"text/plain", `{"a":1}`, `{"a":1}`, true, true},
		"text called json":     {"application/json", `no json`, `no json`, true, false},
		"two texts":            {"application/json", `{} {}`, `{} {}`, true, false},
		"latin":                {"text/plain; charset=ISO-8859-1", "\xe4", "ä", true, false},
		"unknown charset":      {"text/plain; charset=koi8-r", "\xe4", "", false, false},
		"not the charset":      {"text/plain", "\xe4", "", false, false},
		"binary":               {"image/png", "\x89PNG\x00", "", false, false},
		"no type that is one":  {";;;", "hello", "hello", true, false},
		"mark":                 {"text/plain", "\ufeffhello", "hello", true, false},
		"empty":                {"text/plain", "", "", true, false},
		"a web page":           {"text/html", "<script>alert(1)</script>", "<script>alert(1)</script>", true, false},
		"deep":                 {"application/json", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), Said(strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), true, false},
		"hidden and backwards": {"text/plain", "\x1b[2J\u202eevil\u2066", "\x1b[2J\u202eevil\u2066", true, false},
	} {
		s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", test.kind)
			_, _ = io.WriteString(w, test.body)
		})
		a := s.gets(t, "/")
		text, ok := a.Text()
		if text != test.text || ok != test.isText || (a.JSON != nil) != test.isJSON || string(a.Body) != test.body || a.Cut != "" {
			t.Errorf("%s: %.80q %t, JSON %t, %.80q %s", name, text, ok, a.JSON != nil, a.Body, a.Cut)
		}
		if shown := text.Text(); strings.ContainsAny(shown, "\x1b\u202e\u2066") {
			t.Errorf("%s: %q", name, shown)
		}
	}
}

func TestS78_ARedirectIsShownAndNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL + "/x", "/elsewhere", "//evil.example/\u202e", "javascript:alert(1)"} {
			s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "moved")
			})
			a := s.gets(t, "/")
			if a.Status != status || string(a.Location) != to || string(a.Body) != "moved" || a.Problem == nil || a.Problem.Code != "redirect" || len(s.asked()) != 1 {
				t.Errorf("%d %q: %+v", status, to, a)
			}
		}
	}
}

func TestS80_AnEndlessBodyIsCut(t *testing.T) {
	s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("ä", 1<<15)); err != nil {
				return
			}
		}
	})
	a := s.gets(t, "/")
	if len(a.Body) != MaxAnswer || !strings.Contains(a.Cut, "longer than 8 MiB") || a.JSON != nil {
		t.Errorf("%d bytes, %q", len(a.Body), a.Cut)
	}
	if text, ok := a.Text(); !ok || !strings.HasPrefix(string(text), "äää") {
		t.Errorf("%t %.20q", ok, text)
	}
}

func TestACallCanBeCancelled(t *testing.T) {
	s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Call(ctx, Request{Path: "/"}); err == nil {
		t.Error("no error")
	}
	if len(s.kept) != 1 || !s.kept[0].Failed || s.kept[0].Status != 0 {
		t.Errorf("%+v", s.kept)
	}
	half, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	a, err := s.Call(half, Request{Path: "/half"})
	if err != nil || string(a.Body) != "half" || a.Cut != "It was cancelled after 4 bytes of the body." {
		t.Errorf("%v %+v", err, a)
	}
}

func TestS89_HeadersOfAnAnswerStayOnTheirLines(t *testing.T) {
	s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 \x1b[31mOK\r\nX-A: \x1b]0;evil\x07\u202e\r\nContent-Length: 2\r\n\r\n{}")
	})
	a, err := s.Call(t.Context(), Request{Path: "/"})
	if err != nil {
		return // refused as a whole by net/http, which is as good
	}
	for _, f := range a.Header {
		if line := f.Name.Line() + f.Value.Line(); strings.ContainsAny(line, "\x1b\x07\u202e\r\n") {
			t.Errorf("%q", line)
		}
	}
}

func TestADraftHoldsNoSecret(t *testing.T) {
	for _, bound := range []bool{false, true} {
		r := NewREST(RESTOptions{Resource: connection.Resource{URL: "https://api.example"}, Bound: bound})
		x, err := r.Draft(Request{Method: "POST", Path: "/a?api_key=hunter1", Query: []Pair{{"access_token", "hunter2"}}, Header: []Pair{{"X-Api-Key", "hunter3"}, {"Cookie", "s=hunter4"}, {"X-Plain", "yes"}}, Body: []byte(`{"password":"hunter5","title":"it's"}`)})
		if err != nil {
			t.Fatal(err)
		}
		command := flow.Curl(x)
		if shown := fmt.Sprintf("%v %+v %s", x, x, command.Text); strings.Contains(shown, "hunter") {
			t.Errorf("%s", shown)
		}
		want := []string{"Bearer $ACCESS_TOKEN", "X-Plain: yes", "--data-raw", "https://api.example/a?api_key="}
		if bound {
			want[0] = "DPoP $ACCESS_TOKEN"
		}
		for _, says := range want {
			if !strings.Contains(command.Text, says) {
				t.Errorf("%q is not in\n%s", says, command.Text)
			}
		}
		names := map[string]string{}
		for _, v := range command.Variables {
			names[v.Name] = v.Value.Reveal()
		}
		if _, has := names["ACCESS_TOKEN"]; !has || names["ACCESS_TOKEN"] != "" || bound != strings.Contains(command.Text, "$DPOP") || len(names) < 5 {
			t.Errorf("%v\n%s", names, command.Text)
		}
	}
	x := ToolDraft("https://mcp.example/mcp", "2025-06-18", false, ToolCall{Name: "add", Arguments: json.RawMessage(`{"a":1}`)})
	command := flow.Curl(x)
	for _, says := range []string{`"method":"tools/call"`, `"name":"add"`, `"arguments":{"a":1}`, "$MCP_SESSION_ID", "Mcp-Protocol-Version: 2025-06-18", "text/event-stream", "https://mcp.example/mcp"} {
		if !strings.Contains(command.Text, says) {
			t.Errorf("%q is not in\n%s", says, command.Text)
		}
	}
}
