package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"waybill/explore"
	"waybill/fault"
	"waybill/session"
	"waybill/todo"
)

// answerJSON is an answer as JSON.
type answerJSON struct {
	Status      int             `json:"status"`
	Protocol    string          `json:"protocol"`
	Address     string          `json:"address"`
	Header      []fieldJSON     `json:"headers"`
	ContentType string          `json:"content_type,omitempty"`
	JSON        json.RawMessage `json:"body,omitempty"` // exactly one of these three, if there is a body
	Text        string          `json:"body_text,omitempty"`
	Bytes       []byte          `json:"body_base64,omitempty"`
	Cut         string          `json:"cut,omitempty"`
	Wire        int64           `json:"bytes_on_the_wire"`
	Decoded     int64           `json:"bytes"`
	FirstByte   float64         `json:"first_byte_ms"`
	Total       float64         `json:"total_ms"`
	Sent        int             `json:"sent"`
	Location    string          `json:"location,omitempty"`
}

type fieldJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (c *call) printAnswer(a *explore.Response, o callOptions) error {
	switch {
	case c.opt.json:
		return c.printJSON(answerOf(a))
	case o.raw:
		_, err := c.env.Stdout.Write(a.Body)
		if err == nil && a.Cut != "" {
			c.say("Note: %s", a.Cut)
		}
		return err
	}
	if o.include {
		status := strings.TrimSpace(fmt.Sprintf("%s %d %s", a.Protocol, a.Status, http.StatusText(a.Status)))
		fmt.Fprintln(c.env.Stdout, todo.Line(status))
		for _, f := range a.Header {
			fmt.Fprintf(c.env.Stdout, "%s: %s\n", f.Name.Line(), f.Value.Line())
		}
		fmt.Fprintln(c.env.Stdout)
	}
	if err := c.printBody(a); err != nil {
		return err
	}
	if a.Location != "" {
		c.say("Note: it points to %s, which was not followed.", a.Location.Line())
	}
	if a.Cut != "" {
		c.say("Note: %s", a.Cut)
	}
	if o.include || c.env.Terminal {
		c.say("%s", summary(a))
	}
	return nil
}

// summary says how an answer came, on one line.
func summary(a *explore.Response) string {
	size := fmt.Sprintf("%d bytes", a.Decoded)
	if a.Wire != a.Decoded {
		size += fmt.Sprintf(" (%d on the wire)", a.Wire)
	}
	out := fmt.Sprintf("Status %d, %s, first byte after %.0f ms, all after %.0f ms", a.Status, size, millis(a.FirstByte), millis(a.Total))
	if a.Sent > 1 {
		out += fmt.Sprintf(", sent %d times", a.Sent)
	}
	return out + "."
}

func (c *call) printBody(a *explore.Response) error {
	if a.JSON != nil {
		return c.printJSON(a.JSON)
	}
	text, ok := a.Text()
	switch {
	case len(a.Body) == 0:
		return nil
	case !ok:
		c.say("The body is no text that can be shown here: %d bytes of %s. With --raw it goes to a file or a pipe.", len(a.Body), fault.Clean(firstOf(a.ContentType, "an unnamed type"), 60))
		return nil
	case len([]rune(text)) > todo.MaxTextRunes:
		c.say("Note: only the first %d characters are shown. With --raw all go to a file or a pipe.", todo.MaxTextRunes)
	}
	_, err := fmt.Fprintln(c.env.Stdout, strings.TrimRight(text.Text(), "\n"))
	return err
}

