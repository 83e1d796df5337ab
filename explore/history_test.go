package explore

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/fault"
)

func get(path string) Call { return Call{At: time.Now(), REST: &Request{Method: "GET", Path: path}} }

func TestTheLastCallsAreKeptAndEachOnce(t *testing.T) {
	var h History
	for i := range MaxHistory + 20 {
		h.Add(get(fmt.Sprintf("/%d", i)))
	}
	if len(h.Calls) != MaxHistory || h.Calls[0].REST.Path != "/119" || h.Calls[99].REST.Path != "/20" {
		t.Fatalf("%d, %+v", len(h.Calls), h.Calls[0])
	}
	id := h.Calls[50].ID
	again := get(h.Calls[50].REST.Path)
	again.Status, again.Took = 404, time.Second
	kept := h.Add(again)
	if len(h.Calls) != MaxHistory || h.Calls[0].ID != id || kept.ID != id || h.Calls[0].Status != 404 {
		t.Errorf("%+v", h.Calls[0])
	}
	h.Add(Call{Tool: &ToolCall{Name: "add", Arguments: json.RawMessage(`{"a":1}`)}})
	h.Add(Call{Tool: &ToolCall{Name: "add", Arguments: json.RawMessage(`{"a":2}`)}})
	h.Add(Call{Tool: &ToolCall{Name: "add", Arguments: json.RawMessage(`{ "a" : 2 }`)}})
	if h.Calls[2].Tool != nil || h.Calls[0].Line() != "add" || h.Calls[1].Line() != "add" || len(h.Calls) != MaxHistory {
		t.Errorf("%+v", h.Calls[:2])
	}
	seen := map[string]bool{}
	for _, c := range h.Calls {
		if c.ID == "" || seen[c.ID] || h.Find(c.ID) == nil {
			t.Errorf("id %q", c.ID)
		}
		seen[c.ID] = true
	}
	h.Remove(id)
	if h.Find(id) != nil || len(h.Calls) != MaxHistory-1 {
		t.Error("it is still there")
	}
	h.Clear()
	if h.Calls != nil {
		t.Error("not cleared")
	}
}

func TestAHistoryIsBoundedInBytes(t *testing.T) {
	var h History
	for i := range 60 {
		h.Add(Call{REST: &Request{Method: "POST", Path: fmt.Sprint("/", i), Body: []byte(strings.Repeat("x", MaxKept))}})
	}
	data, err := json.Marshal(h)
	if err != nil || len(data) > maxHistory || len(h.Calls) < 10 || h.Calls[0].REST.Path != "/59" {
		t.Errorf("%d bytes, %d calls", len(data), len(h.Calls))
	}
	c := h.Add(Call{REST: &Request{Path: "/", Body: make([]byte, MaxKept+1)}})
	if c.REST.Body != nil || !slices.Contains(c.Left, "body") {
		t.Errorf("%+v", c)
	}
	c = h.Add(Call{Tool: &ToolCall{Name: "a", Arguments: json.RawMessage(`"` + strings.Repeat("x", MaxKept) + `"`)}})
	if c.Tool.Arguments != nil || !slices.Contains(c.Left, "arguments") {
		t.Errorf("%+v", c)
	}
	for i := range 60 {
		if err := h.Name(h.Calls[i%10].ID, fmt.Sprint("name ", i)); err != nil {
			if !fault.Is(err, fault.Invalid) || fault.As(err).Code != "too_many" || i < 10 {
				t.Errorf("%d: %v", i, err)
			}
			return
		}
	}
	t.Error("favourites without end")
}

