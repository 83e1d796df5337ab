package api

import (
	"context"
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Limits of what a server may list.
const (
	maxPages  = 100
	maxListed = 10_000
)

// offered is a tool that a server lists, as received. Names may be given twice.
type offered struct {
	name  string
	input json.RawMessage // JSON Schema; a $ref in it is never followed
}

func listTools(ctx context.Context, s *session) ([]offered, error) {
	return pages(func(cursor string) ([]offered, string, error) {
		res, err := s.cs.ListTools(ctx, &mcp.ListToolsParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var out []offered
		for _, t := range res.Tools {
			out = append(out, offered{t.Name, rawJSON(t.InputSchema)})
		}
		return out, res.NextCursor, nil
	})
}

// rawJSON writes a decoded JSON value again, its members by name.
func rawJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// listResources returns the URIs of the server's resources.
func listResources(ctx context.Context, s *session) ([]string, error) {
	return pages(func(cursor string) ([]string, string, error) {
		res, err := s.cs.ListResources(ctx, &mcp.ListResourcesParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var out []string
		for _, r := range res.Resources {
			if r != nil {
				out = append(out, r.URI)
			}
		}
		return out, res.NextCursor, nil
	})
}

// pages reads a listing page by page. A server that lists without end, or in a
// circle, is refused.
func pages[T any](page func(cursor string) (items []T, next string, err error)) ([]T, error) {
	var all []T
	seen := map[string]bool{"": true}
	for cursor := ""; ; {
		items, next, err := page(cursor)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		if seen[next] || len(seen) > maxPages || len(all) > maxListed {
			return nil, hostile("endless_list", "The MCP server lists without end.")
		}
		seen[next], cursor = true, next
	}
}

// readResource returns the first text of a resource, "" if it has none.
func readResource(ctx context.Context, s *session, uri string) (string, error) {
	res, err := s.cs.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil {
		return "", err
	}
	if res.NeedsInput() {
		return "", needsInput()
	}
	for _, r := range res.Contents {
		if r != nil && r.Text != "" {
			return r.Text, nil
		}
	}
	return "", nil
}

// toolResult is what a tool answered. Pictures, sound, links and embedded
// resources are left out.
type toolResult struct {
	texts      []string
	structured json.RawMessage // nil if there is none
	failed     bool            // the tool says that it failed
}

// callTool calls a tool with a JSON object of arguments.
func callTool(ctx context.Context, s *session, tool string, args json.RawMessage) (toolResult, error) {
	res, err := s.cs.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return toolResult{}, err
	}
	if res.NeedsInput() {
		return toolResult{}, needsInput()
	}
	out := toolResult{failed: res.IsError, structured: rawJSON(res.StructuredContent)}
	for _, part := range res.Content {
		if p, is := part.(*mcp.TextContent); is {
			out.texts = append(out.texts, p.Text)
		}
	}
	return out, nil
}

// needsInput is for a server that answers with questions to the user or to a
// model: this app offers it neither.
func needsInput() error {
	return hostile("input_required", "The MCP server asks for more than this app answers.")
}
