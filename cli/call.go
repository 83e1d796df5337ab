package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/session"
	"waybill/transport"
)

// callOptions are the flags of call.
type callOptions struct {
	query, header            []explore.Pair
	body, again, save, place string
	endpoints, history       bool
	curl, include, raw       bool
}

func (o *callOptions) define(c *call) {
	f := c.newFlags(sessionFlags, jsonFlag)
	f.Func("query", "add this parameter to the query, as in `name=value`; may be repeated", func(text string) error {
		name, value, _ := strings.Cut(text, "=")
		o.query = append(o.query, explore.Pair{Name: name, Value: value})
		return nil
	})
	f.Func("header", "add this header field, as in `name:value`; may be repeated", func(text string) error {
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return fmt.Errorf("a header field is written name:value")
		}
		o.header = append(o.header, explore.Pair{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
		return nil
	})
	f.StringVar(&o.body, "body", "", "send this `text` as the body, or the file after an @, or standard input for -; JSON unless a Content-Type header says otherwise")
	f.BoolVar(&o.include, "include", false, "print the status and the header of the answer too")
	f.BoolVar(&o.raw, "raw", false, "write the body byte for byte as it came, to a file or a pipe; without it, what a terminal would obey is made visible")
	f.BoolVar(&o.curl, "curl", false, "send nothing, and print the request as a command for curl, in which secrets are shell variables")
	f.BoolVar(&o.endpoints, "endpoints", false, "list what the API offers: what its OpenAPI document says, if it serves one, else what the connection knows")
	f.StringVar(&o.place, "openapi", "", "for --endpoints: the `path` of the OpenAPI document, instead of the usual ones")
	f.BoolVar(&o.history, "history", false, "list the favourites and the last calls")
	f.StringVar(&o.again, "again", "", "call again what --history lists under this `ID` or name")
	f.StringVar(&o.save, "save", "", "keep the call as a favourite under this `name`")
}

func runCall(ctx context.Context, c *call) error {
	var o callOptions
	o.define(c)
	words, err := c.parse()
	if err != nil {
		return err
	}
	if err := o.check(c, words); err != nil {
		return err
	}
	switch {
	case o.history:
		return c.withSession(ctx, func(m *session.Manager) error { return c.callHistory(ctx, m) })
	case o.endpoints:
		return c.withREST(ctx, func(_ *session.Manager, r *explore.REST) error {
			found, err := r.Endpoints(ctx, o.place)
			if err != nil {
				return err
			}
			return c.printEndpoints(found)
		})
	case o.again != "":
		return c.withSession(ctx, func(m *session.Manager) error { return c.callAgain(ctx, m, o) })
	}
	q, err := o.request(ctx, c, words)
	if err != nil {
		return err
	}
	return c.callOnce(ctx, q, o)
}

// check refuses flags that do not go together.
func (o *callOptions) check(c *call, words []string) error {
	wrong := func(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...), "call"} }
	modes := 0
	for _, on := range []bool{o.endpoints, o.history, o.again != ""} {
		if on {
			modes++
		}
	}
	switch {
	case modes > 1:
		return wrong("Give one of --endpoints, --history and --again.")
	case modes == 1 && (len(words) > 0 || o.query != nil || o.header != nil || o.body != ""):
		return wrong("--endpoints, --history and --again take no request.")
	case modes == 0 && (len(words) == 0 || len(words) > 2):
		return wrong("Give a path, as in: waybill call /api/todos. Before it a method may stand.")
	case o.place != "" && !o.endpoints:
		return wrong("--openapi goes with --endpoints.")
	case o.raw && (o.include || c.opt.json):
		return wrong("--raw writes the body alone; leave out --include and --json.")
	case o.raw && c.env.Terminal:
		return wrong("--raw is for a file or a pipe: a terminal obeys some of what a server may send.")
	case o.include && c.opt.json:
		return wrong("--json prints everything; leave out --include.")
	}
	return nil
}

// request is the one that the words and flags describe.
func (o *callOptions) request(ctx context.Context, c *call, words []string) (q explore.Request, err error) {
	q = explore.Request{Method: http.MethodGet, Path: words[len(words)-1], Query: o.query, Header: o.header}
	switch name, file := strings.CutPrefix(o.body, "@"); {
	case o.body == "":
	case file || o.body == "-":
		if q.Body, err = c.readFile(ctx, name); err != nil {
			return q, err
		}
	default:
		q.Body = []byte(o.body)
	}
	if q.Body != nil {
		q.Method = http.MethodPost
	}
	if len(words) == 2 {
		q.Method = strings.ToUpper(words[0])
	}
	return q, nil
}

