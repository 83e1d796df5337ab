package explore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/api"
	"waybill/fault"
	"waybill/form"
)

// Call calls a tool with a JSON object of arguments; empty means none. They are
// sent as they are: what Form makes of the input schema checks them before. It
// does not ask whether a destructive tool may be called; the caller has. While
// the call is under way progress is called with what the server says of it, one
// call at a time; nil is allowed. The end of ctx cancels the call at the server.
// A result that says that the tool failed is returned without an error.
func (m *MCP) Call(ctx context.Context, t *Tool, args json.RawMessage, progress func(Progress)) (*Result, error) {
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	each := func(string, json.RawMessage) error { return nil }
	if !json.Valid(args) || form.Members(args, each) != nil {
		return nil, fault.New(fault.StepCall, fault.Invalid, "bad_arguments", "The arguments of the tool are not a JSON object with each name once.")
	}
	use := api.Use{Patient: true, Raw: true}
	if progress != nil {
		use.Progress = func(p mcp.ProgressNotificationParams) {
			progress(Progress{Done: p.Progress, Total: max(p.Total, 0), Message: Said(p.Message)})
		}
	}
	var out *Result
	made := time.Now()
	run, err := m.asked(ctx, use, func(ctx context.Context, s *mcp.ClientSession) error {
		began := time.Now()
		res, err := s.CallTool(ctx, &mcp.CallToolParams{Name: string(t.Name), Arguments: args})
		if err != nil {
			return err
		}
		if res.NeedsInput() {
			return needsInput()
		}
		out = &Result{Failed: res.IsError, Took: time.Since(began), Structured: structuredOf(api.RawResult(ctx))}
		out.Parts = partsOf(res.Content)
		return nil
	})
	m.keep(ctx, Call{At: made, Tool: &ToolCall{Name: t.Name, Arguments: args}}, out, err)
	if err != nil {
		return nil, err
	}
	out.Run = run
	out.judge(t.Output)
	return out, nil
}

// keep tells of a call that was made, for the history.
func (m *MCP) keep(ctx context.Context, c Call, out *Result, err error) {
	if m.remember == nil {
		return
	}
	if c.Failed = err != nil || out.Failed; err == nil {
		c.Took = out.Took
	}
	m.remember(ctx, c)
}

// structuredOf is the structured content as the server wrote it: a number keeps
// its digits.
func structuredOf(raw json.RawMessage) json.RawMessage {
	var result struct {
		Structured json.RawMessage `json:"structuredContent"`
	}
	if json.Unmarshal(raw, &result) != nil || string(result.Structured) == "null" {
		return nil
	}
	return result.Structured
}

// judge checks the structured content against the output schema. A tool that
// failed owes none.
func (r *Result) judge(schema json.RawMessage) {
	if len(schema) == 0 || string(schema) == "null" {
		return
	}
	if r.Structured == nil {
		if !r.Failed {
			r.Verdict = Missing
		}
		return
	}
	f := form.New(schema)
	if f.Problem != "" {
		r.Verdict, r.Why = Unchecked, f.Problem
		return
	}
	r.Verdict = Conforms
	if wrong := f.CheckJSON(r.Structured); len(wrong) > 0 {
		r.Verdict, r.Why = Breaks, wrong[0].Message
	}
}

// needsInput is for a server that answers with questions to the user or to a
// model: this app offers it neither.
func needsInput() error {
	return fault.New(fault.StepCall, fault.Hostile, "input_required", "The MCP server asks for more than this app answers.").
		WithRemedy("Nothing of it was used.")
}

// Read returns the contents of a resource.
func (m *MCP) Read(ctx context.Context, uri string) (*Contents, error) {
	var out *Contents
	run, err := m.asked(ctx, api.Use{}, func(ctx context.Context, s *mcp.ClientSession) error {
		res, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
		if err != nil {
			return err
		}
		if res.NeedsInput() {
			return needsInput()
		}
		out = &Contents{}
		for _, r := range res.Contents {
			out.Parts = append(out.Parts, embedded(r))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Run = run
	return out, nil
}

// Prompt has the server make the messages of a prompt.
func (m *MCP) Prompt(ctx context.Context, name Said, args map[string]string) (*Messages, error) {
	var out *Messages
	run, err := m.asked(ctx, api.Use{}, func(ctx context.Context, s *mcp.ClientSession) error {
		res, err := s.GetPrompt(ctx, &mcp.GetPromptParams{Name: string(name), Arguments: args})
		if err != nil {
			return err
		}
		if res.NeedsInput() {
			return needsInput()
		}
		out = &Messages{Description: Said(res.Description)}
		for _, message := range res.Messages {
			if message != nil {
				out.Messages = append(out.Messages, Message{Role: Said(message.Role), Part: partOf(message.Content)})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Run = run
	return out, nil
}
