package mcpserver

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resource"
	"waybill/playground/internal/todostore"
	"waybill/todo"
)

// addResources offers the four resources of Todo0. Each is one text item that
// holds the JSON that the REST API answers.
func (s *server) addResources(m *mcp.Server) {
	only := func(completed bool) func(todostore.View, string) []byte {
		return func(v todostore.View, user string) []byte {
			return v.Only(func(t todo.Todo) bool { return t.Completed == completed }).ListJSON(user)
		}
	}
	for _, r := range []struct {
		uri, name, title, description string
		text                          func(v todostore.View, user string) []byte
	}{
		{"todo0://todos", "todos", "All to-dos", "Every to-do of the signed-in user.",
			func(v todostore.View, user string) []byte { return v.ListJSON(user) }},
		{"todo0://todos/completed", "completed", "Completed to-dos", "The to-dos that are done.", only(true)},
		{"todo0://todos/incomplete", "incomplete", "Open to-dos", "The to-dos that are not done.", only(false)},
		{"todo0://todos/stats", "stats", "Numbers", "How many to-dos there are, done and not done.",
			func(v todostore.View, user string) []byte { return v.StatsJSON(user) }},
	} {
		about := &mcp.Resource{URI: r.uri, Name: r.name, Title: r.title, Description: r.description, MIMEType: "application/json"}
		m.AddResource(about, func(ctx context.Context, _ *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
			text, err := s.read(ctx, r.text)
			if err != nil {
				return nil, err
			}
			return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.uri, MIMEType: "application/json", Text: string(text)}}}, nil
		})
	}
}

// read makes a resource's text. A token without the scopes only comes this far
// where scopes fail silently: the text is then the problem itself.
func (s *server) read(ctx context.Context, text func(todostore.View, string) []byte) ([]byte, error) {
	a, problem := granted(ctx, ScopeRead, ScopeAccess)
	if problem != nil {
		return []byte(problem.Error()), nil
	}
	view, err := s.view(a)
	if err != nil {
		return nil, err
	}
	return text(view, resource.Owner(a)), nil
}

func (s *server) view(a access.Access) (todostore.View, error) {
	view, err := s.o.Store.View(a.Subject)
	if err != nil {
		return view, s.problem(err)
	}
	return view, nil
}