// withREST is withSession for what needs a REST API.
func (c *call) withREST(ctx context.Context, f func(*session.Manager, *explore.REST) error) error {
	return c.withSession(ctx, func(m *session.Manager) error {
		r, err := m.ExploreREST(ctx)
		if f := fault.As(err); err != nil && f.Code == "not_rest" {
			return f.WithRemedy("Use 'waybill mcp' for it, or choose another connection with --connection.")
		}
		if err != nil {
			return err
		}
		return f(m, r)
	})
}

// callOnce sends a request and prints the answer. What may change something is
// sent once, also where a sign-in comes in between.
func (c *call) callOnce(ctx context.Context, q explore.Request, o callOptions) error {
	sent := false
	return c.withREST(ctx, func(m *session.Manager, r *explore.REST) error {
		if o.curl {
			x, err := r.Draft(q)
			if err != nil {
				return err
			}
			return c.printCurl(x)
		}
		if sent && !q.Safe() {
			return fault.New(fault.StepCall, fault.Failed, "not_repeated", "You are signed in now. The request was not sent again, since it may change something.").
				WithRemedy("Run the command again.")
		}
		sent = true
		answer, err := r.Call(ctx, q)
		if err != nil {
			return err
		}
		if o.save != "" {
			if err := c.saveCall(ctx, m, o.save); err != nil {
				return err
			}
		}
		if err := c.printAnswer(answer, o); err != nil {
			return err
		}
		if answer.Problem != nil {
			return answer.Problem
		}
		return nil
	})
}

// saveCall makes the last call a favourite.
func (c *call) saveCall(ctx context.Context, m *session.Manager, name string) error {
	return m.ChangeHistory(ctx, func(h *explore.History) error {
		if len(h.Calls) == 0 {
			return nil // it could not be kept, which was logged
		}
		return h.Name(h.Calls[0].ID, name)
	})
}

// callAgain makes a call of the history again, or shows it as a command.
func (c *call) callAgain(ctx context.Context, m *session.Manager, o callOptions) error {
	h, err := m.History(ctx)
	if err != nil {
		return err
	}
	kept := h.Find(o.again)
	for i := range h.Favourites {
		if kept == nil && strings.EqualFold(h.Favourites[i].Favourite, o.again) {
			kept = &h.Favourites[i]
		}
	}
	switch {
	case kept == nil:
		return fault.New(fault.StepStore, fault.NotFound, "no_such_call", "No call of this ID or name is kept.").
			WithRemedy("'waybill call --history' lists them.")
	case kept.Tool != nil && o.curl:
		return c.toolCurl(ctx, m, *kept.Tool)
	case kept.Tool != nil:
		return fault.New(fault.StepSetup, fault.Config, "not_rest", "This is a tool of an MCP server.").
			WithRemedy("Use 'waybill mcp call " + fault.Clean(string(kept.Tool.Name), 80) + "'.")
	case len(kept.Left) > 0 && !o.curl:
		return fault.New(fault.StepSetup, fault.Failed, "left_out", "This call cannot be made again as it is, since not all of it is kept: "+fault.Clean(strings.Join(kept.Left, ", "), 200)+".").
			WithRemedy("Write it out anew.")
	}
	return c.callOnce(ctx, *kept.REST, o)
}

func (c *call) toolCurl(ctx context.Context, m *session.Manager, tool explore.ToolCall) error {
	configured, err := m.Configured(ctx, m.State().Current)
	if err != nil {
		return err
	}
	r := configured.Connection.Resource
	if r.Kind != connection.MCP {
		return fault.New(fault.StepSetup, fault.Config, "not_mcp", "The resource of this connection is not an MCP server.")
	}
	return c.printCurl(explore.ToolDraft(r.URL, r.MCPVersion, configured.Connection.DPoP, tool))
}

func (c *call) printCurl(x transport.Recording) error {
	command := flow.Curl(x)
	for _, v := range command.Variables {
		c.say("# %s: %s", v.Name, v.Meaning)
	}
	if command.Cut {
		c.say("# The body is no text and is left out.")
	}
	_, err := fmt.Fprint(c.env.Stdout, c.forShell(command.Text))
	return err
}
