package gui

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"slices"
	"sync/atomic"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/session"
	"waybill/transport"
)

// fakeMCP is an MCP server whose offers and answers the test sets.
type fakeMCP struct {
	b         *fakeBackend
	server    explore.Server
	tools     []explore.Tool
	resources []explore.Resource
	templates []explore.Template
	prompts   []explore.Prompt
	cut       bool
	fail      error // of what is called
	noTools   error // why they are not listed
	result    explore.Result
	progress  []explore.Progress
	parts     []explore.Part
	messages  explore.Messages
	watch     *fakeWatch
	run       uint64 // that is said to have recorded what is called
}

type fakeWatch struct {
	told   func(explore.News)
	done   chan struct{}
	err    error
	closed atomic.Bool
}

func (w *fakeWatch) Close()                { w.closed.Store(true) }
func (w *fakeWatch) Done() <-chan struct{} { return w.done }
func (w *fakeWatch) Err() error            { return w.err }

// failIn has what is called fail, in the run that f says.
func (f *fakeMCP) failIn(err *fault.Fault) {
	m := explore.NewMCP(func(context.Context, bool, func(context.Context, *api.MCPClient) error) (uint64, error) {
		return f.run, err
	})
	_, f.fail = m.Read(context.Background(), "")
}

func (f *fakeMCP) Server(ctx context.Context) (*explore.Server, error) {
	if f.b.step(ctx) != nil {
		return nil, fault.As(ctx.Err())
	}
	return &f.server, f.b.note("server")
}

func (f *fakeMCP) Tools(context.Context) (*explore.List[explore.Tool], error) {
	return &explore.List[explore.Tool]{Items: f.tools, Pages: 1, Cut: f.cut}, f.noTools
}

func (f *fakeMCP) Resources(context.Context) (*explore.List[explore.Resource], error) {
	return &explore.List[explore.Resource]{Items: f.resources, Pages: 1}, nil
}

func (f *fakeMCP) Templates(context.Context) (*explore.List[explore.Template], error) {
	return &explore.List[explore.Template]{Items: f.templates, Pages: 1}, nil
}

func (f *fakeMCP) Prompts(context.Context) (*explore.List[explore.Prompt], error) {
	return &explore.List[explore.Prompt]{Items: f.prompts, Pages: 1}, nil
}

func (f *fakeMCP) Call(ctx context.Context, t *explore.Tool, args json.RawMessage, progress func(explore.Progress)) (*explore.Result, error) {
	_ = f.b.note("call %s %s", t.Name, args)
	f.b.remember(explore.Call{At: f.b.now(), Tool: &explore.ToolCall{Name: t.Name, Arguments: args}, Took: f.result.Took})
	for _, p := range f.progress {
		progress(p)
		if f.b.step(ctx) != nil {
			return nil, fault.As(ctx.Err())
		}
	}
	if f.fail != nil {
		return nil, f.fail
	}
	result := f.result
	result.Run = f.run
	return &result, nil
}

func (f *fakeMCP) Read(_ context.Context, uri string) (*explore.Contents, error) {
	_ = f.b.note("read %s", uri)
	if f.fail != nil {
		return nil, f.fail
	}
	return &explore.Contents{Parts: f.parts, Run: f.run}, nil
}

func (f *fakeMCP) Prompt(_ context.Context, name explore.Said, args map[string]string) (*explore.Messages, error) {
	_ = f.b.note("prompt %s %v", name, args)
	if f.fail != nil {
		return nil, f.fail
	}
	messages := f.messages
	messages.Run = f.run
	return &messages, nil
}

func (f *fakeMCP) Watch(_ context.Context, uri string, told func(explore.News)) (Watching, error) {
	if err := f.b.note("watch %s", uri); err != nil {
		return nil, err
	}
	f.watch = &fakeWatch{told: told, done: make(chan struct{})}
	return f.watch, nil
}

// fakeREST is a REST API in memory; what is sent to it is checked by the real
// one's rules.
type fakeREST struct {
	b         *fakeBackend
	real      *explore.REST
	endpoints explore.Endpoints
	answer    explore.Response
	fail      error
}

func (f *fakeREST) Check(q explore.Request) (string, error) { return f.real.Check(q) }

func (f *fakeREST) Call(ctx context.Context, q explore.Request) (*explore.Response, error) {
	_ = f.b.note("send %s %s %v %v %s", q.Method, q.Path, q.Query, q.Header, q.Body)
	if f.b.step(ctx) != nil {
		return nil, fault.As(ctx.Err())
	}
	if f.fail != nil {
		return nil, f.fail
	}
	f.b.remember(explore.Call{At: f.b.now(), REST: &q, Status: f.answer.Status})
	return &f.answer, nil
}

