package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

// Limits of what a server may list.
const (
	maxPages  = 100
	maxListed = 10_000
)

// Tool is what an MCP server says of one of its tools. Every text is the
// server's, as received: clean it before showing. Names may be given twice.
type Tool struct {
	Name, Title, Description string

	// InputSchema and OutputSchema are JSON Schema. A $ref in them is never
	// followed here.
	InputSchema, OutputSchema json.RawMessage

	ReadOnly    bool // the tool says that it changes nothing
	Destructive bool // the tool does not say that it destroys nothing

	// Fingerprint changes when the name, the description or a schema does:
	// 64 hexadecimal digits.
	Fingerprint string
}

// Resource is what an MCP server says of one of its resources, as received.
type Resource struct {
	URI, Name, Title, Description, MIMEType string
	Size                                    int64 // in bytes, 0 if not said
}

// Content is one part of a result. Only text is kept; of pictures, sound and
// other binary parts only what they are and how large.
type Content struct {
	Kind     string // text, image, audio, resource, resource_link
	Text     string // as received
	URI      string // of a resource
	MIMEType string
	Bytes    int // of a binary part that was left out
}

// Result is what a tool answered.
type Result struct {
	Content    []Content
	Structured json.RawMessage // nil if there is none
	IsError    bool            // the tool says that it failed
}

// Tools lists what the server offers, at most 10,000.
func (c *MCPClient) Tools(ctx context.Context) ([]Tool, error) {
	var out []Tool
	err := c.call(ctx, anything, func(ctx context.Context, s *session) (err error) {
		out, err = listTools(ctx, s)
		return err
	})
	return out, err
}

func listTools(ctx context.Context, s *session) ([]Tool, error) {
	return pages(func(cursor string) ([]Tool, string, error) {
		res, err := s.cs.ListTools(ctx, &mcp.ListToolsParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var out []Tool
		for _, t := range res.Tools {
			out = append(out, toolOf(t))
		}
		return out, res.NextCursor, nil
	})
}

func toolOf(t *mcp.Tool) Tool {
	out := Tool{Name: t.Name, Title: t.Title, Description: t.Description,
		InputSchema: rawJSON(t.InputSchema), OutputSchema: rawJSON(t.OutputSchema), Destructive: true}
	if a := t.Annotations; a != nil {
		out.ReadOnly = a.ReadOnlyHint
		out.Destructive = !a.ReadOnlyHint && (a.DestructiveHint == nil || *a.DestructiveHint)
	}
	h := sha256.New()
	for _, part := range []string{t.Name, t.Description, string(out.InputSchema), string(out.OutputSchema)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	out.Fingerprint = hex.EncodeToString(h.Sum(nil))
	return out
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

// Resources lists the server's resources, at most 10,000.
func (c *MCPClient) Resources(ctx context.Context) ([]Resource, error) {
	var out []Resource
	err := c.call(ctx, anything, func(ctx context.Context, s *session) (err error) {
		out, err = listResources(ctx, s)
		return err
	})
	return out, err
}

func listResources(ctx context.Context, s *session) ([]Resource, error) {
	return pages(func(cursor string) ([]Resource, string, error) {
		res, err := s.cs.ListResources(ctx, &mcp.ListResourcesParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var out []Resource
		for _, r := range res.Resources {
			if r != nil {
				out = append(out, Resource{URI: r.URI, Name: r.Name, Title: r.Title, Description: r.Description, MIMEType: r.MIMEType, Size: r.Size})
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

// Read returns the contents of a resource.
func (c *MCPClient) Read(ctx context.Context, uri string) ([]Content, error) {
	var out []Content
	err := c.call(ctx, anything, func(ctx context.Context, s *session) (err error) {
		out, err = readResource(ctx, s, uri)
		return err
	})
	return out, err
}

func readResource(ctx context.Context, s *session, uri string) ([]Content, error) {
	res, err := s.cs.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
	if err != nil {
		return nil, err
	}
	if res.NeedsInput() {
		return nil, needsInput()
	}
	var out []Content
	for _, r := range res.Contents {
		out = append(out, resourceContent(r))
	}
	return out, nil
}

func resourceContent(r *mcp.ResourceContents) Content {
	if r == nil {
		return Content{Kind: "resource"}
	}
	return Content{Kind: "resource", Text: r.Text, URI: r.URI, MIMEType: r.MIMEType, Bytes: len(r.Blob)}
}

// Call calls a tool with a JSON object of arguments; empty means none. A result
// that says that the tool failed is returned as it is, without an error.
func (c *MCPClient) Call(ctx context.Context, tool string, args json.RawMessage) (Result, error) {
	var out Result
	err := c.call(ctx, anything, func(ctx context.Context, s *session) (err error) {
		out, err = callTool(ctx, s, tool, args)
		return err
	})
	return out, err
}

func callTool(ctx context.Context, s *session, tool string, args json.RawMessage) (Result, error) {
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	if _, err := readObject(args); err != nil {
		return Result{}, fault.New(fault.StepCall, fault.Invalid, "bad_arguments", "The arguments of the tool are not a JSON object.")
	}
	res, err := s.cs.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return Result{}, err
	}
	if res.NeedsInput() {
		return Result{}, needsInput()
	}
	out := Result{IsError: res.IsError, Structured: rawJSON(res.StructuredContent)}
	for _, part := range res.Content {
		out.Content = append(out.Content, contentOf(part))
	}
	return out, nil
}

func contentOf(part mcp.Content) Content {
	switch p := part.(type) {
	case *mcp.TextContent:
		return Content{Kind: "text", Text: p.Text}
	case *mcp.ImageContent:
		return Content{Kind: "image", MIMEType: p.MIMEType, Bytes: len(p.Data)}
	case *mcp.AudioContent:
		return Content{Kind: "audio", MIMEType: p.MIMEType, Bytes: len(p.Data)}
	case *mcp.ResourceLink:
		return Content{Kind: "resource_link", URI: p.URI, MIMEType: p.MIMEType, Text: p.Name}
	case *mcp.EmbeddedResource:
		return resourceContent(p.Resource)
	}
	return Content{Kind: "unknown"}
}

// needsInput is for a server that answers with questions to the user or to a
// model: this app offers it neither.
func needsInput() *fault.Fault {
	return hostile("input_required", "The MCP server asks for more than this app answers.")
}
