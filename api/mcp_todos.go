package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"waybill/fault"
	"waybill/todo"
)

// The tools that this app uses by itself.
const (
	toolList   = "list_todos"
	toolCreate = "create_todo"
	toolUpdate = "update_todo"
	toolDelete = "delete_todo"
)

// todosSuffix ends the URI of the resource that holds all to-dos; the scheme in
// front of it differs between servers.
const todosSuffix = "://todos"

// learnt is what a session has found out about its server.
type learnt struct {
	mu      sync.Mutex
	listing string // the tool that lists, or the URI of the resource; "" if not known
	tools   map[string]usableTool
}

func (l *learnt) source() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listing
}

func (l *learnt) setSource(listing string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listing = listing
}

// List implements Client. The list comes from the tool list_todos where it is
// offered, page by page, else from the resource that holds all to-dos.
func (c *MCPClient) List(ctx context.Context, etag string) (List, error) {
	var pages []*answer
	if err := c.call(ctx, listing, func(ctx context.Context, s *session) (err error) {
		pages, err = c.listingPages(ctx, s)
		return err
	}); err != nil {
		return List{}, err
	}
	return c.scopes.decodeList(pages, etag)
}

// listingPages fetches the list from where it was found before, else from where
// it is likeliest: asking for the tools first would cost a round trip.
func (c *MCPClient) listingPages(ctx context.Context, s *session) ([]*answer, error) {
	source := s.learnt.source()
	switch {
	case strings.HasSuffix(source, todosSuffix):
		return inOnePage(ctx)(c.resourceText(ctx, s, source))
	case source == "" && !offersTools(s):
		return inOnePage(ctx)(c.findResource(ctx, s, nil))
	}
	first, err := c.listPage(ctx, s, "")
	if source == "" && unknownTool(err) {
		return inOnePage(ctx)(c.findResource(ctx, s, err))
	}
	if err != nil {
		return nil, err
	}
	s.learnt.setSource(toolList)
	return pages(func(cursor string) ([]*answer, string, error) {
		page := first
		if cursor != "" {
			if page, err = c.listPage(ctx, s, cursor); err != nil {
				return nil, "", err
			}
		}
		return []*answer{page}, nextCursor(page.body), nil
	})
}

// listPage calls list_todos. Its arguments are none but the cursor that the
// server itself gave.
func (c *MCPClient) listPage(ctx context.Context, s *session, cursor string) (*answer, error) {
	args := arguments{}
	if cursor != "" {
		args["cursor"] = rawJSON(cursor)
	}
	res, err := callTool(ctx, s, toolList, rawJSON(args))
	if err != nil {
		return nil, err
	}
	page := answerIn(ctx, resultText(res))
	if res.failed {
		return nil, c.toolFault(page, listing)
	}
	return page, nil
}

func inOnePage(ctx context.Context) func(string, error) ([]*answer, error) {
	return func(text string, err error) ([]*answer, error) {
		return []*answer{answerIn(ctx, text)}, err
	}
}

// answerIn wraps the text of a result, so that it is read as an HTTP answer is.
func answerIn(ctx context.Context, text string) *answer {
	st := stateOf(ctx)
	st.mu.Lock()
	defer st.mu.Unlock()
	return &answer{status: http.StatusOK, header: http.Header{}, body: []byte(text), token: st.token, granted: st.granted}
}

func offersTools(s *session) bool {
	can := s.cs.InitializeResult().Capabilities
	return can != nil && can.Tools != nil
}

// unknownTool reports whether a server may have meant that it has no such tool:
// by an error of the protocol, or, as some do, in the words of a result.
func unknownTool(err error) bool {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return wire.Code == jsonrpc.CodeMethodNotFound || wire.Code == jsonrpc.CodeInvalidParams
	}
	var said *todo.AnswerError
	return errors.As(err, &said) && strings.Contains(strings.ToLower(said.Message), "unknown tool")
}

// findResource looks for the resource with all to-dos. Without one the error of
// the tool stands, if there is any.
func (c *MCPClient) findResource(ctx context.Context, s *session, toolErr error) (string, error) {
	resources, err := listResources(ctx, s)
	if err != nil {
		if toolErr != nil && unknownTool(err) {
			err = toolErr
		}
		return "", err
	}
	for _, uri := range resources {
		if strings.HasSuffix(uri, todosSuffix) {
			text, err := c.resourceText(ctx, s, uri)
			if err == nil {
				s.learnt.setSource(uri)
			}
			return text, err
		}
	}
	if toolErr != nil && !unknownTool(toolErr) {
		return "", toolErr
	}
	return "", fault.New(fault.StepCall, fault.Config, "no_todos", "This MCP server offers neither a tool nor a resource that lists to-dos.").
		WithRemedy("Check the address of the resource in the connection.")
}

func (c *MCPClient) resourceText(ctx context.Context, s *session, uri string) (string, error) {
	text, err := readResource(ctx, s, uri)
	if err == nil && text == "" {
		err = garbled(0, errors.New("a resource without text"))
	}
	return text, err
}

// resultText is the JSON of a tool's result: its first text that is JSON, else
// its structured content, else its first text of any kind.
func resultText(res toolResult) string {
	first := ""
	for _, text := range res.texts {
		if json.Valid([]byte(text)) {
			return text
		}
		if first == "" {
			first = text
		}
	}
	if res.structured != nil {
		return string(res.structured)
	}
	return first
}

// Get implements Client. MCP servers of to-dos offer no single ones, so it
// lists.
func (c *MCPClient) Get(ctx context.Context, id string) (todo.Todo, error) {
	l, err := c.List(ctx, "")
	if err != nil {
		return todo.Todo{}, err
	}
	for _, t := range l.Todos {
		if t.ID == id {
			return t, nil
		}
	}
	if !l.Complete {
		return todo.Todo{}, garbled(0, errors.New("the list is not complete"))
	}
	return todo.Todo{}, notThere(reading, "")
}

// Capabilities implements Client. It asks for the tools only if the grant would
// allow a change.
func (c *MCPClient) Capabilities(ctx context.Context) (Capabilities, error) {
	if c.wrong != nil {
		return Capabilities{}, c.wrong
	}
	_, granted, err := c.handler.bearer.token(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	can, changes := c.scopes.read(granted)
	if !changes {
		return can, nil
	}
	var tools map[string]usableTool
	if err := c.call(ctx, listing, func(ctx context.Context, s *session) (err error) {
		s.forgetTools() // who asks wants to know how it is now
		tools, err = s.tools(ctx)
		return err
	}); err != nil {
		return Capabilities{}, err
	}
	can = can.offering(tools[toolCreate].fits, tools[toolUpdate].fits, tools[toolDelete].fits)
	for _, name := range []string{toolCreate, toolUpdate, toolDelete} {
		if t, offered := tools[name]; offered && !t.fits {
			can.Why = whyUnfit
		}
	}
	return can, nil
}