func (f *fakeREST) Draft(q explore.Request) (transport.Recording, error) {
	return f.real.Draft(q)
}

func (f *fakeREST) Endpoints(ctx context.Context, _ string) (*explore.Endpoints, error) {
	if f.b.step(ctx) != nil {
		return nil, fault.As(ctx.Err())
	}
	return &f.endpoints, f.b.note("endpoints")
}

func (b *fakeBackend) ExploreMCP(context.Context) (MCPServer, error)   { return b.mcp, nil }
func (b *fakeBackend) ExploreREST(context.Context) (RESTServer, error) { return b.rest, nil }

func (b *fakeBackend) History(context.Context) (*explore.History, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &explore.History{Calls: slices.Clone(b.kept.Calls), Favourites: slices.Clone(b.kept.Favourites)}, nil
}

func (b *fakeBackend) ChangeHistory(_ context.Context, change func(*explore.History) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return change(&b.kept)
}

func (b *fakeBackend) remember(c explore.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept.Add(c)
}

// onMCP signs in at an MCP server that offers something of everything.
func (b *fakeBackend) onMCP() *fakeMCP {
	b.mcp = someServer(b)
	b.update(func(s *session.State) {
		s.Connections = slices.Clone(s.Connections)
		s.Connections[0].SignedIn, s.Connections[1].SignedIn, s.Connections[1].Email = false, true, "alice@example.com"
		a := *s.Account
		a.Connection = s.Connections[1].Connection
		s.Account, s.Current = &a, connection.PlaygroundMCPName
	})
	return b.mcp
}

// onMCP opens an account at an MCP server.
func (r *rig) onMCP() *fakeMCP {
	f := r.b.onMCP()
	r.settle()
	return f
}

const createSchema = `{"type":"object","required":["title","priority"],"properties":{
	"title":{"type":"string","description":"What is to be done.","minLength":1,"maxLength":200},
	"priority":{"type":"string","enum":["low","medium","high"],"default":"medium"},
	"notify":{"type":"boolean","description":"Tell the others."},
	"estimate":{"type":"number","minimum":0,"description":"In hours."},
	"tags":{"type":"array","items":{"type":"string"},"maxItems":5},
	"owner":{"type":"object","required":["email"],"properties":{"email":{"type":"string","format":"email"},"team":{"type":"string"}}}}}`

func someServer(b *fakeBackend) *fakeMCP {
	return &fakeMCP{
		b: b,
		server: explore.Server{Name: "todo0", Title: "Todo0", Version: "2.4.1", Protocol: "2025-11-25", Website: "https://todo0.example",
			Description:  "The to-dos of a team.",
			Instructions: "The signed-in user's to-dos. Resources show them, tools find and change them; changing needs the scope todos.write.",
			Can:          explore.Capabilities{Tools: true, Resources: true, Prompts: true, Subscribe: true, Logging: true}},
		tools: []explore.Tool{
			{Name: "list_todos", Title: "List to-dos", Description: "The to-dos that fit, newest first.", ReadOnly: true, Idempotent: true,
				Input:  json.RawMessage(`{"type":"object","properties":{"query":{"type":"string","description":"Words that the title has."},"limit":{"type":"integer","minimum":1,"maximum":100,"default":20}}}`),
				Output: json.RawMessage(`{"type":"object","properties":{"todos":{"type":"array"}}}`)},
			{Name: "create_todo", Title: "Add a to-do", Description: "Adds a to-do for the signed-in user.", Input: json.RawMessage(createSchema)},
			{Name: "delete_todo", Title: "Delete a to-do", Destructive: true, OpenWorld: true, Input: json.RawMessage(`{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}`),
				Warnings: []explore.Warning{{Kind: explore.Changed}, {Kind: explore.LooksLike, Other: "delete_todos"}}},
		},
		resources: []explore.Resource{{URI: "todo0://todos/1", Name: "todo-1", Title: "Rotate the staging signing keys", MIMEType: "application/json", Size: 312}},
		templates: []explore.Template{{Pattern: "todo0://todos/{id}", Name: "todo", Title: "One to-do", Description: "A to-do by its id.", Variables: []string{"id"}}},
		prompts:   []explore.Prompt{{Name: "plan", Title: "Plan my day", Description: "Asks for a plan of the day.", Arguments: []explore.Argument{{Name: "day", Description: "As in 2026-11-23.", Required: true}}}},
		result:    someResult(),
		parts:     []explore.Part{{Kind: explore.Embedded, URI: "todo0://todos/1", MIMEType: "application/json", Text: `{"id":"1","title":"Rotate the staging signing keys"}`, JSON: json.RawMessage(`{}`)}},
		messages:  explore.Messages{Description: "A plan.", Messages: []explore.Message{{Role: "user", Part: explore.Part{Kind: explore.TextPart, Text: "Plan my day around these to-dos."}}}},
	}
}

