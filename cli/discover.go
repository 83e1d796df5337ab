package cli

import (
	"context"
	"fmt"
	"strings"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// setFlag collects the values of --set, in order.
type setFlag struct{ values *[]setting }

type setting struct {
	field connection.Field
	value string
}

func (f setFlag) String() string { return "" }

// Set reads one FIELD=VALUE.
func (f setFlag) Set(text string) error {
	field, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("it is not FIELD=VALUE")
	}
	*f.values = append(*f.values, setting{connection.Field(field), value})
	return nil
}

// with sets fields of c by hand.
func with(c connection.Connection, settings []setting) (connection.Connection, error) {
	var err error
	for _, s := range settings {
		if c, err = c.With(s.field, s.value); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *call) setFlag(settings *[]setting) {
	c.flags.Var(setFlag{settings}, "set", "set a `FIELD=VALUE` by hand, such as idp.client_id=…; may be given more than once; never a secret")
}

// discoverConnection shows what can be found from the address of a resource or
// of an identity provider, or from both. With --json it prints an auth.Found:
// the proposed "connection", the "sources" of its fields, the "places" that were
// asked, what is "missing", and "notes". What is proposed can be saved as a file
// and given to connections add.
func discoverConnection(ctx context.Context, c *call) error {
	var settings []setting
	c.setFlag(&settings)
	words, err := c.parse()
	if err != nil {
		return err
	}
	if len(words) < 1 || len(words) > 2 {
		return usageError{"Give the address of a resource or of an identity provider, or of both in this order.", c.command.name}
	}
	q := auth.Query{Address: words[0]}
	if len(words) == 2 {
		q.Issuer = words[1]
	}
	if q.Given, err = with(q.Given, settings); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	found, err := c.discover(ctx, m, q)
	if err != nil {
		return err
	}
	if c.opt.json {
		return c.printJSON(found)
	}
	return c.printFound(found)
}

// discover says on standard error what came of each address.
func (c *call) discover(ctx context.Context, m *session.Manager, q auth.Query) (*auth.Found, error) {
	return m.Discover(ctx, q, func(p auth.Place) {
		if c.opt.json {
			return
		}
		taken := "not taken"
		if p.Taken {
			taken = "taken"
		}
		answer := "no answer"
		if p.Status != 0 {
			answer = fmt.Sprintf("HTTP %d", p.Status)
		}
		c.say("%s\n    %s, %s, %s: %s", fault.Clean(p.Address, 200), p.For, answer, taken, p.Says)
	})
}

func (c *call) printFound(found *auth.Found) error {
	var rows [][]string
	for _, s := range found.Sources {
		rows = append(rows, []string{string(s.Field), fault.Clean(s.Value, 200), string(s.From)})
	}
	for _, f := range found.Missing {
		rows = append(rows, []string{string(f), "", "missing: " + f.Hint()})
	}
	if err := writeTable(c.env.Stdout, rows); err != nil {
		return err
	}
	for _, server := range found.Servers {
		c.say("Authorization server to choose: --set %s=%s", connection.FieldServer, fault.Clean(server, 200))
	}
	for _, note := range found.Notes {
		c.say("Note: %s", note)
	}
	return nil
}

// approveConnection shows what the servers of a connection say otherwise than
// was approved, and approves it.
func approveConnection(ctx context.Context, c *call) error {
	yes := c.yesFlag()
	name, err := c.oneWord("Name one connection.")
	if err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	changes, err := m.Changes(ctx, name)
	if err != nil {
		return err
	}
	if c.opt.json {
		if err := c.printJSON(append([]auth.Change{}, changes...)); err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		c.say("Everything is as it was approved.")
		return nil
	}
	for _, change := range changes {
		c.say("%s", upper(change.String())+".")
	}
	if err := c.confirm(*yes, "Approve this?"); err != nil {
		return err
	}
	return m.Approve(ctx, name, changes)
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (c *call) yesFlag() *bool {
	return c.flags.Bool("yes", false, "do not ask")
}

// confirm asks a question that --yes answers beforehand. Where nobody can be
// asked it is wrong usage to leave --yes out: nothing is agreed to silently.
func (c *call) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if c.env.Ask == nil {
		return nobodyToAsk("--yes")
	}
	answer, err := c.env.Ask(question + " [y/N] ")
	if err != nil {
		return notEntered(err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return fault.New(fault.StepInteraction, fault.Canceled, "declined", "Nothing was changed.")
	}
	return nil
}

func nobodyToAsk(flag string) error {
	return usageError{"There is no terminal to ask at. Look at what is said above, and add " + flag + " if it is right.", ""}
}

func notEntered(err error) error {
	return fault.New(fault.StepInteraction, fault.Canceled, "no_answer", "The question was not answered.").Because(err)
}
