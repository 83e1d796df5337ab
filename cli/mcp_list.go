package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"waybill/explore"
)

// toolJSON is a tool in the names of the protocol.
type toolJSON struct {
	Name         explore.Said    `json:"name"`
	Title        explore.Said    `json:"title,omitempty"`
	Description  explore.Said    `json:"description,omitempty"`
	InputSchema  json.RawMessage `json:"inputSchema,omitempty"`
	OutputSchema json.RawMessage `json:"outputSchema,omitempty"`
	ReadOnly     bool            `json:"readOnly"`
	Destructive  bool            `json:"destructive"`
	Idempotent   bool            `json:"idempotent"`
	OpenWorld    bool            `json:"openWorld"`
	Warnings     []string        `json:"warnings,omitempty"`
}

func (m *mcpCall) tools(ctx context.Context) error {
	l, err := m.mcp.Tools(ctx)
	if err != nil {
		return err
	}
	if m.opt.json {
		out := []toolJSON{}
		for _, t := range l.Items {
			out = append(out, toolJSON{t.Name, t.Title, t.Description, t.Input, t.Output, t.ReadOnly, t.Destructive, t.Idempotent, t.OpenWorld, sentences(t.Warnings)})
		}
		return m.printList(out, l.Cut)
	}
	m.sayNone("tools", len(l.Items))
	var rows [][]string
	for _, t := range l.Items {
		if m.verbose {
			if err := m.printTool(&t); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{t.Name.Line(), firstLine(t.Description, t.Title)})
		m.warn(t.Name, t.Warnings)
	}
	m.sayCut(l.Cut)
	return writeTable(m.env.Stdout, rows)
}

// printTool prints everything about a tool.
func (m *mcpCall) printTool(t *explore.Tool) error {
	fmt.Fprintf(m.env.Stdout, "%s\n", t.Name.Line())
	if t.Title != "" {
		fmt.Fprintf(m.env.Stdout, "  title: %s\n", t.Title.Line())
	}
	if t.Description != "" {
		fmt.Fprintf(m.env.Stdout, "  %s\n", strings.ReplaceAll(t.Description.Text(), "\n", "\n  "))
	}
	fmt.Fprintf(m.env.Stdout, "  %s\n", manner(t))
	m.warn(t.Name, t.Warnings)
	for _, part := range []struct {
		name   string
		schema json.RawMessage
	}{{"arguments", t.Input}, {"result", t.Output}} {
		if len(part.schema) == 0 {
			continue
		}
		fmt.Fprintf(m.env.Stdout, "  %s: ", part.name)
		if err := m.printJSON(part.schema); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(m.env.Stdout)
	return err
}

// manner says in a few words what a tool says of its ways.
func manner(t *explore.Tool) string {
	says := "says that it may destroy something, or does not say otherwise"
	switch {
	case t.ReadOnly:
		says = "says that it changes nothing"
	case !t.Destructive:
		says = "says that it destroys nothing"
	}
	if t.Idempotent && !t.ReadOnly {
		says += ", and that calling it twice is calling it once"
	}
	if !t.OpenWorld {
		says += "; it says that it stays within its server"
	}
	return says + "."
}

// listedJSON is a resource, a template or a prompt in the names of the protocol.
type listedJSON struct {
	URI         explore.Said   `json:"uri,omitempty"`
	URITemplate explore.Said   `json:"uriTemplate,omitempty"`
	Name        explore.Said   `json:"name,omitempty"`
	Title       explore.Said   `json:"title,omitempty"`
	Description explore.Said   `json:"description,omitempty"`
	MIMEType    explore.Said   `json:"mimeType,omitempty"`
	Size        int64          `json:"size,omitempty"`
	Arguments   []argumentJSON `json:"arguments,omitempty"`
	Warnings    []string       `json:"warnings,omitempty"`
}

type argumentJSON struct {
	Name        explore.Said `json:"name"`
	Title       explore.Said `json:"title,omitempty"`
	Description explore.Said `json:"description,omitempty"`
	Required    bool         `json:"required"`
}

// mcpRow is one line of a list, and the same for a program.
type mcpRow struct {
	key, about explore.Said
	json       listedJSON
	warnings   []explore.Warning
}

func (m *mcpCall) resources(ctx context.Context) error {
	l, err := m.mcp.Resources(ctx)
	if err != nil {
		return err
	}
	var rows []mcpRow
	for _, r := range l.Items {
		rows = append(rows, mcpRow{r.URI, first(r.Name, r.Title), listedJSON{URI: r.URI, Name: r.Name, Title: r.Title, Description: r.Description,
			MIMEType: r.MIMEType, Size: r.Size, Warnings: sentences(r.Warnings)}, r.Warnings})
	}
	return m.printRows("resources", rows, l.Cut)
}

func (m *mcpCall) templates(ctx context.Context) error {
	l, err := m.mcp.Templates(ctx)
	if err != nil {
		return err
	}
	var rows []mcpRow
	for _, t := range l.Items {
		rows = append(rows, mcpRow{t.Pattern, first(t.Name, t.Title), listedJSON{URITemplate: t.Pattern, Name: t.Name, Title: t.Title,
			Description: t.Description, MIMEType: t.MIMEType}, nil})
	}
	return m.printRows("families of resources", rows, l.Cut)
}

func (m *mcpCall) prompts(ctx context.Context) error {
	l, err := m.mcp.Prompts(ctx)
	if err != nil {
		return err
	}
	var rows []mcpRow
	for _, p := range l.Items {
		r := mcpRow{p.Name, first(p.Description, p.Title), listedJSON{Name: p.Name, Title: p.Title, Description: p.Description, Warnings: sentences(p.Warnings)}, p.Warnings}
		for _, a := range p.Arguments {
			r.json.Arguments = append(r.json.Arguments, argumentJSON{a.Name, a.Title, a.Description, a.Required})
		}
		rows = append(rows, r)
	}
	return m.printRows("prompts", rows, l.Cut)
}

func (m *mcpCall) printRows(what string, rows []mcpRow, cut bool) error {
	if m.opt.json {
		out := []listedJSON{}
		for _, r := range rows {
			out = append(out, r.json)
		}
		return m.printList(out, cut)
	}
	m.sayNone(what, len(rows))
	var table [][]string
	for _, r := range rows {
		about := r.about.Line()
		for _, a := range r.json.Arguments {
			mark := ""
			if a.Required {
				mark = "*"
			}
			about += " [" + a.Name.Line() + mark + "]"
		}
		table = append(table, []string{r.key.Line(), about})
		m.warn(r.key, r.warnings)
	}
	m.sayCut(cut)
	return writeTable(m.env.Stdout, table)
}

func (m *mcpCall) printList(out any, cut bool) error {
	m.sayCut(cut)
	return m.printJSON(out)
}

// sayNone tells an empty list from a command that did nothing.
func (m *mcpCall) sayNone(what string, n int) {
	if n == 0 {
		m.say("The server has no %s.", what)
	}
}

func (m *mcpCall) sayCut(cut bool) {
	if cut && !m.opt.json {
		m.say("Note: the server lists more than is shown here, or lists in a circle.")
	}
}

// warn says on standard error what is odd.
func (m *mcpCall) warn(name explore.Said, warnings []explore.Warning) {
	for _, w := range warnings {
		m.say("Note: %s: %s", name.Line(), w)
	}
}

func sentences(warnings []explore.Warning) (out []string) {
	for _, w := range warnings {
		out = append(out, w.String())
	}
	return out
}

func first(texts ...explore.Said) explore.Said {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// firstLine is the first line of the first text there is.
func firstLine(texts ...explore.Said) string { return first(texts...).Line() }
