package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"waybill/auth"
	"waybill/fault"
	"waybill/session"
	"waybill/todo"
)

func runTrace(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	if err := c.parseNone(); err != nil {
		return err
	}
	return c.withSession(ctx, func(m *session.Manager) error {
		t, err := m.Trace(ctx)
		if err != nil {
			return err
		}
		steps := traceSteps(t)
		if c.opt.json {
			err = c.printJSON(steps)
		} else {
			err = writeSteps(c.env.Stdout, steps)
		}
		return errors.Join(err, firstFault(t.Exchange, t.Redeem, t.Call))
	})
}

func firstFault(steps ...session.TraceStep) error {
	for _, s := range steps {
		if s.Fault != nil {
			return s.Fault
		}
	}
	return nil
}

// traceStep is one step of trace's output. It holds no token.
type traceStep struct {
	Step    string         `json:"step"`
	At      string         `json:"at"`
	TookMS  float64        `json:"took_ms"`
	Result  string         `json:"result"`
	Notes   []string       `json:"notes,omitempty"`
	Scopes  *scopes        `json:"scopes,omitempty"`
	Claims  map[string]any `json:"id_jag_claims,omitempty"`
	Checks  []traceCheck   `json:"checks,omitempty"`
	Problem *problem       `json:"error,omitempty"`
}

type scopes struct {
	Asked   []string `json:"asked"`
	InIDJAG []string `json:"in_id_jag,omitempty"`
	Granted []string `json:"granted,omitempty"`
}

type traceCheck struct {
	Name    string `json:"check"`
	Verdict string `json:"verdict"`
	Finding string `json:"finding"`
}

var verdicts = map[auth.Tri]string{auth.Yes: "passed", auth.No: "failed", auth.Unknown: "could not tell"}

func traceSteps(t *session.Trace) []traceStep {
	exchange := newTraceStep("token exchange (RFC 8693)", t.Plan.Provider.TokenEndpoint, t.Exchange, "ID-JAG issued for "+string(t.Subject.Kind()))
	if g := t.Grant; g != nil {
		exchange.Notes = g.Notes
		exchange.Scopes = &scopes{Asked: g.Asked, InIDJAG: g.Scopes}
		for _, check := range g.Checks {
			exchange.Checks = append(exchange.Checks, traceCheck{check.Name, verdicts[check.Verdict], fault.Clean(check.Says, 200)})
		}
		if g.Claims != nil {
			exchange.Claims = claimsOf(g.Claims)
		}
	}
	redeem := newTraceStep("JWT bearer grant (RFC 7523)", t.Plan.Server.TokenEndpoint, t.Redeem, "access token issued")
	if a := t.Access; a != nil {
		if a.Bound() && t.Redeem.Fault == nil {
			redeem.Result = "access token issued, bound to this app's key (DPoP)"
		}
		redeem.Notes, redeem.Scopes = a.Notes, &scopes{a.Asked, a.InIDJAG, a.Granted}
	}
	call := newTraceStep("call to the resource", t.Plan.Connection.Resource.URL, t.Call, fmt.Sprintf("%d to-dos", t.Todos))
	return []traceStep{exchange, redeem, call}
}

func newTraceStep(name, at string, s session.TraceStep, result string) traceStep {
	out := traceStep{Step: name, At: at, TookMS: float64(s.Took.Microseconds()) / 1000, Result: result}
	switch {
	case !s.Ran:
		out.Result = "not run"
	case s.Fault != nil:
		p := describe(s.Fault)
		out.Result, out.Problem = "failed", &p
	}
	return out
}

// claimsOf is the ID-JAG's contents, which are no secret once the signature is
// gone, and its header's typ.
func claimsOf(c *auth.IDJAGClaims) map[string]any {
	out := map[string]any{"(header) typ": c.Type, "(header) alg": c.Algorithm}
	for name, value := range c.All {
		out[name] = value
	}
	return out
}

func writeSteps(w io.Writer, steps []traceStep) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range steps {
		fmt.Fprintf(table, "%d  %s\t%s\t%.0f ms\t%s\n", i+2, s.Step, todo.Line(s.At), s.TookMS, s.Result)
		writeScopes(table, s.Scopes)
		for _, name := range slices.Sorted(maps.Keys(s.Claims)) {
			fmt.Fprintf(table, "   %s\t%s\n", todo.Line(name), claimText(s.Claims[name]))
		}
		for _, check := range s.Checks {
			fmt.Fprintf(table, "   %s\t%s\t\t%s\n", check.Verdict, check.Name, check.Finding)
		}
		for _, note := range s.Notes {
			fmt.Fprintf(table, "   Note: %s\n", note)
		}
	}
	return table.Flush()
}

func writeScopes(w io.Writer, s *scopes) {
	if s == nil {
		return
	}
	for _, row := range []struct {
		name string
		list []string
	}{{"asked", s.Asked}, {"in the ID-JAG", s.InIDJAG}, {"granted", s.Granted}} {
		if row.list != nil {
			fmt.Fprintf(w, "   scope %s\t%s\n", row.name, fault.Clean(strings.Join(row.list, " "), 200))
		}
	}
}

func claimText(v any) string {
	if raw, ok := v.(json.RawMessage); ok {
		return todo.Line(string(raw))
	}
	return todo.Line(fmt.Sprint(v))
}