func someResult() explore.Result {
	structured := `{"todos":[{"id":"1","title":"Rotate the staging signing keys","completed":false,"priority":3},{"id":"2","title":"Ship release notes for 2.4","completed":true,"priority":2}]}`
	return explore.Result{Took: 42 * time.Millisecond, Verdict: explore.Conforms, Structured: json.RawMessage(structured),
		Parts: []explore.Part{{Kind: explore.TextPart, Text: "2 to-dos fit."}}}
}

// somePicture is a PNG of two colours.
func somePicture() []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 240, 120))
	for x := range 240 {
		for y := range 120 {
			c := color.NRGBA{0x35, 0x56, 0xd8, 0xff}
			if (x/20+y/20)%2 == 0 {
				c = color.NRGBA{0xe8, 0xec, 0xfb, 0xff}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

func someAPI(b *fakeBackend) *fakeREST {
	body := `{"todos":[{"id":"1","title":"Rotate the staging signing keys","completed":false}],"total":24}`
	return &fakeREST{b: b, real: explore.NewREST(explore.RESTOptions{Resource: builtinConnections()[0].Connection.Resource}),
		endpoints: explore.Endpoints{Operations: []explore.Operation{
			{Method: "GET", Path: "/api/todos", Summary: "List the to-dos", Group: "To-dos", Documented: true,
				Parameters: []explore.Parameter{{In: explore.InQuery, Name: "completed", Schema: json.RawMessage(`{"type":"boolean"}`), Description: "Only those that are done, or not."},
					{In: explore.InQuery, Name: "limit", Schema: json.RawMessage(`{"type":"integer","minimum":1,"maximum":100}`)}}},
			{Method: "POST", Path: "/api/todos", Summary: "Add a to-do", Group: "To-dos", Documented: true, Body: &explore.RequestBody{ContentType: "application/json", Required: true, Schema: json.RawMessage(createSchema)}},
			{Method: "DELETE", Path: "/api/todos/{id}", Summary: "Delete a to-do", Group: "To-dos", Deprecated: true, Documented: true,
				Parameters: []explore.Parameter{{In: explore.InPath, Name: "id", Required: true, Schema: json.RawMessage(`{"type":"string"}`)}}},
			{Method: "GET", Path: "/api/me", Summary: "Who is signed in", Group: "Account", Documented: true},
		}, Document: &explore.Document{Address: "http://127.0.0.1:9003/openapi.json", Format: "OpenAPI 3.1.0", Title: "Todo0 API", Version: "1.4", Description: "To-dos over HTTP."},
			Looked: []explore.Looked{{Address: "http://127.0.0.1:9003/.well-known/openapi.json", Status: 404, Why: "There is nothing."}, {Address: "http://127.0.0.1:9003/openapi.json", Status: 200}}},
		answer: explore.Response{Status: 200, Protocol: "HTTP/1.1", Address: "http://127.0.0.1:9003/api/todos", ContentType: "application/json",
			Header: []explore.Field{{Name: "Cache-Control", Value: "no-store"}, {Name: "Content-Type", Value: "application/json"}, {Name: "Etag", Value: `"1a2b"`}},
			Body:   []byte(body), JSON: json.RawMessage(body), Wire: 84, Decoded: int64(len(body)), FirstByte: 12 * time.Millisecond, Total: 14 * time.Millisecond, Sent: 1},
	}
}

// openExplorer goes to the page.
func (r *rig) openExplorer() *explorePage {
	r.Helper()
	r.command("explorer")
	p := r.w.explorer()
	if p == nil {
		r.Fatalf("the page is a %T", r.w.page)
	}
	return p
}

// offer chooses a line of the list, and goes to it.
func (r *rig) offer(label string) {
	r.Helper()
	p := r.w.explorer()
	var all []string
	for i, o := range p.list.offers {
		all = append(all, o.label)
		if o.label == label && o.key != "" {
			p.list.at = i
			p.choose(o, true)
			r.settle()
			return
		}
	}
	r.Fatalf("nothing on the list is called %q, but %q", label, all)
}
