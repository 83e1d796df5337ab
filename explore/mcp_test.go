package explore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/explore"
	"waybill/fault"
	"waybill/form"
)

// versions are all that are spoken.
var versions = []string{"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}

// genuine is a server of the Go SDK with some of everything.
type genuine struct {
	*mcp.Server
	url       string
	cancelled chan struct{}
}

// newGenuine keeps sessions, or, as from 2026-07-28 on, none.
func newGenuine(t *testing.T, stateless bool) *genuine {
	t.Helper()
	g := &genuine{cancelled: make(chan struct{}, 1)}
	g.Server = mcp.NewServer(&mcp.Implementation{Name: "peer", Title: "A Peer", Version: "7", WebsiteURL: "https://peer.example"}, &mcp.ServerOptions{
		Instructions:       "Ask politely.",
		PageSize:           2,
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	no, yes := false, true
	type sum struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	type total struct {
		Sum int `json:"sum"`
	}
	mcp.AddTool(g.Server, &mcp.Tool{Name: "add", Description: "Adds.", Annotations: &mcp.ToolAnnotations{Title: "Add two", ReadOnlyHint: true, OpenWorldHint: &no}},
		func(_ context.Context, _ *mcp.CallToolRequest, in sum) (*mcp.CallToolResult, total, error) {
			return nil, total{in.A + in.B}, nil
		})
	mcp.AddTool(g.Server, &mcp.Tool{Name: "slow", Annotations: &mcp.ToolAnnotations{DestructiveHint: &no, IdempotentHint: true}},
		func(ctx context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			for i := range 3 {
				_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i + 1), Total: 3, Message: "step"})
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil, nil
		})
	mcp.AddTool(g.Server, &mcp.Tool{Name: "stuck", Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes}},
		func(ctx context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: 1})
			<-ctx.Done()
			g.cancelled <- struct{}{}
			return nil, nil, ctx.Err()
		})
	mcp.AddTool(g.Server, &mcp.Tool{Name: "wrong"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return nil, nil, errors.New("it went wrong")
	})
	for _, name := range []string{"one", "two", "three"} {
		g.AddResource(&mcp.Resource{URI: "x://" + name, Name: name, MIMEType: "text/plain", Size: 3}, func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: name, MIMEType: "text/plain"}}}, nil
		})
	}
	g.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "x://item/{id}{?lang}", Name: "item"}, func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Blob: []byte{1, 2, 3}}}}, nil
	})
	g.AddPrompt(&mcp.Prompt{Name: "greet", Title: "Greet", Arguments: []*mcp.PromptArgument{{Name: "who", Required: true}, {Name: "how"}}},
		func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return &mcp.GetPromptResult{Description: "A greeting.", Messages: []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: "Hello " + r.Params.Arguments["who"]}}}}, nil
		})
	server := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return g.Server }, &mcp.StreamableHTTPOptions{PropagateRequestCancellation: true, Stateless: stateless}))
	t.Cleanup(func() {
		for s := range g.Sessions() {
			_ = s.Close()
		}
		server.Close()
	})
	g.url = server.URL
	return g
}

// each runs a test in each version of the protocol.
func each(t *testing.T, f func(t *testing.T, g *genuine, m *explore.MCP)) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			g := newGenuine(t, version >= "2026-07-28")
			f(t, g, explorer(t, g.url, version))
		})
	}
}

func TestTheServerSaysWhoItIsInEachVersion(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		if _, err := m.Tools(t.Context()); err != nil { // a session whose version was taken for granted
			t.Fatal(err)
		}
		s, err := m.Server(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != "peer" || s.Title != "A Peer" || s.Version != "7" || s.Instructions != "Ask politely." || s.Website != "https://peer.example" {
			t.Errorf("%+v", s)
		}
		if want := t.Name()[strings.LastIndex(t.Name(), "/")+1:]; s.Protocol != want {
			t.Errorf("spoke %s", s.Protocol)
		}
		if !s.Can.Tools || !s.Can.Resources || !s.Can.Prompts || !s.Can.Subscribe || !s.Can.Logging || s.Can.Completions {
			t.Errorf("%+v", s.Can)
		}
	})
}

