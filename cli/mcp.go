package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/session"
)

// mcpCommands are the words that may follow mcp.
func mcpCommands() []command {
	return []command{
		{"info", "", "who the server is, what it offers, and what it says to know of it", nil},
		{"tools", "", "list its tools; --verbose shows their schemas too", nil},
		{"resources", "", "list its resources", nil},
		{"templates", "", "list its families of resources", nil},
		{"prompts", "", "list its prompts", nil},
		{"read", "URI", "print a resource; of a template with --arg NAME=VALUE for its variables", nil},
		{"call", "TOOL", "call a tool, with --args or --arg; asks first where it may destroy something", nil},
		{"prompt", "NAME", "print what a prompt yields, with --arg for its arguments", nil},
		{"subscribe", "URI", "tell of changes of a resource until interrupted", nil},
	}
}

// mcpCall is one run of waybill mcp.
type mcpCall struct {
	*call
	mcp  *explore.MCP
	word string // what it is about

	args      string
	named     arguments
	verbose   bool
	yes       *bool
	unchecked bool
	count     int
	then      string
}

// arguments are those given one by one, in their order.
type arguments []struct{ name, value string }

// String implements flag.Value.
func (a *arguments) String() string { return "" }

// Set implements flag.Value.
func (a *arguments) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("not NAME=VALUE")
	}
	*a = append(*a, struct{ name, value string }{name, value})
	return nil
}

func runMCP(ctx context.Context, c *call) error {
	f := c.newFlags(sessionFlags, jsonFlag)
	m := &mcpCall{call: c, yes: c.yesFlag()}
	f.StringVar(&m.args, "args", "{}", "for call: the tool's arguments as a `JSON` object")
	f.Var(&m.named, "arg", "one argument as `NAME=VALUE`; may be given several times")
	f.BoolVar(&m.verbose, "verbose", false, "for tools: schemas and annotations too")
	f.BoolVar(&m.unchecked, "unchecked", false, "for call: send the arguments even if the tool's schema does not allow them")
	f.IntVar(&m.count, "count", 0, "for subscribe: end after `N` changes")
	f.StringVar(&m.then, "call", "", "for subscribe: call this `TOOL`, with --args or --arg, once it is subscribed")
	words, err := c.parse()
	if err != nil {
		return err
	}
	run, err := m.runner(words)
	if err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(m.args), &object) != nil || object == nil {
		return usageError{`--args is not a JSON object, as in '{"id": "7"}'.`, "mcp"}
	}
	c.opt.offline = true // nothing is sent but what is asked for: no to-dos are fetched beside it
	if c.opt.connection == "" && c.opt.connectionFile == "" {
		c.opt.connection = c.lastMCP(ctx)
	}
	return c.withSession(ctx, func(s *session.Manager) error {
		if m.mcp, err = s.ExploreMCP(ctx); err != nil {
			return err
		}
		return run(ctx)
	})
}

// runner is what runs the words.
func (m *mcpCall) runner(words []string) (func(context.Context) error, error) {
	runs := map[string]func(context.Context) error{
		"info": m.info, "tools": m.tools, "resources": m.resources, "templates": m.templates, "prompts": m.prompts,
		"read": m.read, "call": m.callTool, "prompt": m.prompt, "subscribe": m.subscribe,
	}
	var known []string
	for _, sub := range mcpCommands() {
		known = append(known, sub.name)
		if len(words) == 0 || words[0] != sub.name {
			continue
		}
		takes := 1
		if sub.args != "" {
			takes = 2
		}
		switch {
		case len(words) < takes:
			return nil, usageError{fmt.Sprintf("mcp %s needs a %s.", sub.name, sub.args), "mcp"}
		case len(words) > takes:
			return nil, usageError{fmt.Sprintf("mcp %s takes no %q.", sub.name, fault.Clean(words[takes], 40)), "mcp"}
		case takes == 2:
			m.word = words[1]
		}
		return runs[sub.name], nil
	}
	if len(words) > 0 {
		return nil, usageError{fmt.Sprintf("mcp takes no %q.", fault.Clean(words[0], 40)) + meant(words[0], "", known), "mcp"}
	}
	return nil, usageError{"Say what to do: info, tools, resources, templates, prompts, read URI, call TOOL, prompt NAME or subscribe URI.", "mcp"}
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

// serverJSON is what a server says of itself, in the names of the protocol.
type serverJSON struct {
	Name            explore.Said   `json:"name"`
	Title           explore.Said   `json:"title,omitempty"`
	Version         explore.Said   `json:"version"`
	Description     explore.Said   `json:"description,omitempty"`
	Website         explore.Said   `json:"websiteUrl,omitempty"`
	ProtocolVersion string         `json:"protocolVersion"`
	Capabilities    []string       `json:"capabilities"`
	Extensions      []explore.Said `json:"extensions,omitempty"`
	Experimental    []explore.Said `json:"experimental,omitempty"`
	Instructions    explore.Said   `json:"instructions,omitempty"`
}

func (m *mcpCall) info(ctx context.Context) error {
	s, err := m.mcp.Server(ctx)
	if err != nil {
		return err
	}
	offers := offered(s.Can)
	if m.opt.json {
		return m.printJSON(serverJSON{s.Name, s.Title, s.Version, s.Description, s.Website, s.Protocol, offers, s.Can.Extensions, s.Can.Experimental, s.Instructions})
	}
	var rows [][]string
	line := func(name string, said explore.Said) {
		if said != "" {
			rows = append(rows, []string{name, said.Line()})
		}
	}
	line("name", s.Name)
	line("title", s.Title)
	line("version", s.Version)
	line("description", s.Description)
	line("website", s.Website)
	line("protocol", explore.Said(s.Protocol))
	line("offers", explore.Said(strings.Join(offers, ", ")))
	line("extensions", joinedNames(s.Can.Extensions))
	line("experimental", joinedNames(s.Can.Experimental))
	if err := writeTable(m.env.Stdout, rows); err != nil || s.Instructions == "" {
		return err
	}
	_, err = fmt.Fprintf(m.env.Stdout, "\n%s\n", s.Instructions.Text())
	return err
}

func offered(can explore.Capabilities) []string {
	out := []string{}
	for _, c := range []struct {
		name string
		is   bool
	}{{"tools", can.Tools}, {"resources", can.Resources}, {"subscriptions", can.Subscribe}, {"prompts", can.Prompts}, {"completions", can.Completions}, {"logging", can.Logging}} {
		if c.is {
			out = append(out, c.name)
		}
	}
	return out
}

func joinedNames(names []explore.Said) explore.Said {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return explore.Said(strings.Join(out, ", "))
}
