package mcpserver

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/playground/internal/resource"
	"waybill/playground/internal/todostore"
	"waybill/todo"
)

// The tools.
const (
	toolList   = "list_todos"
	toolCreate = "create_todo"
	toolUpdate = "update_todo"
	toolDelete = "delete_todo"
)

// pageLimit is how many to-dos list_todos answers at the most.
const pageLimit = 10_000

func (s *server) addTools(m *mcp.Server) {
	yes, no := true, false
	mcp.AddTool(m, &mcp.Tool{Name: toolList, Title: "List to-dos",
		Description: "Finds to-dos of the signed-in user. All conditions that are given must hold; without one it lists everything. A nextCursor in the answer means that there are more.",
		InputSchema: listInputSchema(), OutputSchema: listOutputSchema(),
		Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true, DestructiveHint: &no, IdempotentHint: true, OpenWorldHint: &no},
	}, s.list)
	mcp.AddTool(m, &mcp.Tool{Name: toolCreate, Title: "Add a to-do",
		Description: "Adds a to-do. With an idempotencyKey the call can be repeated safely. Needs the scope " + ScopeWrite + ".",
		InputSchema: createInputSchema(), OutputSchema: itemOutputSchema(),
		Annotations: &mcp.ToolAnnotations{DestructiveHint: &no, OpenWorldHint: &no},
	}, s.create)
	mcp.AddTool(m, &mcp.Tool{Name: toolUpdate, Title: "Change a to-do",
		Description: "Changes the members that are given; null clears one. With ifMatch, the to-do's etag, it only does so if nobody changed the to-do meanwhile. Needs the scope " + ScopeWrite + ".",
		InputSchema: updateInputSchema(), OutputSchema: itemOutputSchema(),
		Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes, IdempotentHint: true, OpenWorldHint: &no},
	}, s.update)
	mcp.AddTool(m, &mcp.Tool{Name: toolDelete, Title: "Delete a to-do",
		Description: "Deletes a to-do for good. With ifMatch, the to-do's etag, it only does so if nobody changed the to-do meanwhile. Needs the scope " + ScopeWrite + ".",
		InputSchema: deleteInputSchema(), OutputSchema: deleteOutputSchema(),
		Annotations: &mcp.ToolAnnotations{DestructiveHint: &yes, IdempotentHint: true, OpenWorldHint: &no},
	}, s.remove)
}

// answered is a tool's result: the JSON as structure, and the same as text for
// clients of protocol versions before 2025-06-18.
func answered(body []byte) (*mcp.CallToolResult, any, error) {
	return &mcp.CallToolResult{
		Content:           []mcp.Content{&mcp.TextContent{Text: string(body)}},
		StructuredContent: json.RawMessage(body),
	}, nil, nil
}

// listInput is the arguments of list_todos.
type listInput struct {
	Status    string `json:"status"`
	Priority  string `json:"priority"`
	Tag       string `json:"tag"`
	Query     string `json:"query"`
	DueBefore string `json:"dueBefore"`
	DueAfter  string `json:"dueAfter"`
	Limit     int    `json:"limit"`
	Cursor    string `json:"cursor"`
}

func (s *server) list(ctx context.Context, _ *mcp.CallToolRequest, in listInput) (*mcp.CallToolResult, any, error) {
	a, problem := granted(ctx, ScopeRead, ScopeAccess)
	if problem != nil {
		return nil, nil, problem
	}
	keep, err := in.filter()
	if err != nil {
		return nil, nil, s.problem(err)
	}
	view, err := s.view(a)
	if err != nil {
		return nil, nil, err
	}
	if in.Limit == 0 {
		in.Limit = pageLimit
	}
	page, next, err := view.Only(keep).Page(in.Cursor, in.Limit)
	if err != nil {
		return nil, nil, s.problem(err)
	}
	if next == "" {
		return answered(page.ListJSON(resource.Owner(a)))
	}
	return answered(page.ListJSON(resource.Owner(a), `,"nextCursor":"`+next+`"`))
}