func TestEverythingIsListedPageByPage(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		tools, err := m.Tools(t.Context())
		if err != nil || len(tools.Items) != 4 || tools.Pages != 2 || tools.Cut {
			t.Fatalf("%+v %v", tools, err)
		}
		var got []string
		for _, tool := range tools.Items {
			got = append(got, fmt.Sprint(tool.Name, tool.ReadOnly, tool.Destructive, tool.Idempotent, tool.OpenWorld, len(tool.Warnings)))
		}
		want := []string{"add true false false false 0", "slow false false true true 0", "stuck false true false true 0", "wrong false true false true 0"}
		for i := range want {
			if strings.ReplaceAll(want[i], " ", "") != strings.ReplaceAll(got[i], " ", "") {
				t.Errorf("%s, want %s", got[i], want[i])
			}
		}
		for _, tool := range tools.Items {
			if len(tool.Fingerprint) != 64 {
				t.Errorf("%s: fingerprint %q", tool.Name, tool.Fingerprint)
			}
		}
		if tools.Items[0].Label() != "Add two" || tools.Items[1].Label() != "slow" {
			t.Errorf("%s, %s", tools.Items[0].Label(), tools.Items[1].Label())
		}
		resources, err := m.Resources(t.Context())
		if err != nil || len(resources.Items) != 3 || resources.Pages != 2 || resources.Items[0].Size != 3 {
			t.Errorf("%+v %v", resources, err)
		}
		templates, err := m.Templates(t.Context())
		if err != nil || len(templates.Items) != 1 || !slices.Equal(templates.Items[0].Variables, []string{"id", "lang"}) {
			t.Fatalf("%+v %v", templates, err)
		}
		prompts, err := m.Prompts(t.Context())
		if err != nil || len(prompts.Items) != 1 || len(prompts.Items[0].Arguments) != 2 || !prompts.Items[0].Arguments[0].Required {
			t.Errorf("%+v %v", prompts, err)
		}
		uri, err := templates.Items[0].Expand(map[string]string{"id": "a b/c", "lang": ""})
		if err != nil || uri != "x://item/a%20b%2Fc" {
			t.Errorf("%s %v", uri, err)
		}
		one, err := m.Read(t.Context(), "x://one")
		if err != nil || len(one.Parts) != 1 || one.Parts[0].Text != "one" || one.Parts[0].MIMEType != "text/plain" {
			t.Errorf("%+v %v", one, err)
		}
		_, err = m.Read(t.Context(), "x://none")
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("no such resource: %v", err)
		}
		if _, err := m.Call(t.Context(), &explore.Tool{Name: "none"}, nil, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("no such tool: %v", err)
		}
		contents, err := m.Read(t.Context(), uri)
		if err != nil || len(contents.Parts) != 1 || contents.Parts[0].Kind != explore.Embedded || !bytes.Equal(contents.Parts[0].Data, []byte{1, 2, 3}) {
			t.Errorf("%+v %v", contents, err)
		}
		said, err := m.Prompt(t.Context(), "greet", map[string]string{"who": "Ada"})
		if err != nil || said.Description != "A greeting." || len(said.Messages) != 1 || said.Messages[0].Part.Text != "Hello Ada" {
			t.Errorf("%+v %v", said, err)
		}
	})
}

func TestAToolIsCalledThroughItsForm(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		tool, err := m.Tool(t.Context(), "add")
		if err != nil {
			t.Fatal(err)
		}
		f := tool.Form()
		v := f.New()
		for i, n := range []string{"2", "40"} {
			if v.Members[i].Field.Kind != form.Integer {
				t.Fatalf("%+v", v.Members[i].Field)
			}
			v.Members[i].Set, v.Members[i].Text = true, n
		}
		args, wrong := f.Check(v)
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
		r, err := m.Call(t.Context(), tool, args, nil)
		if err != nil || r.Failed || r.Verdict != explore.Conforms || string(r.Structured) != `{"sum":42}` || len(r.Parts) != 1 || string(r.Parts[0].JSON) != `{"sum":42}` {
			t.Errorf("%+v %v", r, err)
		}
		if tool, err = m.Tool(t.Context(), "wrong"); err != nil {
			t.Fatal(err)
		}
		if r, err = m.Call(t.Context(), tool, nil, nil); err != nil || !r.Failed || r.Parts[0].Text != "it went wrong" {
			t.Errorf("%+v %v", r, err)
		}
		_, err = m.Tool(t.Context(), "none")
		wantFault(t, err, fault.NotFound, "no_tool")
		for _, args := range []string{`[]`, `1`, `{`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `null`, `{} {}`} {
			_, err = m.Call(t.Context(), tool, json.RawMessage(args), nil)
			wantFault(t, err, fault.Invalid, "bad_arguments")
		}
	})
}

func TestProgressIsToldInOrderAndBeforeTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		var told []float64
		r, err := m.Call(t.Context(), &explore.Tool{Name: "slow"}, nil, func(p explore.Progress) {
			if p.Total != 3 || p.Message != "step" {
				t.Errorf("%+v", p)
			}
			told = append(told, p.Done)
		})
		if err != nil || len(r.Parts) != 1 || r.Parts[0].Text != "done" || !slices.Equal(told, []float64{1, 2, 3}) {
			t.Errorf("%+v, told %v, %v", r, told, err)
		}
	})
}

