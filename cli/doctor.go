package cli

import (
	"context"
	"fmt"

	"waybill/fault"
	"waybill/session"
)

// runDoctor checks a connection. With --json it prints an array with one object
// for each check, in the order in which they were made:
//
//	check        what was looked at: "settings", "redirect port", "connection to HOST",
//	             "identity provider", "authorization server", "client at the resource" …
//	verdict      "passed", "warning", "failed" or "could not tell"
//	finding      what was found, in plain words
//	remedy       what to do, "" if there is nothing
//	step         the step of Cross App Access at which it would show
//	field        the field of the connection file that has most to do with it
//	code         the code of the failure, as in every --json error
//	server_said  the server's own words
//
// New checks and codes may be added; the members and verdicts stay. The exit
// status is 1 if a check failed, 4 if no server could be reached.
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
	checks := m.CheckConnection(ctx, name, c.sayCheck)
	if ctx.Err() != nil {
		return ctx.Err() // what was cut off says nothing about the connection
	}
	if c.opt.json {
		if err := c.printJSON(checks); err != nil {
			return err
		}
	}
	return verdictOf(name, checks)
}

// sayCheck prints a check as it comes.
func (c *call) sayCheck(check session.Check) {
	if c.opt.json {
		return
	}
	out := fmt.Sprintf("%-14s  %s: %s", check.Verdict, check.Name, check.Finding)
	if check.Remedy != "" {
		out += " " + check.Remedy
	}
	if check.Field != "" && check.Verdict != session.Passed {
		out += fmt.Sprintf(" [%s, %s]", check.Step, check.Field)
	}
	_, _ = fmt.Fprintln(c.env.Stdout, out)
	if check.Server != "" {
		_, _ = fmt.Fprintf(c.env.Stdout, "%-14s  The server's words: %s\n", "", check.Server)
	}
}

func verdictOf(name string, checks []session.Check) error {
	for _, check := range checks {
		switch {
		case check.Verdict == session.Refuted:
			return fault.New(fault.StepSetup, fault.Failed, "check_failed", fmt.Sprintf("The connection %q has a problem.", fault.Clean(name, 64)))
		case check.Name == "network" && check.Verdict == session.CannotTell:
			return fault.New(fault.StepDiscovery, fault.Offline, "offline", "The connection could not be checked.")
		}
	}
	return nil
}
