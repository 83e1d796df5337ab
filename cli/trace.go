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
	"waybill/flow"
	"waybill/session"
	"waybill/todo"
)

func runTrace(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	verbose := c.flags.Bool("verbose", false, "print requests, answers and the contents of every token too, all redacted")
	step := c.flags.Int("step", 0, "print step `N` alone: 1 sign-in, 2 token exchange, 3 JWT bearer grant, 4 call")
	if err := c.parseNone(); err != nil {
		return err
	}
	if *step < 0 || *step > 4 {
		return usageError{"There are the steps 1 to 4.", ""}
	}
	return c.withSession(ctx, func(m *session.Manager) error {
		failed := m.RunAgain(ctx, fault.StepExchange)
		run, earlier := traced(m.Runs())
		if run == nil {
			return failed
		}
		report := traceReport{flow.Examine(run, earlier), *step, *verbose}
		var err error
		if c.opt.json {
			err = c.printJSON(report.steps())
		} else {
			err = report.write(c.env.Stdout)
		}
		return errors.Join(err, failed)
	})
}

// traced finds the run that was asked for, with the sign-in of this process
// where there was one, and those before it.
func traced(runs []*flow.Run) (run *flow.Run, earlier []*flow.Run) {
	at := slices.IndexFunc(runs, func(r *flow.Run) bool { return r.Reason == flow.ReasonAgain })
	if at < 0 {
		return nil, nil
	}
	r := *runs[at]
	for _, before := range runs[at+1:] {
		if s := before.Steps[0]; before.Connection == r.Connection && before.Reason == flow.ReasonSignIn && s.State == flow.Done {
			r.Steps[0], r.Discovery = s, append(slices.Clone(before.Discovery), r.Discovery...)
			break
		}
	}
	return &r, runs[at+1:]
}

// traceReport is what trace prints of a run.
type traceReport struct {
	run     *flow.Run
	only    int // number of the one step to print, 0: all
	verbose bool
}

// traceStep is one step of trace's output. It holds no token.
type traceStep struct {
	Step    string         `json:"step"`
	At      string         `json:"at"`
	TookMS  float64        `json:"took_ms"`
	Result  string         `json:"result"`
	Why     string         `json:"why,omitempty"`
	Notes   []string       `json:"notes,omitempty"`
	Scopes  *scopes        `json:"scopes,omitempty"`
	Claims  map[string]any `json:"id_jag_claims,omitempty"`
	Checks  []traceCheck   `json:"checks,omitempty"`
	Causes  []traceCause   `json:"causes,omitempty"`
	Problem *problem       `json:"error,omitempty"`

	number int
	of     *flow.Step
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
	Section string `json:"section,omitempty"`
}

type traceCause struct {
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	Remedy   string `json:"remedy,omitempty"`
	Field    string `json:"field,omitempty"`
}

var verdicts = map[auth.Tri]string{auth.Yes: "passed", auth.No: "failed", auth.Unknown: "could not tell"}

var stepTitles = [4]string{"sign-in", "token exchange (RFC 8693)", "JWT bearer grant (RFC 7523)", "call to the resource"}

func (t traceReport) steps() (out []traceStep) {
	for i := range t.run.Steps {
		if t.only == 0 || t.only == i+1 {
			out = append(out, t.step(i))
		}
	}
	return out
}

func (t traceReport) step(i int) traceStep {
	s := &t.run.Steps[i]
	out := traceStep{Step: stepTitles[i], At: t.address(i), TookMS: float64(s.Took.Microseconds()) / 1000, Why: s.Why, Notes: s.Notes, number: i + 1, of: s}
	switch s.State {
	case flow.Done:
		out.Result = s.Outcome
	case flow.Cached:
		out.Result = "not needed"
	case flow.Failed:
		p := describe(s.Fault)
		out.Result, out.Problem = "failed", &p
	default:
		out.Result = "not run"
	}
	if s.Scopes != nil {
		out.Scopes = &scopes{s.Scopes.Asked, s.Scopes.InIDJAG, s.Scopes.Granted}
	}
	if s.Token != nil && s.Token.Kind == flow.KindIDJAG {
		out.Claims = claimsOf(s.Token)
	}
	for _, check := range s.Checks {
		out.Checks = append(out.Checks, traceCheck{check.Name, verdicts[check.Verdict], fault.Clean(check.Says, 200), check.Section})
	}
	for _, cause := range s.Causes {
		out.Causes = append(out.Causes, traceCause{cause.Code, cause.Sentence, cause.Remedy, cause.Field})
	}
	return out
}

// address is where the step went, or would have gone.
func (t traceReport) address(i int) string {
	if all := t.run.Steps[i].Exchanges; len(all) > 0 {
		address, _, _ := strings.Cut(all[len(all)-1].URL, "?")
		return address
	}
	if t.run.Plan == nil {
		return t.run.Steps[i].Party
	}
	return [...]string{t.run.Plan.Provider.TokenEndpoint, t.run.Plan.Provider.TokenEndpoint,
		t.run.Plan.Server.TokenEndpoint, t.run.Plan.Connection.Resource.URL}[i]
}

// claimsOf are a token's contents, which are no secret once the signature is
// gone, and its header.
func claimsOf(t *flow.Token) map[string]any {
	out := map[string]any{}
	for name, value := range t.Header {
		out["(header) "+name] = value
	}
	for name, value := range t.Claims {
		out[name] = value
	}
	return out
}

func (t traceReport) write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if t.verbose && t.only == 0 {
		for _, x := range t.run.Discovery {
			writeExchange(table, x)
		}
	}
	for _, s := range t.steps() {
		t.writeStep(table, s)
	}
	return table.Flush()
}

func (t traceReport) writeStep(w io.Writer, s traceStep) {
	fmt.Fprintf(w, "%d  %s\t%s\t%s\t%s\n", s.number, s.Step, todo.Line(s.At), took(s), s.Result)
	if s.Why != "" {
		fmt.Fprintf(w, "   %s\n", s.Why)
	}
	writeScopes(w, s.Scopes)
	writeClaims(w, s.Claims)
	if t.verbose {
		for _, token := range append([]*flow.Token{s.of.Token}, s.of.Extra...) {
			writeToken(w, token)
		}
	}
	for _, check := range s.Checks {
		fmt.Fprintf(w, "   %s\t%s\t\t%s\n", check.Verdict, check.Name, strings.TrimSpace(check.Finding+" "+inBrackets(check.Section)))
	}
	for i, cause := range s.Causes {
		fmt.Fprintf(w, "   Cause %d: %s %s\n", i+1, cause.Sentence, cause.Remedy)
	}
	for _, note := range s.Notes {
		fmt.Fprintf(w, "   Note: %s\n", note)
	}
	if t.verbose {
		for _, x := range s.of.Exchanges {
			writeExchange(w, x)
		}
		if s.of.Omitted > 0 {
			fmt.Fprintf(w, "   … and %d more requests\n", s.of.Omitted)
		}
	}
}

func took(s traceStep) string {
	if s.of.State == flow.Cached || s.of.State == flow.NotRun {
		return "-"
	}
	return fmt.Sprintf("%.0f ms", s.TookMS)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

func writeClaims(w io.Writer, claims map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		fmt.Fprintf(w, "   %s\t%s\n", todo.Line(name), claimText(claims[name]))
	}
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
