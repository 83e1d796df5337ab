package api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
	"waybill/todo"
)

// Create implements Client.
func (c *MCPClient) Create(ctx context.Context, t todo.Todo, key string) (todo.Todo, error) {
	t.ETag = ""
	args, err := argumentsOf(t)
	if err != nil {
		return todo.Todo{}, garbled(0, err)
	}
	if key != "" {
		args["idempotencyKey"] = rawJSON(key)
	}
	made, err := c.write(ctx, toolCreate, args, creating)
	if err == nil && made.ID == "" {
		return c.Get(ctx, t.ID)
	}
	return made, err
}

// Update implements Client.
func (c *MCPClient) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error) {
	args, err := argumentsOf(p)
	if err != nil {
		return todo.Todo{}, garbled(0, err)
	}
	args.name(id, ifMatch)
	changed, err := c.write(ctx, toolUpdate, args, changing)
	if err == nil && changed.ID == "" {
		return c.Get(ctx, id)
	}
	if err == nil && changed.ID != id {
		return todo.Todo{}, garbled(0, errors.New("asked for one to-do, answered with another"))
	}
	return changed, err
}

// Delete implements Client.
func (c *MCPClient) Delete(ctx context.Context, id string, ifMatch string) error {
	args := arguments{}
	args.name(id, ifMatch)
	_, err := c.write(ctx, toolDelete, args, changing)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// write calls one of the tools that change to-dos and returns what it answered,
// as one to-do if it is one.
func (c *MCPClient) write(ctx context.Context, tool string, args arguments, about asking) (todo.Todo, error) {
	var a *answer
	failed := false
	err := c.call(ctx, about, func(ctx context.Context, s *session) error {
		known, err := s.usable(ctx, tool, about)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(known.accepted(args))
		if err != nil {
			return garbled(0, err)
		}
		res, err := callTool(ctx, s, tool, raw)
		a, failed = answerIn(ctx, resultText(res)), res.failed
		if refused := err; refused != nil || failed {
			if failed {
				refused = c.toolFault(a, about)
			}
			// The change is not at fault where its tool is gone, or has another
			// name since the session began.
			if unknownTool(refused) {
				s.forgetTools()
				if _, gone := s.usable(ctx, tool, about); gone != nil {
					return gone
				}
			}
		}
		return err
	})
	switch {
	case err != nil:
		return todo.Todo{}, err
	case failed:
		return todo.Todo{}, c.toolFault(a, about)
	}
	t, err := todo.DecodeItem(a.body)
	var said *todo.AnswerError
	if errors.As(err, &said) {
		return todo.Todo{}, c.toolFault(a, about)
	}
	return t, nil // without an id if the answer does not show the item
}

// toolFault reads the error of a tool: JSON as the REST API answers, else words.
func (c *MCPClient) toolFault(a *answer, about asking) error {
	_, err := todo.DecodeList(a.body)
	var said *todo.AnswerError
	if !errors.As(err, &said) {
		said = &todo.AnswerError{Message: string(a.body)}
	}
	f := c.scopes.answerError(said, a, about)
	if f.Kind == fault.Conflict && about.change() {
		return withCurrent(f, a)
	}
	return f
}

// rpcFault turns a JSON-RPC error into a Fault.
func rpcFault(wire *jsonrpc.Error, about asking, st *callState) error {
	var f *fault.Fault
	switch {
	case wire.Code == jsonrpc.CodeMethodNotFound:
		f = notOffered(about, "method_not_found")
	case wire.Code == mcp.CodeUnsupportedProtocolVersion:
		f = fault.New(fault.StepCall, fault.Config, "mcp_version", "This app and the MCP server have no protocol version in common.")
	case wire.Code == jsonrpc.CodeInvalidParams && about == anything, wire.Code == codeNoResource && about == anything:
		f = fault.New(fault.StepCall, fault.Invalid, "invalid_params", "The MCP server does not know what was asked for, or not with these arguments.")
	case wire.Code == jsonrpc.CodeInvalidParams && about.change():
		f = fault.New(fault.StepCall, fault.Invalid, "invalid_params", "The to-do service does not accept this change.").
			WithRemedy("Change it and try again, or discard it.")
	case wire.Code == jsonrpc.CodeInternalError:
		f = troubled("internal_error")
	default:
		f = fault.New(fault.StepCall, fault.Failed, "rpc_error", "The MCP server refused the request.")
	}
	words := wire.Message
	if st != nil {
		words = withoutToken(words, st.sent())
	}
	return f.Because(&jsonrpc.Error{Code: wire.Code, Message: words}).WithServer(0, words)
}

// codeNoResource is MCP's "resource not found" before 2026-07-28.
const codeNoResource = -32002