func TestFavouritesHaveNames(t *testing.T) {
	var h History
	first, second := h.Add(get("/a")), h.Add(get("/b"))
	if err := h.Name(first.ID, " Zeta "); err != nil {
		t.Fatal(err)
	}
	if err := h.Name(second.ID, "alpha"); err != nil {
		t.Fatal(err)
	}
	if len(h.Calls) != 2 || len(h.Favourites) != 2 || h.Favourites[0].Favourite != "alpha" || h.Favourites[1].Favourite != "Zeta" || h.Favourites[1].REST.Path != "/a" || h.Favourites[0].ID == second.ID {
		t.Fatalf("%+v", h)
	}
	zeta := h.Favourites[1].ID
	for name, code := range map[string]string{"ALPHA": "name_taken", "a\nb": "bad_name", "a\u202eb": "bad_name", strings.Repeat("x", 81): "bad_name"} {
		if err := h.Name(zeta, name); fault.As(err).Code != code {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := h.Name(zeta, "zeta"); err != nil || h.Favourites[1].Favourite != "zeta" || h.Favourites[1].ID != zeta {
		t.Errorf("%v %+v", err, h.Favourites)
	}
	h.Clear()
	again := get("/a")
	again.Status = 500
	if h.Add(again); h.Find(zeta).Status != 500 || len(h.Favourites) != 2 {
		t.Errorf("%+v", h)
	}
	if err := h.Name(h.Calls[0].ID, ""); err != nil || len(h.Calls) != 1 {
		t.Errorf("%v %+v", err, h)
	}
	if err := h.Name(zeta, ""); err != nil || len(h.Favourites) != 1 {
		t.Errorf("%v %+v", err, h)
	}
	if err := h.Name("nothing", "x"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
}

func TestS91_AHistoryKeepsNoSecret(t *testing.T) {
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary-signature"
	var h History
	for name, c := range map[string]Call{
		"header":    {REST: &Request{Path: "/", Header: []Pair{{"X-Api-Key", "canary"}, {"Cookie", "canary"}, {"X-Token", "canary"}, {"X-Anything", "a " + token + " b"}}}},
		"query":     {REST: &Request{Path: "/?access_token=canary&a=b&%61pi_key=canary", Query: []Pair{{"client_secret", "canary"}, {"x", token}}}},
		"path":      {REST: &Request{Path: "/callback/" + token}},
		"json":      {REST: &Request{Path: "/", Body: []byte(`{"a":[{"password":"canary","b":1.50}],"refresh_token":"canary","c":"` + token + `"}`)}},
		"both":      {REST: &Request{Path: "/", Header: []Pair{{"password", "canary"}}, Body: []byte(`{"password":"canary"}`)}},
		"form":      {REST: &Request{Path: "/", Body: []byte("grant_type=x&assertion=canary&client_secret=canary")}},
		"name":      {REST: &Request{Path: "/", Body: []byte(`{"` + token + `":1}`)}},
		"text":      {REST: &Request{Path: "/", Body: []byte("the token is " + token)}},
		"arguments": {Tool: &ToolCall{Name: "t", Arguments: json.RawMessage(`{"apiKey":"canary","id_token":"canary"}`)}},
	} {
		kept := h.Add(c)
		data, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		body := ""
		if kept.REST != nil {
			body = string(kept.REST.Body)
		}
		if shown := string(data) + body + fmt.Sprintf("%+v", kept); strings.Contains(shown, "canary") || strings.Contains(shown, token[:30]) || len(kept.Left) == 0 {
			t.Errorf("%s: %s %q", name, shown, kept.Left)
		}
	}
	plain := Request{Method: "POST", Path: "/a?b=c&d", Query: []Pair{{"q", "x y"}}, Header: []Pair{{"Accept", "*/*"}}, Body: []byte(`{ "title" : "a",  "n": 1.0 }`)}
	kept := h.Add(Call{REST: &plain})
	want, _ := json.Marshal(plain)
	if got, _ := json.Marshal(kept.REST); string(got) != string(want) || kept.Left != nil {
		t.Errorf("%s, left %q", got, kept.Left)
	}
}

func TestALineOfTheHistoryIsOneLine(t *testing.T) {
	c := Call{REST: &Request{Path: "/a\x1b[2J\u202e", Query: []Pair{{"b", "c d\n"}}}}
	if got := c.Line(); strings.ContainsAny(got, "\x1b\u202e\n") || !strings.HasPrefix(got, "GET /a") || !strings.Contains(got, "?b=c+d%0A") {
		t.Errorf("%q", got)
	}
	if got := (&Call{}).Line(); got != "" {
		t.Errorf("%q", got)
	}
}

// Whatever is entered, what is kept of it holds no token and is as well formed.
func FuzzKept(f *testing.F) {
	for _, seed := range []string{`{"password":"a"}`, `[{"a":"eyJhbGciOiJI.eyJzdWIiOiJj.x"}]`, "a=b&token=c", "text", `"eyJeyJhbGciOiJI.eyJzdWIi.xhbGciOiJI.eyJzdWIi.x"`} {
		f.Add("/a?"+seed, "X-Token", seed, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, path, name, value string, body []byte) {
		var h History
		kept := h.Add(Call{REST: &Request{Path: path, Query: []Pair{{name, value}}, Header: []Pair{{name, value}}, Body: body}})
		r := kept.REST
		for _, text := range []string{r.Path, r.Query[0].Value, r.Header[0].Value, string(r.Body)} {
			if jwt.MatchString(text) {
				t.Fatalf("%q is kept", text)
			}
		}
		if json.Valid(body) && r.Body != nil && !json.Valid(r.Body) {
			t.Fatalf("%q became %q", body, r.Body)
		}
		if again := h.Add(Call{REST: r}); len(h.Calls) != 1 || again.ID != kept.ID {
			t.Fatalf("it is kept twice: %+v", h.Calls)
		}
		if line := kept.Line(); strings.ContainsAny(line, "\r\n\x1b") {
			t.Fatalf("%q", line)
		}
	})
}
