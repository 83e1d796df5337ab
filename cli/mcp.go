package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
	"waybill/todo"
)

func runMCP(ctx context.Context, c *call) error {
	f := c.newFlags(sessionFlags, jsonFlag)
	arguments := f.String("args", "{}", "for call: the tool's arguments as a `JSON` object")
	words, err := c.parse()
	if err != nil {
		return err
	}
	need := map[string]int{"tools": 1, "resources": 1, "read": 2, "call": 2}
	if len(words) == 0 || need[words[0]] != len(words) {
		return usageError{"Say what to do: tools, resources, read URI or call TOOL.", "mcp"}
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(*arguments), &object) != nil || object == nil {
		return usageError{`--args is not a JSON object, as in '{"id": "7"}'.`, "mcp"}
	}
	if c.opt.connection == "" && c.opt.connectionFile == "" {
		c.opt.connection = c.lastMCP(ctx)
	}
	return c.withSession(ctx, func(m *session.Manager) error {
		client, err := mcpClient(ctx, m)
		if err != nil {
			return err
		}
		switch words[0] {
		case "tools":
			return c.mcpTools(ctx, client)
		case "resources":
			return c.mcpResources(ctx, client)
		case "read":
			return c.mcpRead(ctx, client, words[1])
		}
		return c.mcpCall(ctx, client, words[1], json.RawMessage(*arguments))
	})
}

// lastMCP is the connection used last if it is one to an MCP server, else the
// built-in playground's.
func (c *call) lastMCP(ctx context.Context) string {
	m, err := c.open(ctx)
	if err != nil {
		return "" // the same error comes up again where it is reported
	}
	st := m.State()
	for _, i := range st.Connections {
		if i.Connection.Name == st.Current && i.Connection.Resource.Kind == connection.MCP {
			return st.Current
		}
	}
	return connection.PlaygroundMCPName
}

func mcpClient(ctx context.Context, m *session.Manager) (*api.MCPClient, error) {
	client, err := m.Client(ctx)
	if err != nil {
		return nil, err
	}
	if mcp, ok := client.(*api.MCPClient); ok {
		return mcp, nil
	}
	return nil, fault.New(fault.StepSetup, fault.Config, "not_mcp", "The resource of this connection is not an MCP server.").
		WithRemedy("Choose another with --connection.")
}

func (c *call) mcpTools(ctx context.Context, client *api.MCPClient) error {
	tools, err := client.Tools(ctx)
	if err != nil {
		return err
	}
	if c.opt.json {
		out := []toolJSON{}
		for _, t := range tools {
			out = append(out, toolJSON{t.Name, t.Title, t.Description, t.InputSchema, t.OutputSchema, t.ReadOnly, t.Destructive})
		}
		return c.printJSON(out)
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 0, 2, ' ', 0)
	for _, t := range tools {
		fmt.Fprintf(w, "%s\t%s\n", todo.Line(t.Name), todo.Line(t.Description))
	}
	return w.Flush()
}

// toolJSON is a tool in the names of the protocol.
type toolJSON struct {
	Name         string          `json:"name"`
	Title        string          `json:"title,omitempty"`
	Description  string          `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"inputSchema,omitempty"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	ReadOnly     bool            `json:"readOnly"`
	Destructive  bool            `json:"destructive"`
}

// resourceJSON is a resource in the names of the protocol.
type resourceJSON struct {
	URI         string `json:"uri"`
	Name        string `json:"name,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	MIMEType    string `json:"mimeType,omitempty"`
	Size        int64  `json:"size,omitempty"`
}

func (c *call) mcpResources(ctx context.Context, client *api.MCPClient) error {
	resources, err := client.Resources(ctx)
	if err != nil {
		return err
	}
	if c.opt.json {
		out := []resourceJSON{}
		for _, r := range resources {
			out = append(out, resourceJSON(r))
		}
		return c.printJSON(out)
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range resources {
		fmt.Fprintf(w, "%s\t%s\n", todo.Line(r.URI), todo.Line(r.Name))
	}
	return w.Flush()
}

func (c *call) mcpRead(ctx context.Context, client *api.MCPClient, uri string) error {
	contents, err := client.Read(ctx, uri)
	if err != nil {
		return err
	}
	return c.printContents(contents)
}

func (c *call) mcpCall(ctx context.Context, client *api.MCPClient, tool string, args json.RawMessage) error {
	result, err := client.Call(ctx, tool, args)
	if err != nil {
		return err
	}
	switch {
	case c.opt.json && result.Structured != nil:
		err = c.printJSON(result.Structured)
	default:
		err = c.printContents(result.Content)
	}
	if err == nil && result.IsError {
		words := ""
		if len(result.Content) > 0 {
			words = result.Content[0].Text
		}
		return fault.New(fault.StepCall, fault.Invalid, "tool_failed", "The tool says that it failed.").WithServer(0, words)
	}
	return err
}

// contentJSON is one part of a result; of binary parts only kind and size.
type contentJSON struct {
	Kind     string `json:"kind"`
	Text     string `json:"text,omitempty"`
	URI      string `json:"uri,omitempty"`
	MIMEType string `json:"mimeType,omitempty"`
	Bytes    int    `json:"bytes,omitempty"`
}

func (c *call) printContents(contents []api.Content) error {
	if c.opt.json {
		out := []contentJSON{}
		for _, part := range contents {
			out = append(out, contentJSON(part))
		}
		return c.printJSON(out)
	}
	for _, part := range contents {
		if json.Valid([]byte(part.Text)) {
			if err := c.printJSON(json.RawMessage(part.Text)); err != nil {
				return err
			}
			continue
		}
		line := todo.Text(part.Text)
		if line == "" {
			line = fmt.Sprintf("[%s %s, %d bytes]", part.Kind, fault.Clean(part.MIMEType, 60), part.Bytes)
		}
		if _, err := fmt.Fprintln(c.env.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}
