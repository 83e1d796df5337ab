package cli_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/cli"
)

// someMCP is a server of the Go SDK with some of everything, whose tokens come
// from the playground, and a computer that is signed in to it.
func someMCP(t *testing.T) (*computer, *mcp.Server, *atomic.Int64) {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "peer", Title: "A \u202ePeer", Version: "7"}, &mcp.ServerOptions{
		Instructions:     "Ask\x1b[31m politely.",
		SubscribeHandler: func(context.Context, *mcp.SubscribeRequest) error { return nil }, UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	var wiped atomic.Int64
	type sum struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	type total struct {
		Sum int `json:"sum"`
	}
	mcp.AddTool(s, &mcp.Tool{Name: "add", Description: "Adds two.\nNumbers.", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}},
		func(_ context.Context, _ *mcp.CallToolRequest, in sum) (*mcp.CallToolResult, total, error) {
			return nil, total{in.A + in.B}, nil
		})
	mcp.AddTool(s, &mcp.Tool{Name: "wipe"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		wiped.Add(1)
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "gone\x1b[2J"}}}, nil, nil
	})
	mcp.AddTool(s, &mcp.Tool{Name: "slow", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}, func(ctx context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
		_ = r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: 1, Total: 2, Message: "half\x1b[31m"})
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.ImageContent{MIMEType: "image/png", Data: []byte{1, 2, 3}}}}, nil, nil
	})
	s.AddResource(&mcp.Resource{URI: "x://a", Name: "a"}, read("one"))
	s.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: "x://item/{id}", Name: "item"}, read("two"))
	s.AddPrompt(&mcp.Prompt{Name: "greet", Description: "Greets.", Arguments: []*mcp.PromptArgument{{Name: "who", Required: true}}},
		func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: "Hello " + r.Params.Arguments["who"]}}}}, nil
		})
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		for session := range s.Sessions() {
			_ = session.Close()
		}
		server.Close()
	})
	c := newServer(t).computer("alice@example.com")
	c.mcpURL = server.URL
	c.runs("sign-in", "--connection", "playground-mcp")
	return c, s, &wiped
}

func read(text string) mcp.ResourceHandler {
	return func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: text}}}, nil
	}
}

// clean checks that what was printed holds nothing that a terminal would obey.
func clean(t *testing.T, out string) {
	t.Helper()
	if strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("S84: %q", out)
	}
}

func TestMCPListsWhatTheServerOffers(t *testing.T) {
	c, _, _ := someMCP(t)
	for _, want := range []struct {
		words string
		shows []string
	}{
		{"info", []string{"peer", "2025-11-25", "tools, resources, subscriptions, prompts", "politely."}},
		{"tools", []string{"add   Adds two.", "wipe", "slow"}},
		{"tools --verbose", []string{"says that it changes nothing", "may destroy something, or does not say otherwise", `"required"`, "result: {", "  Numbers."}},
		{"resources", []string{"x://a  a"}},
		{"templates", []string{"x://item/{id}  item"}},
		{"prompts", []string{"greet  Greets. [who*]"}},
		{"read x://a", []string{"one"}},
		{"read x://item/{id} --arg id=7", []string{"two"}},
		{"prompt greet --arg who=Ada", []string{"user: Hello Ada"}},
	} {
		out, _ := c.runs(append([]string{"mcp"}, strings.Fields(want.words)...)...)
		clean(t, out)
		for _, shows := range want.shows {
			if !strings.Contains(out, shows) {
				t.Errorf("mcp %s does not show %q:\n%s", want.words, shows, out)
			}
		}
		out, _ = c.runs(append([]string{"mcp", "--json"}, strings.Fields(want.words)...)...)
		if clean(t, out); !json.Valid([]byte(out)) {
			t.Errorf("mcp %s --json:\n%s", want.words, out)
		}
	}
}

func TestMCPCallsAToolWithArgumentsThatItsSchemaAllows(t *testing.T) {
	c, _, _ := someMCP(t)
	for _, args := range [][]string{{"--args", `{"a": 2, "b": 40}`}, {"--arg", "a=2", "--arg", "b=40"}, {"--args", `{"a": 2}`, "--arg", "b=40"}} {
		if got := answer[struct{ Sum int }](c, append([]string{"mcp", "call", "add"}, args...)...); got.Sum != 42 {
			t.Errorf("%q: %+v", args, got)
		}
	}
	c.fails(cli.ExitFailed, "b: Fill this in: it is required. Nothing was sent.", "mcp", "call", "add", "--arg", "a=2")
	c.fails(cli.ExitFailed, "a: Write a whole number", "mcp", "call", "add", "--arg", "a=two", "--arg", "b=1")
	c.fails(cli.ExitFailed, "The tool says that it failed", "mcp", "call", "add", "--args", `{"a": "two"}`, "--unchecked")
	c.fails(cli.ExitUsage, "NAME=VALUE", "mcp", "call", "add", "--arg", "a")
	c.fails(cli.ExitFailed, "no tool of this name", "mcp", "call", "none")
}