func TestCancellingACallReachesTheServer(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := m.Call(ctx, &explore.Tool{Name: "stuck"}, nil, func(explore.Progress) { cancel() })
		if !fault.Is(err, fault.Canceled) {
			t.Fatal(err)
		}
		select {
		case <-g.cancelled:
		case <-time.After(20 * time.Second):
			t.Error("the server was not told")
		}
		if r, err := m.Call(t.Context(), &explore.Tool{Name: "slow"}, nil, nil); err != nil || r.Failed {
			t.Errorf("%+v %v", r, err)
		}
	})
}

// changes collects the URIs that a subscription told of.
type changes struct {
	mu   sync.Mutex
	uris []explore.Said
	some chan struct{}
}

func newChanges() *changes { return &changes{some: make(chan struct{}, 1000)} }

func (c *changes) add(n explore.News) {
	if n.Kind != explore.Updated {
		return
	}
	c.mu.Lock()
	c.uris = append(c.uris, n.URI)
	c.mu.Unlock()
	c.some <- struct{}{}
}

func (c *changes) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.some:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told")
	}
}

func TestASubscriptionTellsOfChangesUntilItIsClosed(t *testing.T) {
	each(t, func(t *testing.T, g *genuine, m *explore.MCP) {
		one, two := newChanges(), newChanges()
		first, err := m.Subscribe(t.Context(), "x://one", one.add)
		if err != nil {
			t.Fatal(err)
		}
		second, err := m.Subscribe(t.Context(), "x://two", two.add)
		if err != nil {
			t.Fatal(err)
		}
		change := func(uri string) {
			if err := g.ResourceUpdated(t.Context(), &mcp.ResourceUpdatedNotificationParams{URI: uri}); err != nil {
				t.Fatal(err)
			}
		}
		change("x://one")
		one.wait(t)
		change("x://two")
		two.wait(t)
		if !slices.Equal(one.uris, []explore.Said{"x://one"}) || !slices.Equal(two.uris, []explore.Said{"x://two"}) {
			t.Errorf("%v, %v", one.uris, two.uris)
		}
		first.Close()
		change("x://one")
		change("x://two")
		two.wait(t)
		if first.Err() != nil || len(one.uris) != 1 {
			t.Errorf("after Close: %v, %v", first.Err(), one.uris)
		}
		if _, err := m.Tools(t.Context()); err != nil { // the main session goes on
			t.Error(err)
		}
		second.Close()
	})
}

func TestASubscriptionThatIsNotOfferedIsNotFound(t *testing.T) {
	for name, own := range map[string]map[string]answer{
		"no capability": {"initialize": replies(`{"protocolVersion":"2025-06-18","capabilities":{"resources":{}},"serverInfo":{"name":"p","version":"1"}}`)},
		"no stream":     {"GET": func(w http.ResponseWriter, _ *http.Request, _ rpc) { w.WriteHeader(http.StatusMethodNotAllowed) }},
	} {
		_, err := newPeer(t, own).explorer(t).Subscribe(t.Context(), "x://a", func(explore.News) {})
		t.Log(name)
		wantFault(t, err, fault.NotFound, "no_subscriptions")
	}
	p := newPeer(t, map[string]answer{"GET": streams()})
	if _, err := p.explorer(t).Subscribe(t.Context(), "x://a", func(explore.News) {}); !fault.Is(err, fault.NotFound) {
		t.Errorf("no method: %v", err)
	}
}

