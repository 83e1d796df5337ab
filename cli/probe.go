package cli

import (
	"context"
	"fmt"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/session"
)

// probeWait is how long is waited at a stretch unless --wait says otherwise: not
// for an ID-JAG to expire, but for a pause that a server asks for.
const probeWait = 30 * time.Second

// probing are the options of probe.
type probing struct {
	order    flow.ProbeOrder
	yes      *bool
	markdown *bool
}

// runProbe sends requests that the other side has to refuse. With --json it prints
// the scorecard, whose members are in docs/FLOW.md. The exit status is 1 if one of
// them was accepted.
func runProbe(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	p := probing{yes: c.yesFlag()}
	p.markdown = c.flags.Bool("markdown", false, "print the scorecard as Markdown, for whoever runs the other side")
	c.flags.DurationVar(&p.order.Patience, "wait", probeWait, "how long may be waited at a stretch, such as `10m`; an ID-JAG has to expire for the probe \"expired\"")
	words, err := c.parse()
	if err != nil {
		return err
	}
	if len(words) == 1 && words[0] == "list" {
		return c.listProbes()
	}
	p.order.IDs = words
	if _, err := flow.ChooseProbes(connection.Connection{}, words); err != nil {
		return usageError{fault.As(err).Message + " See waybill probe list.", ""}
	}
	if c.opt.json && *p.markdown {
		return usageError{"Choose one of --json and --markdown.", "probe"}
	}
	return c.withSession(ctx, func(m *session.Manager) error { return c.probe(ctx, m, p) })
}

func (c *call) probe(ctx context.Context, m *session.Manager, p probing) error {
	probes, err := flow.ChooseProbes(m.State().Account.Connection, p.order.IDs)
	if err != nil {
		return err
	}
	if !*p.yes {
		c.sayCauses(m.State().Current, probes)
		if err := c.confirm(false, "Send them?"); err != nil {
			return err
		}
	}
	card, err := m.Probe(ctx, p.order, c.sayProbe(*p.markdown))
	if card == nil {
		return err
	}
	if printing := c.printScorecard(card, *p.markdown); err == nil {
		err = printing
	}
	if _, accepted, _ := card.Count(); err == nil && accepted > 0 {
		err = fault.New("", fault.Failed, "probe_accepted", fmt.Sprintf("%d of %d probes were accepted by the other side.", accepted, len(probes))).
			WithRemedy("Send the scorecard to whoever runs it: waybill probe --markdown.")
	}
	return err
}

// sayCauses says what the probes are and what they cause, those together that cause
// the same.
func (c *call) sayCauses(name string, probes []auth.Probe) {
	c.say("These %d requests are meant to be refused. They go to the two token endpoints of the connection %q and nowhere else, one after another, "+
		"after one usual exchange and grant. What each sends: waybill probe list.", len(probes), name)
	for i, probe := range probes {
		c.say("  %-24s  %s", probe.ID, probe.Title)
		if i+1 == len(probes) || probes[i+1].Causes != probe.Causes {
			c.say("      Causes: %s", probe.Causes)
		}
	}
}

// sayProbe tells of each probe as it comes; for a program only that one waits.
func (c *call) sayProbe(markdown bool) func(flow.ProbeResult) {
	return func(r flow.ProbeResult) {
		switch {
		case r.State == flow.Running && !r.Until.IsZero():
			c.say("%s: waiting until %s; Ctrl-C ends it.", r.Probe.Title, r.Until.Local().Format("15:04:05"))
		case r.State == flow.Done && !c.opt.json && !markdown:
			_, _ = fmt.Fprintf(c.env.Stdout, "%-14s  %-24s  %s: %s\n", r.Outcome.Verdict, r.Probe.ID, r.Probe.Title, r.Outcome.Says)
			if r.Outcome.Server != "" {
				_, _ = fmt.Fprintf(c.env.Stdout, "%-14s  %-24s  The server's words: %s\n", "", "", r.Outcome.Server)
			}
		}
	}
}

func (c *call) printScorecard(card *flow.Scorecard, markdown bool) error {
	var err error
	switch {
	case c.opt.json:
		return c.printJSON(card)
	case markdown:
		_, err = fmt.Fprint(c.env.Stdout, card.Markdown())
	default:
		refused, accepted, unknown := card.Count()
		_, err = fmt.Fprintf(c.env.Stdout, "\n%d refused, %d accepted, %d could not tell\n", refused, accepted, unknown)
	}
	if err != nil {
		return fault.New(fault.StepSetup, fault.Failed, "output", "The result could not be written.").Because(err)
	}
	return nil
}

// listedProbe is one probe in the output of probe list --json.
type listedProbe struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	At      fault.Step `json:"at"`
	Sends   string     `json:"sends"`
	Causes  string     `json:"causes"`
	Demands string     `json:"demands"`
	Section string     `json:"section"`
	Waits   bool       `json:"waits"`
	DPoP    bool       `json:"dpop"`
}

func (c *call) listProbes() error {
	out := []listedProbe{}
	for _, p := range auth.Probes() {
		out = append(out, listedProbe{p.ID, p.Title, p.At, p.Sends, p.Causes, p.Demands, p.Section, p.Waits, p.DPoP})
	}
	if c.opt.json {
		return c.printJSON(out)
	}
	for _, p := range out {
		at := "identity provider"
		if p.At != fault.StepExchange {
			at = "authorization server"
		}
		_, _ = fmt.Fprintf(c.env.Stdout, "%s: %s (%s)\n  Sends: %s\n  Causes: %s\n  Has to happen: %s [%s]\n", p.ID, p.Title, at, p.Sends, p.Causes, p.Demands, p.Section)
	}
	return nil
}
