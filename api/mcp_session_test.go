package api

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"waybill/fault"
	"waybill/todo"
)

func TestS87_SessionThatIsGoneIsOpenedAnewOnce(t *testing.T) {
	gone := map[string]func(http.ResponseWriter, *http.Request, rpc){
		"404":                                  fails(404, ""),
		"404 with words":                       fails(404, `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}`),
		"400 of the TypeScript SDK's examples": fails(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}`),
	}
	for name, answer := range gone {
		t.Run(name, func(t *testing.T) {
			p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				if r.Header.Get(headerSession) == "session-1" {
					answer(w, r, m)
					return
				}
				replies(textResult(listJSON(t, milk)))(w, r, m)
			}})
			c := p.mcp(t, legacy)
			if _, err := c.List(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			got := p.methods()
			if count(got, "initialize") != 2 || count(got, "list_todos") != 2 || count(got, "DELETE") != 1 {
				t.Fatalf("%v", got)
			}
		})
		t.Run(name+" for ever", func(t *testing.T) {
			p := newMCPPeer(t, answers{"tools/call": answer})
			_, err := p.mcp(t, legacy).List(t.Context(), "")
			wantFault(t, err, fault.Failed)
			if got := p.methods(); count(got, "initialize") != 2 || count(got, "list_todos") != 2 {
				t.Fatalf("%v", got)
			}
		})
	}
}

func TestS87_AnswersOfTheWrongKindAreTyped(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request, rpc)
		kind   fault.Kind
	}{
		"session swapped": {fails(200, `{"jsonrpc":"2.0","id":ID,"result":{"content":[]}}`, headerSession, "session-of-somebody-else"), fault.Hostile},
		"202":             {accepts, fault.Failed},
		"nothing":         {fails(200, ""), fault.Failed},
		"204":             {fails(204, ""), fault.Failed},
		"HTML":            {func(w http.ResponseWriter, r *http.Request, m rpc) { sends(200, "text/html", "<html>sign in")(w, r) }, fault.Offline},
		"HTML as JSON":    {fails(200, "<html>sign in"), fault.Offline},
		"plain text":      {func(w http.ResponseWriter, r *http.Request, m rpc) { sends(200, "text/plain", "hello")(w, r) }, fault.Failed},
		"stream cut":      {streams("data: {\"jsonrpc\""), fault.Offline},
		"stream empty":    {streams(""), fault.Offline},
		"hung up": {func(w http.ResponseWriter, r *http.Request, m rpc) {
			panic(http.ErrAbortHandler)
		}, fault.Offline},
		"hung up in a stream": {func(w http.ResponseWriter, r *http.Request, m rpc) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: \n\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, fault.Offline},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, hostileOnce(t, c.answer), c.kind) })
	}
	t.Run("hung up in a stream that has an id", func(t *testing.T) {
		wantFault(t, hostileAsked(t, func(w http.ResponseWriter, r *http.Request, m rpc) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "id: 5\ndata: \n\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 1), fault.Offline)
	})
}

func TestR36_ServerThatRestartsRenamesAndChangesItsVersion(t *testing.T) {
	var version, name atomic.Value
	var epoch atomic.Int32
	version.Store(legacy)
	name.Store("list_todos")
	check := func(then func(http.ResponseWriter, *http.Request, rpc)) func(http.ResponseWriter, *http.Request, rpc) {
		return func(w http.ResponseWriter, r *http.Request, m rpc) {
			isModern := r.Header.Get("Mcp-Protocol-Version") == modern
			switch {
			case isModern != (version.Load() == modern):
				fails(400, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32022,"message":"unsupported","data":{"supported":["2026-07-28"],"requested":"x"}}}`)(w, r, m)
			case !isModern && r.Header.Get(headerSession) != fmt.Sprint("s", epoch.Load()):
				fails(404, "")(w, r, m)
			case m.Method == "tools/call" && m.Params.Name != name.Load():
				fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"unknown tool"}}`)(w, r, m)
			default:
				then(w, r, m)
			}
		}
	}
	p := newMCPPeer(t, answers{
		"server/discover": check(replies(`{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{}}}`)),
		"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
			if version.Load() == modern {
				fails(400, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"no such method"}}`)(w, r, m)
				return
			}
			w.Header().Set(headerSession, fmt.Sprint("s", epoch.Load()))
			replies(`{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{}},"serverInfo":{"name":"peer","version":"1"}}`)(w, r, m)
		},
		"tools/call":     check(replies(textResult(listJSON(t, milk)))),
		"resources/list": check(replies(`{"resources":[{"uri":"todo0://todos","name":"todos"}]}`)),
		"resources/read": check(replies(textResource(listJSON(t, milk)))),
	})
	c := p.mcp(t, "")
	for i, change := range []func(){
		func() {},
		func() { epoch.Add(1) },
		func() { epoch.Add(1); version.Store(modern) },
		func() { name.Store("get_todos"); epoch.Add(1); version.Store(legacy) },
		func() { version.Store(modern) },
		func() { name.Store("list_todos") },
	} {
		change()
		if l, err := c.List(t.Context(), ""); err != nil || len(l.Todos) != 1 {
			t.Fatalf("change %d: %v after %v", i, err, p.methods())
		}
		want := "2025-11-25"
		if version.Load() == modern {
			want = modern
		}
		if c.Version() != want {
			t.Errorf("change %d: version %q", i, c.Version())
		}
	}
}

