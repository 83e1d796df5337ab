package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"waybill/explore"
	"waybill/fault"
	"waybill/form"
	"waybill/todo"
)

func (m *mcpCall) read(ctx context.Context) error {
	uri := m.word
	if len(m.named) > 0 {
		template := explore.Template{Pattern: explore.Said(uri)}
		var err error
		if uri, err = template.Expand(m.values()); err != nil {
			return err
		}
	}
	contents, err := m.mcp.Read(ctx, uri)
	if err != nil {
		return err
	}
	return m.printParts(contents.Parts)
}

// values are the arguments that were given one by one.
func (m *mcpCall) values() map[string]string {
	out := map[string]string{}
	for _, a := range m.named {
		out[a.name] = a.value
	}
	return out
}

func (m *mcpCall) callTool(ctx context.Context) error {
	call, err := m.prepared(ctx, m.word)
	if err != nil {
		return err
	}
	result, err := call(ctx)
	if err != nil {
		return err
	}
	return m.printResult(result)
}

// prepared is a call of a tool whose arguments are checked, and that was agreed
// to where it may destroy something.
func (m *mcpCall) prepared(ctx context.Context, name string) (func(context.Context) (*explore.Result, error), error) {
	all, err := m.mcp.Tools(ctx)
	if err != nil {
		return nil, err
	}
	tool, err := explore.ToolIn(all, explore.Said(name))
	if err != nil {
		return nil, misspelt(name, all, err)
	}
	args, err := m.arguments(tool)
	if err != nil {
		return nil, err
	}
	m.warn(tool.Name, tool.Warnings)
	if tool.Destructive && !*m.yes {
		m.say("The tool %s may change or destroy something: it does not say that it only adds, or only reads.", tool.Name.Line())
		if err := m.confirm(false, "Call it?"); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (*explore.Result, error) { return m.mcp.Call(ctx, tool, args, m.progress) }, nil
}

// misspelt adds to the Fault of a tool that is not there which one may have been
// meant.
func misspelt(name string, all *explore.List[explore.Tool], err error) error {
	f := fault.As(err)
	var known []string
	for _, t := range all.Items {
		known = append(known, t.Name.Line())
	}
	f.Remedy = strings.TrimSpace(meant(name, "", known) + " " + f.Remedy)
	return f
}

// arguments are what is sent, from --args and --arg, and checked by the tool's
// schema.
func (m *mcpCall) arguments(tool *explore.Tool) (json.RawMessage, error) {
	f := tool.Form()
	args := json.RawMessage(m.args)
	if len(m.named) > 0 {
		v, err := f.Fill(args)
		if err != nil {
			return nil, err
		}
		if args, err = entered(v, args, m.named); err != nil {
			return nil, err
		}
	}
	if m.unchecked {
		return args, nil
	}
	v, err := f.Fill(args)
	if err != nil {
		return nil, err
	}
	if _, wrong := f.Check(v); len(wrong) > 0 {
		return nil, badArguments(wrong)
	}
	return args, nil
}

// entered adds the arguments given one by one to the others.
func entered(v *form.Value, args json.RawMessage, named arguments) (json.RawMessage, error) {
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal(args, &object); err != nil {
		return nil, err
	}
	for _, a := range named {
		field := &form.Value{Field: &form.Field{}} // of no schema
		for _, member := range v.Members {
			if member.Field.Name == a.name {
				field = member
			}
		}
		if field.Enter(a.value); field.Field.Kind == form.Raw && !json.Valid([]byte(a.value)) {
			field.Text = string(mustJSON(a.value))
		}
		value, wrong := field.JSON()
		if len(wrong) > 0 {
			for i := range wrong {
				wrong[i].Path = "/" + a.name + wrong[i].Path
			}
			return nil, badArguments(wrong)
		}
		object[a.name] = value
	}
	return json.Marshal(object)
}

// mustJSON writes a text, which never fails.
func mustJSON(text string) json.RawMessage {
	data, _ := json.Marshal(text)
	return data
}

// badArguments is what is wrong with arguments, which were not sent.
func badArguments(wrong []form.Problem) error {
	var all []string
	for _, p := range wrong {
		where := strings.TrimPrefix(p.Path, "/")
		if where != "" {
			where = fault.Clean(where, 60) + ": "
		}
		all = append(all, where+p.Message)
	}
	return fault.New(fault.StepCall, fault.Invalid, "bad_arguments", strings.Join(all[:min(len(all), 10)], " ")).
		WithRemedy("Nothing was sent. The tool's schema: waybill mcp tools --verbose.")
}

// progress says on standard error how far a call is.
func (m *mcpCall) progress(p explore.Progress) {
	if m.opt.json {
		return
	}
	far := fmt.Sprintf("%g", p.Done)
	if p.Total > 0 {
		far += fmt.Sprintf(" of %g", p.Total)
	}
	if p.Message != "" {
		far += ": " + p.Message.Line()
	}
	m.say("%s", far)
}

func (m *mcpCall) printResult(r *explore.Result) error {
	var err error
	if m.opt.json && r.Structured != nil {
		err = m.printJSON(r.Structured)
	} else {
		err = m.printParts(r.Parts)
		if err == nil && !m.opt.json && r.Structured != nil && len(r.Parts) == 0 {
			err = m.printJSON(r.Structured)
		}
	}
	switch r.Verdict {
	case explore.Breaks:
		m.say("Note: the result is not what the tool's schema promises. %s", r.Why)
	case explore.Missing:
		m.say("Note: the tool's schema promises structured content, and there is none.")
	case explore.Unchecked:
		m.say("Note: the result was not checked. %s", r.Why)
	}
	if err == nil && r.Failed {
		words := ""
		if len(r.Parts) > 0 {
			words = string(r.Parts[0].Text)
		}
		return fault.New(fault.StepCall, fault.Invalid, "tool_failed", "The tool says that it failed.").WithServer(0, words)
	}
	return err
}

func (m *mcpCall) prompt(ctx context.Context) error {
	said, err := m.mcp.Prompt(ctx, explore.Said(m.word), m.values())
	if err != nil {
		return err
	}
	if m.opt.json {
		type message struct {
			Role    explore.Said `json:"role"`
			Content contentJSON  `json:"content"`
		}
		out := struct {
			Description explore.Said `json:"description,omitempty"`
			Messages    []message    `json:"messages"`
		}{said.Description, []message{}}
		for _, one := range said.Messages {
			out.Messages = append(out.Messages, message{one.Role, contentOf(one.Part)})
		}
		return m.printJSON(out)
	}
	for _, one := range said.Messages {
		if _, err := fmt.Fprintf(m.env.Stdout, "%s: ", one.Role.Line()); err != nil {
			return err
		}
		if err := m.printParts([]explore.Part{one.Part}); err != nil {
			return err
		}
	}
	return nil
}

// telling prints the address of each thing that has changed, until there were
// enough.
type telling struct {
	*mcpCall
	enough chan struct{}

	mu     sync.Mutex
	told   int
	failed error
}

func (c *telling) tell(n explore.News) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n.Kind {
	case explore.BrokenOff:
		c.say("Note: the subscription broke off, and changes may be missed until it is renewed. %s", n.Why.Message)
		return
	case explore.Renewed:
		c.say("Note: subscribed again. What changed in between was not told.")
		return
	}
	if c.failed != nil || c.count > 0 && c.told >= c.count {
		return
	}
	if c.told++; c.opt.json {
		c.failed = c.printJSON(map[string]explore.Said{"uri": n.URI})
	} else {
		_, c.failed = fmt.Fprintln(c.env.Stdout, n.URI.Line())
	}
	if c.failed != nil || c.told == c.count {
		close(c.enough)
	}
}