func TestMCPAsksBeforeAToolThatMayDestroy(t *testing.T) {
	c, _, wiped := someMCP(t)
	c.fails(cli.ExitUsage, "add --yes", "mcp", "call", "wipe")
	c.says = "n"
	c.fails(cli.ExitFailed, "may change or destroy something", "mcp", "call", "wipe")
	if wiped.Load() != 0 {
		t.Fatal("it was called")
	}
	c.says = "y"
	out, _ := c.runs("mcp", "call", "wipe")
	clean(t, out)
	c.says = ""
	c.runs("mcp", "call", "wipe", "--yes")
	if wiped.Load() != 2 {
		t.Errorf("it was called %d times", wiped.Load())
	}
	c.runs("mcp", "call", "slow") // says that it changes nothing
}

func TestMCPShowsProgressAndNotesPictures(t *testing.T) {
	c, _, _ := someMCP(t)
	out, errs := c.runs("mcp", "call", "slow")
	if clean(t, errs); !strings.Contains(errs, "1 of 2: half") || !strings.Contains(out, "[image image/png 3 bytes]") {
		t.Errorf("%s%s", out, errs)
	}
	if parts := answer[[]struct {
		Kind string
		Data []byte
	}](c, "mcp", "call", "slow"); len(parts) != 1 || !slices.Equal(parts[0].Data, []byte{1, 2, 3}) {
		t.Errorf("%+v", parts)
	}
}

func TestMCPSubscribesUntilEnoughHasChanged(t *testing.T) {
	c, s, _ := someMCP(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // until the subscription is there
		defer close(done)
		for ctx.Err() == nil {
			_ = s.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: "x://a"})
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	if out, errs := c.runs("mcp", "subscribe", "x://a", "--count", "2"); out != "x://a\nx://a\n" || !strings.Contains(errs, "Waiting for changes of x://a") {
		t.Errorf("%s%s", out, errs)
	}
	stop()
	<-done
}

// A server that ends the session is subscribed at again, and that something may have
// been missed is said.
func TestMCPSubscribesAgainAfterTheSessionHasEnded(t *testing.T) {
	c, s, wiped := someMCP(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for after := 0; ctx.Err() == nil; {
			switch {
			case wiped.Load() == 0: // it is not subscribed yet
			case after < 20: // the answer of the tool is under way
				after++
			case after == 20:
				after++
				for session := range s.Sessions() {
					_ = session.Close()
				}
			default:
				_ = s.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: "x://a"})
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	out, errs := c.runs("mcp", "subscribe", "x://a", "--count", "1", "--call", "wipe", "--yes")
	if out != "x://a\n" || !strings.Contains(errs, "the subscription broke off, and changes may be missed") || !strings.Contains(errs, "subscribed again. What changed in between was not told.") {
		t.Errorf("%s%s", out, errs)
	}
	stop()
	<-done
}

// S83: what was looked at yesterday is described otherwise today.
func TestS83_AToolThatChangedSinceTheLastCommandIsNoted(t *testing.T) {
	c, s, _ := someMCP(t)
	const says = "Note: wipe: The server describes this tool otherwise than when it was listed before."
	if _, errs := c.runs("mcp", "tools"); strings.Contains(errs, "Note: wipe") {
		t.Errorf("the first time: %s", errs)
	}
	mcp.AddTool(s, &mcp.Tool{Name: "wipe", Description: "Is harmless.", Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{}, nil, nil
		})
	if _, errs := c.runs("mcp", "call", "wipe"); !strings.Contains(errs, says) {
		t.Errorf("after the change: %s", errs)
	}
	if _, errs := c.runs("mcp", "tools"); strings.Contains(errs, "Note: wipe") {
		t.Errorf("the second time: %s", errs)
	}
}

func TestMCPSaysHowItIsUsed(t *testing.T) {
	for words, says := range map[string]string{
		"mcp": "Say what to do", "mcp reed x": "Did you mean read?", "mcp read": "mcp read needs a URI.", "mcp tools x": `mcp tools takes no "x".`, "mcp call a b": `mcp call takes no "b".`,
	} {
		if status, _, errs := run(t, nil, "", strings.Fields(words)...); status != cli.ExitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: status %d, %s", words, status, errs)
		}
	}
	c := newServer(t).signedIn("alice@example.com")
	c.fails(cli.ExitFailed, "not an MCP server", "mcp", "tools", "--connection", "playground")
}

func TestMCPUsesThePlaygroundsServer(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	c.runs("sign-in", "--connection", "playground-mcp")
	out, _ := c.runs("mcp", "call", "list_todos")
	if !strings.Contains(out, `"data"`) {
		t.Errorf("%s", out)
	}
	if out, _ = c.runs("mcp", "info"); !strings.Contains(out, "todo0-playground") || !strings.Contains(out, "2026-07-28") {
		t.Errorf("%s", out)
	}
	c.fails(cli.ExitUsage, "add --yes", "mcp", "call", "delete_todo", "--args", `{"id": "1"}`)
	c.fails(cli.ExitFailed, "Did you mean list_todos?", "mcp", "call", "lst_todos")
	c.fails(cli.ExitFailed, "priority: Choose one: high, medium, low.", "mcp", "call", "create_todo", "--arg", "title=A", "--arg", "priority=urgent")
	for command, nothing := range map[string]string{"templates": "no families of resources", "prompts": "no prompts"} {
		if _, errs := c.runs("mcp", command); !strings.Contains(errs, nothing) {
			t.Errorf("%s: %s", command, errs)
		}
	}
}