// R36: a tool that gets another name in the middle of a session is missing, in
// whatever words that is said; the change that was to be made with it is not
// refused. When the tool has its name again it is used.
func TestR36_AToolThatIsRenamedIsNoRefusalOfTheChange(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, rpc){
		"invalid params":   fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"unknown tool"}}`),
		"method not found": fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"no such method"}}`),
		"words":            replies(`{"isError":true,"content":[{"type":"text","text":"Unknown tool: create_todo"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			var renamed atomic.Bool
			p := newMCPPeer(t, answers{
				"tools/list": func(w http.ResponseWriter, r *http.Request, m rpc) {
					made := map[bool]string{true: "make_todo", false: "create_todo"}[renamed.Load()]
					replies(`{"tools":[`+tool(made, "")+`,`+tool("delete_todo", "")+`]}`)(w, r, m)
				},
				"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
					if renamed.Load() && m.Params.Name == "create_todo" {
						answer(w, r, m)
						return
					}
					replies(textResult(itemJSON(t, milk)))(w, r, m)
				},
			})
			c := p.mcp(t, "")
			for range 2 {
				renamed.Store(false)
				if _, err := c.Create(t.Context(), milk, "k"); err != nil {
					t.Fatal(err)
				}
				renamed.Store(true)
				for range 2 {
					_, err := c.Create(t.Context(), milk, "k")
					wantFault(t, err, fault.ReadOnly)
				}
				if can, err := c.Capabilities(t.Context()); err != nil || can.Create || !can.Delete {
					t.Errorf("%+v, %v", can, err)
				}
			}
		})
	}
	// What the tool itself does not accept is refused, as ever.
	p := newMCPPeer(t, answers{
		"tools/list": replies(`{"tools":[` + tool("create_todo", "") + `]}`),
		"tools/call": fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"the title is too long"}}`),
	})
	_, err := p.mcp(t, "").Create(t.Context(), milk, "k")
	wantFault(t, err, fault.Invalid)
}

func TestMCP_VersionThatNobodySpeaksIsAFaultOfTheConnection(t *testing.T) {
	for _, version := range []string{"", legacy} {
		p := newMCPPeer(t, answers{"initialize": replies(`{"protocolVersion":"1999-01-01","capabilities":{},"serverInfo":{"name":"peer","version":"1"}}`)})
		_, err := p.mcp(t, version).List(t.Context(), "")
		if f := wantFault(t, err, fault.Config); f.Code != "mcp_version" {
			t.Errorf("code %s", f.Code)
		}
		if got := p.methods(); count(got, "initialize") > 2 || count(got, "list_todos") != 0 {
			t.Errorf("%v", got)
		}
	}
}

func TestMCP_AnswersWithoutTheItemAreFollowedByReadingIt(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
		if m.Params.Name == "list_todos" {
			replies(textResult(listJSON(t, milk)))(w, r, m)
			return
		}
		replies(textResult("Done."))(w, r, m)
	}})
	c := p.mcp(t, legacy)
	if got, err := c.Create(t.Context(), milk, ""); err != nil || got.Title != milk.Title {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := c.Update(t.Context(), milk.ID, todo.Patch{}, ""); err != nil || got.Title != milk.Title {
		t.Errorf("%+v %v", got, err)
	}
	_, err := c.Update(t.Context(), "another", todo.Patch{}, "")
	wantFault(t, err, fault.NotFound)
}

func TestMCP_AnswerForAnotherTodoIsRefused(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": replies(textResult(itemJSON(t, milk)))})
	_, err := p.mcp(t, legacy).Update(t.Context(), "another", todo.Patch{}, "")
	wantFault(t, err, fault.Failed)
}