// subscribe tells of changes. That the user ends it is no failure.
func (m *mcpCall) subscribe(ctx context.Context) error {
	call := func(context.Context) (*explore.Result, error) { return &explore.Result{}, nil }
	if m.then != "" {
		var err error
		if call, err = m.prepared(ctx, m.then); err != nil {
			return err
		}
	}
	c := &telling{mcpCall: m, enough: make(chan struct{})}
	s, err := m.mcp.Subscribe(ctx, m.word, c.tell)
	if err != nil {
		return err
	}
	defer s.Close()
	if !m.opt.json {
		c.mu.Lock()
		m.say("Waiting for changes of %s; Ctrl-C ends it.", todo.Line(m.word))
		c.mu.Unlock()
	}
	if result, err := call(ctx); err != nil {
		return err
	} else if result.Failed {
		return m.printResult(result)
	}
	select {
	case <-c.enough:
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
	}
	s.Close()
	return c.failed
}

// contentJSON is one part of a result.
type contentJSON struct {
	Kind     string       `json:"kind"`
	Text     explore.Said `json:"text,omitempty"`
	URI      explore.Said `json:"uri,omitempty"`
	MIMEType explore.Said `json:"mimeType,omitempty"`
	Bytes    int          `json:"bytes,omitempty"`
	Data     []byte       `json:"data,omitempty"`
}

// kinds are the protocol's names of parts.
var kinds = map[explore.PartKind]string{explore.Unknown: "unknown", explore.TextPart: "text", explore.ImagePart: "image",
	explore.AudioPart: "audio", explore.Embedded: "resource", explore.Link: "resource_link"}

func contentOf(p explore.Part) contentJSON {
	out := contentJSON{Kind: kinds[p.Kind], Text: p.Text, URI: p.URI, MIMEType: p.MIMEType, Bytes: len(p.Data), Data: p.Data}
	if p.Kind == explore.Link {
		out.Text = p.Name
	}
	return out
}

func (m *mcpCall) printParts(parts []explore.Part) error {
	if m.opt.json {
		out := []contentJSON{}
		for _, p := range parts {
			out = append(out, contentOf(p))
		}
		return m.printJSON(out)
	}
	for _, p := range parts {
		if json.Valid([]byte(p.Text)) {
			if err := m.printJSON(json.RawMessage(p.Text)); err != nil {
				return err
			}
			continue
		}
		line := p.Text.Text()
		if line == "" {
			line = "[" + strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", kinds[p.Kind], p.URI.Line(), p.MIMEType.Line(), size(p))), " ") + "]"
		}
		if _, err := fmt.Fprintln(m.env.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

func size(p explore.Part) string {
	if p.Kind == explore.Link && p.Size == 0 {
		return ""
	}
	return fmt.Sprintf("%d bytes", max(int64(len(p.Data)), p.Size))
}
