package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"waybill/fault"
	"waybill/session"
)

func runDoctor(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	if err := c.parseNone(); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	name := c.target(m)
	// With a session more can be checked, but the lack of one is a finding and
	// not a reason to stop.
	if _, err := c.account(ctx); err != nil && !fault.Is(err, fault.SignInNeeded) {
		if fault.As(err).Code == "unknown_connection" {
			return err // there is nothing to check
		}
		c.report(fault.As(err))
	}
	checks := m.CheckConnection(ctx, name)
	if err := c.printChecks(checks); err != nil {
		return err
	}
	for _, check := range checks {
		if check.Verdict == session.Refuted {
			return fault.New(fault.StepSetup, fault.Failed, "check_failed", fmt.Sprintf("The connection %q has a problem.", fault.Clean(name, 64)))
		}
	}
	return nil
}

func (c *call) printChecks(checks []session.Check) error {
	if c.opt.json {
		return c.printJSON(checks)
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 0, 2, ' ', 0)
	for _, check := range checks {
		fmt.Fprintf(w, "%s\t%s\t%s %s\n", check.Verdict, check.Name, check.Finding, check.Remedy)
	}
	return w.Flush()
}
