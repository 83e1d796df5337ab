package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/internal/disk"
	"waybill/session"
	"waybill/todo"
)

func runTrace(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	verbose := c.flags.Bool("verbose", false, "print requests, answers and the contents of every token too, all redacted")
	step := c.flags.Int("step", 0, "print step `N` alone: 1 sign-in, 2 token exchange, 3 JWT bearer grant, 4 call")
	har := c.flags.String("har", "", "write the requests to this new `file` as an HTTP Archive, redacted and without the to-dos")
	force := c.flags.Bool("force", false, "write over a file that is there already")
	if err := c.parseNone(); err != nil {
		return err
	}
	switch {
	case *step < 0 || *step > 4:
		return usageError{"There are the steps 1 to 4.", "trace"}
	case c.opt.json && (*step != 0 || *verbose):
		return usageError{"--json prints everything; leave out --step and --verbose.", "trace"}
	}
	return c.withSession(ctx, func(m *session.Manager) error {
		failed := m.RunAgain(ctx, fault.StepExchange)
		run, earlier := traced(m.Runs())
		if run == nil {
			return failed
		}
		run = flow.Examine(run, earlier)
		err := c.printTrace(traceReport{run, *step, *verbose})
		if *har != "" {
			err = errors.Join(err, c.writeHAR(run, *har, *force))
		}
		return errors.Join(err, failed)
	})
}

func (c *call) printTrace(t traceReport) error {
	if !c.opt.json {
		return t.write(c.env.Stdout)
	}
	var b bytes.Buffer
	if err := flow.WriteJSON(&b, []*flow.Run{t.run}, flow.Export{By: "waybill " + c.env.Version}); err != nil {
		return err
	}
	_, err := c.env.Stdout.Write(escapeHidden(b.Bytes()))
	return err
}

func (c *call) writeHAR(run *flow.Run, path string, force bool) error {
	var b bytes.Buffer
	if err := flow.WriteHAR(&b, []*flow.Run{run}, flow.Export{By: "waybill " + c.env.Version}); err != nil {
		return err
	}
	err := disk.Save(path, b.Bytes(), force)
	if f := fault.As(err); err != nil && f.Code == "file_exists" {
		return f.WithRemedy("Add --force to write over it.")
	}
	if err == nil {
		c.say("The requests are written to %s.", fault.Clean(path, 200))
	}
	return err
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
	*flow.Step
	number int
	title  string
	at     string
	took   string
	result string
	claims []flow.Claim // of an ID-JAG
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
	out := traceStep{Step: s, number: i + 1, title: stepTitles[i], at: t.address(i), took: "-"}
	switch s.State {
	case flow.Done, flow.Running: // what is still running has only a notification to wait for
		out.result = s.Outcome
	case flow.Cached:
		out.result = "not needed"
	case flow.Failed:
		out.result = "failed"
	default:
		out.result = "not run"
	}
	if s.State == flow.Done || s.State == flow.Running || s.State == flow.Failed {
		out.took = fmt.Sprintf("%.0f ms", float64(s.Took.Microseconds())/1000)
	}
	if s.Token != nil && s.Token.Kind == flow.KindIDJAG {
		out.claims = flow.Explain(s.Token, time.Now())
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
	fmt.Fprintf(w, "%d  %s\t%s\t%s\t%s\n", s.number, s.title, todo.Line(s.at), s.took, todo.Line(s.result))
	if s.Why != "" {
		fmt.Fprintf(w, "   %s\n", s.Why)
	}
	writeScopes(w, s.Scopes)
	writeClaims(w, s.claims)
	if t.verbose {
		for _, token := range append([]*flow.Token{s.Token}, s.Extra...) {
			writeToken(w, token)
		}
	}
	for _, check := range s.Checks {
		fmt.Fprintf(w, "   %s\t%s\t\t%s\n", verdicts[check.Verdict], todo.Line(check.Name), strings.TrimSpace(todo.Line(check.Says)+" "+inBrackets(check.Section)))
	}
	for i, cause := range s.Causes {
		fmt.Fprintf(w, "   Cause %d: %s\n", i+1, todo.Line(cause.Sentence+" "+cause.Remedy))
	}
	for _, note := range s.Notes {
		fmt.Fprintf(w, "   Note: %s\n", todo.Line(note))
	}
	if t.verbose {
		for _, x := range s.Exchanges {
			writeExchange(w, x)
		}
		if s.Omitted > 0 {
			fmt.Fprintf(w, "   … and %d more requests\n", s.Omitted)
		}
	}
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// writeClaims prints a token's contents, which are no secret once the signature
// is gone, and what they mean.
func writeClaims(w io.Writer, claims []flow.Claim) {
	for _, c := range claims {
		name := todo.Line(c.Name)
		if c.Header {
			name = "(header) " + name
		}
		fmt.Fprintf(w, "   %s\t%s · %s\n", name, todo.Line(c.Value), c.Meaning)
	}
}

func writeScopes(w io.Writer, s *flow.Scopes) {
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