func firstOf(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func answerOf(a *explore.Response) answerJSON {
	out := answerJSON{
		Status: a.Status, Protocol: a.Protocol, Address: a.Address, Header: []fieldJSON{}, ContentType: a.ContentType, JSON: a.JSON, Cut: a.Cut,
		Wire: a.Wire, Decoded: a.Decoded, FirstByte: millis(a.FirstByte), Total: millis(a.Total), Sent: a.Sent, Location: string(a.Location),
	}
	for _, f := range a.Header {
		out.Header = append(out.Header, fieldJSON{string(f.Name), string(f.Value)})
	}
	if a.JSON == nil {
		if text, ok := a.Text(); ok {
			out.Text = string(text)
		} else {
			out.Bytes = a.Body
		}
	}
	return out
}

// operationJSON is an operation in the names of OpenAPI.
type operationJSON struct {
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Summary    string          `json:"summary,omitempty"`
	Group      string          `json:"tag,omitempty"`
	Deprecated bool            `json:"deprecated,omitempty"`
	Parameters []parameterJSON `json:"parameters"`
	Body       *bodyJSON       `json:"request_body,omitempty"`
}

type parameterJSON struct {
	In       string          `json:"in"`
	Name     string          `json:"name"`
	Required bool            `json:"required"`
	Schema   json.RawMessage `json:"schema"`
}

type bodyJSON struct {
	ContentType string          `json:"content_type"`
	Required    bool            `json:"required"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Example     json.RawMessage `json:"example,omitempty"`
}

func operationOf(o explore.Operation) operationJSON {
	out := operationJSON{o.Method, o.Path, string(o.Summary), string(o.Group), o.Deprecated, []parameterJSON{}, nil}
	for _, p := range o.Parameters {
		out.Parameters = append(out.Parameters, parameterJSON{string(p.In), p.Name, p.Required, p.Schema})
	}
	if o.Body != nil {
		out.Body = &bodyJSON{o.Body.ContentType, o.Body.Required, o.Body.Schema, o.Body.Example}
	}
	return out
}

// endpointsJSON is what --endpoints prints.
type endpointsJSON struct {
	Document   string          `json:"document,omitempty"` // its address
	Format     string          `json:"format,omitempty"`
	Title      string          `json:"title,omitempty"`
	Operations []operationJSON `json:"operations"`
	LeftOut    int             `json:"left_out"`
}

func (c *call) printEndpoints(e *explore.Endpoints) error {
	d := e.Document
	if c.opt.json {
		out := endpointsJSON{Operations: []operationJSON{}}
		if d != nil {
			out.Document, out.Format, out.Title, out.LeftOut = d.Address, d.Format, string(d.Title), d.LeftOut
		}
		for _, o := range e.Operations {
			out.Operations = append(out.Operations, operationOf(o))
		}
		return c.printJSON(out)
	}
	c.sayDocument(e)
	var rows [][]string
	for _, o := range e.Operations {
		rows = append(rows, []string{todo.Line(o.Method), todo.Line(o.Path), o.Summary.Line()})
	}
	return writeTable(c.env.Stdout, rows)
}

// sayDocument says where the list comes from.
func (c *call) sayDocument(e *explore.Endpoints) {
	d := e.Document
	if d == nil {
		c.say("No OpenAPI document was found at %d addresses. This is what the connection knows of:", len(e.Looked))
		return
	}
	c.say("%s, %s at %s:", firstOf(d.Title.Line(), "A document without a title"), todo.Line(d.Format), todo.Line(d.Address))
	if d.Elsewhere != "" {
		c.say("Note: it is for a server at %s. Requests go to the resource of the connection all the same.", d.Elsewhere.Line())
	}
	if d.LeftOut > 0 {
		c.say("Note: %d operations were left out.", d.LeftOut)
	}
	for _, note := range d.Notes {
		c.say("Note: %s", todo.Line(note))
	}
}

// keptJSON is a call of the history.
type keptJSON struct {
	ID        string            `json:"id"`
	At        time.Time         `json:"at"`
	Favourite string            `json:"favourite,omitempty"`
	REST      *explore.Request  `json:"rest,omitempty"`
	Tool      *explore.ToolCall `json:"tool,omitempty"`
	Left      []string          `json:"left_out,omitempty"`
	Status    int               `json:"status,omitempty"`
	Failed    bool              `json:"failed,omitempty"`
}

func (c *call) callHistory(ctx context.Context, m *session.Manager) error {
	h, err := m.History(ctx)
	if err != nil {
		return err
	}
	all := append(append([]explore.Call{}, h.Favourites...), h.Calls...)
	if c.opt.json {
		out := []keptJSON{}
		for _, k := range all {
			out = append(out, keptJSON{k.ID, k.At, k.Favourite, k.REST, k.Tool, k.Left, k.Status, k.Failed})
		}
		return c.printJSON(out)
	}
	var rows [][]string
	for i := range all {
		k := &all[i]
		result := "-"
		if k.Status > 0 {
			result = fmt.Sprint(k.Status)
		} else if k.Failed {
			result = "failed"
		}
		name := k.Line()
		if k.Favourite != "" {
			name = todo.Line(k.Favourite) + ": " + name
		}
		if len(k.Left) > 0 {
			name += " (not kept: " + todo.Line(strings.Join(k.Left, ", ")) + ")"
		}
		rows = append(rows, []string{k.ID, k.At.Local().Format("2006-01-02 15:04"), result, name})
	}
	return writeTable(c.env.Stdout, rows)
}

// forShell is a command as a terminal may show it. Only what a server or a file
// put there can hold something that a terminal would obey, and then what is shown
// is not for running; into a file or a pipe the command goes as it is.
func (c *call) forShell(text string) string {
	if !c.env.Terminal {
		return text
	}
	shown := strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '\u25a1'
		}
		return r
	}, text)
	if shown != text {
		c.say("Note: characters that are not seen stand as squares here. To run the command, write it to a file.")
	}
	return shown
}