// filter returns what the conditions say of a to-do. Their words are those of
// the input schema, which was checked.
func (in listInput) filter() (func(todo.Todo) bool, error) {
	before, err := instant(in.DueBefore)
	if err != nil {
		return nil, err
	}
	after, err := instant(in.DueAfter)
	if err != nil {
		return nil, err
	}
	query := strings.ToLower(in.Query)
	return func(t todo.Todo) bool {
		return (in.Status == "" || in.Status == "all" || t.Completed == (in.Status == "completed")) &&
			(in.Priority == "" || string(t.Priority) == in.Priority) &&
			(in.Tag == "" || hasTag(t, in.Tag)) &&
			(before.IsZero() || !t.Due.IsZero() && t.Due.Before(before)) &&
			(after.IsZero() || t.Due.After(after)) &&
			(strings.Contains(strings.ToLower(t.Title), query) || strings.Contains(strings.ToLower(t.Description), query))
	}, nil
}

func hasTag(t todo.Todo, tag string) bool {
	for _, own := range t.Tags {
		if strings.EqualFold(own, tag) {
			return true
		}
	}
	return false
}

// instant reads a time in the forms that a due date may have.
func instant(words string) (time.Time, error) {
	if words == "" {
		return time.Time{}, nil
	}
	var t todo.Todo
	text, err := json.Marshal(map[string]string{"dueDate": words})
	if err == nil {
		err = t.UnmarshalJSON(text)
	}
	if err != nil || t.Due.IsZero() {
		return time.Time{}, &todostore.InvalidError{Reason: "A time is an RFC 3339 date and time, or a date alone."}
	}
	return t.Due, nil
}

// createInput is the arguments of create_todo: a to-do, and the key beside it.
type createInput struct {
	key  string
	item todo.Todo
}

func (in *createInput) UnmarshalJSON(data []byte) error {
	var beside struct {
		Key string `json:"idempotencyKey"`
	}
	if err := json.Unmarshal(data, &beside); err != nil {
		return err
	}
	in.key = beside.Key
	err := in.item.UnmarshalJSON(data)
	delete(in.item.Extra, "idempotencyKey")
	return err
}

func (s *server) create(ctx context.Context, _ *mcp.CallToolRequest, in createInput) (*mcp.CallToolResult, any, error) {
	a, problem := granted(ctx, ScopeRead, ScopeAccess, ScopeWrite)
	if problem != nil {
		return nil, nil, problem
	}
	item, err := s.o.Store.Create(a.Subject, in.item, in.key)
	if err != nil {
		return nil, nil, s.problem(err)
	}
	return answered(item.Answer())
}

// updateInput is the arguments of update_todo: a patch, and beside it which
// to-do is meant.
type updateInput struct {
	target
	patch todo.Patch
}

func (in *updateInput) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &in.target); err != nil {
		return err
	}
	return in.patch.UnmarshalJSON(data)
}

// target says which to-do is meant, and which version of it.
type target struct {
	ID      string `json:"id"`
	IfMatch string `json:"ifMatch"`
}

// match is the condition on the to-do's ETag, nil if there is none.
func (t target) match() func(etag string) bool {
	if t.IfMatch == "" {
		return nil
	}
	return func(etag string) bool { return etag == t.IfMatch }
}

func (s *server) update(ctx context.Context, _ *mcp.CallToolRequest, in updateInput) (*mcp.CallToolResult, any, error) {
	a, problem := granted(ctx, ScopeRead, ScopeAccess, ScopeWrite)
	if problem != nil {
		return nil, nil, problem
	}
	item, err := s.o.Store.Update(a.Subject, in.ID, in.patch, in.match())
	if err != nil {
		return nil, nil, s.problem(err)
	}
	return answered(item.Answer())
}

func (s *server) remove(ctx context.Context, _ *mcp.CallToolRequest, in target) (*mcp.CallToolResult, any, error) {
	a, problem := granted(ctx, ScopeRead, ScopeAccess, ScopeWrite)
	if problem != nil {
		return nil, nil, problem
	}
	if err := s.o.Store.Delete(a.Subject, in.ID, in.match()); err != nil {
		return nil, nil, s.problem(err)
	}
	body, err := json.Marshal(map[string]any{"success": true, "id": in.ID})
	if err != nil {
		return nil, nil, err
	}
	return answered(body)
}

// problem says what an error of the store means; as a tool's error it becomes
// the text of a result with isError. The codes are those of the REST API.
func (s *server) problem(err error) error {
	p := resource.ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.o.Log.Error("the MCP server cannot answer", "error", err)
	}
	return p
}