// What a server has no method for, it offers nothing of.
func TestAServerWithoutPromptsListsNone(t *testing.T) {
	m := newPeer(t, nil).explorer(t)
	if l, err := m.Prompts(t.Context()); err != nil || len(l.Items) != 0 {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := m.Templates(t.Context()); err != nil || len(l.Items) != 0 {
		t.Errorf("%+v %v", l, err)
	}
}

func TestSchemasKeepTheOrderAndNumbersTheirDigits(t *testing.T) {
	p := newPeer(t, map[string]answer{
		"tools/list": replies(`{"tools":[{"name":"bad","inputSchema":{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"A"}}}},` +
			`{"name":"t","inputSchema":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"},"m":{"type":"string"}}}}]}`),
		"tools/call": replies(`{"content":[],"structuredContent":{"n":12345678901234567890,"z":1,"a":2.50}}`),
	})
	m := p.explorer(t)
	l, err := m.Tools(t.Context())
	if err != nil || len(l.Items) != 1 {
		t.Fatalf("%+v %v", l, err)
	}
	names := ""
	for _, f := range l.Items[0].Form().Root.Members {
		names += f.Name
	}
	if names != "zam" {
		t.Errorf("fields in the order %s", names)
	}
	r, err := m.Call(t.Context(), &l.Items[0], nil, nil)
	if err != nil || string(r.Structured) != `{"n":12345678901234567890,"z":1,"a":2.50}` || r.Verdict != explore.NoSchema {
		t.Errorf("%s %v", r.Structured, err)
	}
}

func TestStructuredContentIsJudgedByTheOutputSchema(t *testing.T) {
	promise := json.RawMessage(`{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}`)
	for _, c := range []struct {
		result  string
		output  json.RawMessage
		verdict explore.Verdict
	}{
		{`{"content":[],"structuredContent":{"n":1}}`, promise, explore.Conforms},
		{`{"content":[],"structuredContent":{"n":"1"}}`, promise, explore.Breaks},
		{`{"content":[],"structuredContent":{}}`, promise, explore.Breaks},
		{`{"content":[]}`, promise, explore.Missing},
		{`{"content":[],"structuredContent":null}`, promise, explore.Missing},
		{`{"content":[],"isError":true}`, promise, explore.NoSchema},
		{`{"content":[],"isError":true,"structuredContent":{"n":1}}`, promise, explore.Conforms},
		{`{"content":[],"structuredContent":{"n":1}}`, nil, explore.NoSchema},
		{`{"content":[],"structuredContent":{"n":1}}`, json.RawMessage(`{"$ref":"https://evil.example/"}`), explore.Unchecked},
	} {
		p := newPeer(t, map[string]answer{"tools/call": replies(c.result)})
		r, err := p.explorer(t).Call(t.Context(), &explore.Tool{Name: "t", Output: c.output}, nil, nil)
		if err != nil || r.Verdict != c.verdict {
			t.Errorf("%s: verdict %d, want %d (%v)", c.result, r.Verdict, c.verdict, err)
		}
		if explained := r.Why != ""; explained != (c.verdict == explore.Breaks || c.verdict == explore.Unchecked) {
			t.Errorf("%s: why %q", c.result, r.Why)
		}
	}
}

func TestEveryKindOfPartIsKept(t *testing.T) {
	p := newPeer(t, map[string]answer{"tools/call": replies(`{"content":[{"type":"text","text":"{\"a\": 1}"},{"type":"image","data":"AQI=","mimeType":"image/png"},` +
		`{"type":"audio","data":"AQID","mimeType":"audio/wav"},{"type":"resource_link","uri":"file:///etc/passwd","name":"l","title":"L","size":9},` +
		`{"type":"resource","resource":{"uri":"x://e","text":"hi"}},{"type":"resource","resource":{"uri":"x://b","blob":"AQ=="}},{"type":"text","text":"7"}]}`)})
	r, err := p.explorer(t).Call(t.Context(), &explore.Tool{Name: "t"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, part := range r.Parts {
		got = append(got, fmt.Sprintf("%d %s %s %s %d %d", part.Kind, part.Text, part.JSON, part.URI, len(part.Data), part.Size))
	}
	want := []string{`1 {"a": 1} {"a": 1}  0 0`, "2    2 0", "3    3 0", "5   file:///etc/passwd 0 9", "4 hi  x://e 0 0", "4   x://b 1 0", "1 7   0 0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, i := range []int{0, 2, 3, 4, 5} {
		if _, err := r.Parts[i].Picture(); !fault.Is(err, fault.Invalid) {
			t.Errorf("part %d: %v", i, err)
		}
	}
}

func TestAPictureIsDecodedWhenItIsAskedFor(t *testing.T) {
	square := image.NewRGBA(image.Rect(0, 0, 3, 2))
	square.Set(1, 1, color.RGBA{255, 0, 0, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, square); err != nil {
		t.Fatal(err)
	}
	part := explore.Part{Kind: explore.ImagePart, MIMEType: "application/lies", Data: b.Bytes()}
	picture, err := part.Picture()
	if err != nil || picture.Bounds() != square.Bounds() {
		t.Errorf("%v", err)
	}
}

func TestAnUnusualOutputSchemaDoesNotKeepTheResultBack(t *testing.T) {
	g := newGenuine(t, false)
	g.AddTool(&mcp.Tool{Name: "odd", InputSchema: &jsonschema.Schema{Type: "object"}}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{}, StructuredContent: map[string]any{"a": 1}}, nil
	})
	m := explorer(t, g.url, "")
	tool, err := m.Tool(t.Context(), "odd")
	if err != nil {
		t.Fatal(err)
	}
	tool.Output = json.RawMessage(`{"$ref":"#"}`)
	if r, err := m.Call(t.Context(), tool, nil, nil); err != nil || r.Verdict != explore.Breaks || string(r.Structured) != `{"a":1}` {
		t.Errorf("%+v %v", r, err)
	}
}
