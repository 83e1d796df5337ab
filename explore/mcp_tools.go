package explore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/api"
	"waybill/fault"
	"waybill/form"
)

// Tools lists the tools. One whose description, annotations or schemas differ
// from the last time that it was listed has a Warning of kind Changed, once; see
// RecallWith.
func (m *MCP) Tools(ctx context.Context) (*List[Tool], error) {
	out, err := list(ctx, m, true, func(ctx context.Context, s *mcp.ClientSession, cursor string) ([]Tool, string, error) {
		res, err := s.ListTools(ctx, &mcp.ListToolsParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		return toolsOf(res.Tools, api.RawResult(ctx)), res.NextCursor, nil
	})
	if err != nil {
		return nil, err
	}
	odd := oddNames(len(out.Items), func(i int) Said { return out.Items[i].Name })
	now := map[Said]string{}
	for i := range out.Items {
		if t := &out.Items[i]; now[t.Name] == "" { // of several, the first
			now[t.Name] = t.Fingerprint
		}
	}
	before := m.recall(ctx, now)
	for i := range out.Items {
		t := &out.Items[i]
		t.Warnings = append(odd[i], schemaWarnings(t)...)
		if old, known := before[t.Name]; known && old != now[t.Name] && t.Fingerprint == now[t.Name] {
			t.Warnings = append(t.Warnings, Warning{Kind: Changed})
		}
	}
	return out, nil
}

// inMind is the Recall of an MCP that was given none.
func (m *MCP) inMind(_ context.Context, now map[Said]string) (before map[Said]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = maps.Clone(m.seen.Tools)
	m.seen.Listed(now)
	return before
}

// Tool lists the tools and returns the one of exactly this name; of several, the
// first. A tool that is not there is a Fault of kind NotFound.
func (m *MCP) Tool(ctx context.Context, name Said) (*Tool, error) {
	all, err := m.Tools(ctx)
	if err != nil {
		return nil, err
	}
	return ToolIn(all, name)
}

// ToolIn is Tool for tools that have been listed.
func ToolIn(all *List[Tool], name Said) (*Tool, error) {
	for i := range all.Items {
		if all.Items[i].Name == name {
			return &all.Items[i], nil
		}
	}
	return nil, fault.New(fault.StepCall, fault.NotFound, "no_tool", "The MCP server offers no tool of this name.").
		WithRemedy("See what it offers: waybill mcp tools.")
}

// rawTool is what the SDK's decoding loses: the order of members.
type rawTool struct {
	Name   string          `json:"name"`
	Input  json.RawMessage `json:"inputSchema"`
	Output json.RawMessage `json:"outputSchema"`
}

// toolsOf joins the tools that the SDK let through with their schemas as they
// came.
func toolsOf(tools []*mcp.Tool, raw json.RawMessage) []Tool {
	var result struct {
		Tools []json.RawMessage `json:"tools"`
	}
	_ = json.Unmarshal(raw, &result)
	next := 0
	var out []Tool
	for _, t := range tools {
		made := toolOf(t)
		for i := next; i < len(result.Tools); i++ { // the SDK may have left some out between
			var r rawTool
			if json.Unmarshal(result.Tools[i], &r) == nil && r.Name == t.Name && sameJSON(r.Input, made.Input) && sameJSON(r.Output, made.Output) {
				made.Input, made.Output, next = r.Input, r.Output, i+1
				break
			}
		}
		out = append(out, made)
	}
	return out
}

// toolOf fingerprints the schemas as the SDK decoded them: in what order their
// members come says nothing.
func toolOf(t *mcp.Tool) Tool {
	out := Tool{Name: Said(t.Name), Title: Said(t.Title), Description: Said(t.Description),
		Input: written(t.InputSchema), Output: written(t.OutputSchema), Destructive: true, OpenWorld: true}
	hints := ""
	if a := t.Annotations; a != nil {
		out.Title = firstOf(out.Title, Said(a.Title))
		out.ReadOnly, out.Idempotent = a.ReadOnlyHint, a.IdempotentHint
		out.Destructive = !a.ReadOnlyHint && (a.DestructiveHint == nil || *a.DestructiveHint)
		out.OpenWorld = a.OpenWorldHint == nil || *a.OpenWorldHint
		hints = fmt.Sprint(out.ReadOnly, out.Idempotent, out.Destructive, out.OpenWorld)
	}
	h := sha256.New()
	for _, part := range []string{t.Name, t.Description, hints, string(out.Input), string(out.Output)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	out.Fingerprint = hex.EncodeToString(h.Sum(nil))
	return out
}

// written is a decoded value as JSON, its members by name.
func written(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// sameJSON reports whether raw is the value of which canonical was written.
func sameJSON(raw, canonical json.RawMessage) bool {
	var v any
	if len(raw) > 0 && json.Unmarshal(raw, &v) != nil {
		return false
	}
	return string(written(v)) == string(canonical)
}

// schemaWarnings says what is odd about the input schema.
func schemaWarnings(t *Tool) []Warning {
	switch f := t.Form(); {
	case f.Remote:
		return []Warning{{Kind: Remote}}
	case f.Problem != "":
		return []Warning{{Kind: BadSchema}}
	}
	return nil
}

// Form is the form for the arguments of the tool. A schema that cannot be read
// makes a form of one field, for JSON.
func (t *Tool) Form() *form.Form { return form.New(t.Input) }
