package cli

import (
	"context"
	"fmt"
	"strings"

	"waybill/fault"
)

func runConnections(ctx context.Context, c *call) error {
	sub := "list"
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
		sub, c.args = c.args[0], c.args[1:]
	}
	runs := map[string]func(context.Context, *call) error{
		"list": listConnections, "show": showConnection, "add": addConnection, "remove": removeConnection, "presets": listPresets,
		"export": exportConnection, "key": connectionKey, "discover": discoverConnection, "approve": approveConnection,
	}
	run, ok := runs[sub]
	c.newFlags(jsonFlag)
	if !ok {
		return usageError{fmt.Sprintf("connections has no %q.", fault.Clean(sub, 40)), "connections"}
	}
	return run(ctx, c)
}

// listed is one connection in the output of connections list --json, or a file
// that an administrator placed and that is not used; docs/connections.schema.json
// describes it.
type listed struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Kind     string `json:"kind"`
	BuiltIn  bool   `json:"built_in"`
	SignedIn bool   `json:"signed_in"`
	Email    string `json:"email,omitempty"`
	Current  bool   `json:"current"`
	ReadOnly bool   `json:"read_only,omitempty"` // placed by an administrator
	File     string `json:"file,omitempty"`      // by which it was placed

	// Error says why the file is not used; nothing else but File and ReadOnly is
	// set then.
	Error *problem `json:"error,omitempty"`
}

func listConnections(ctx context.Context, c *call) error {
	if err := c.parseNone(); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	st := m.State()
	out := []listed{}
	for _, i := range st.Connections {
		out = append(out, listed{
			i.Connection.Name, fault.Clean(i.Connection.DisplayTitle(), 80), string(i.Connection.Resource.Kind),
			i.BuiltIn, i.SignedIn, fault.Clean(i.Email, 120), i.Connection.Name == st.Current, i.Placed != "", i.Placed, nil,
		})
	}
	for _, p := range st.Unusable {
		if c.opt.json {
			why := describe(p.Fault)
			out = append(out, listed{File: p.Path, ReadOnly: true, Error: &why})
			continue
		}
		c.say("The connection in %s is not used: %s%s", fault.Clean(p.Path, 200), p.Fault.Error(), inField(p.Fault))
	}
	if c.opt.json {
		return c.printJSON(out)
	}
	var rows [][]string
	for _, l := range out {
		who := "signed out"
		if l.SignedIn {
			who = "signed in as " + l.Email
		}
		if l.ReadOnly {
			who += ", placed by your administrator"
		}
		rows = append(rows, []string{l.Name, string(l.Kind), l.Title, who})
	}
	return writeTable(c.env.Stdout, rows)
}

func showConnection(ctx context.Context, c *call) error {
	name, err := c.oneWord("Name one connection.")
	if err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return err
	}
	return c.printJSON(configured.Connection)
}

func removeConnection(ctx context.Context, c *call) error {
	name, err := c.oneWord("Name one connection.")
	if err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := m.RemoveConnection(ctx, name); err != nil {
		return err
	}
	c.say("The connection %q is removed.", name)
	return nil
}

// oneWord reads the flags and the one argument that the command takes.
func (c *call) oneWord(otherwise string) (string, error) {
	words, err := c.parse()
	if err == nil && len(words) != 1 {
		err = usageError{otherwise, c.command.name}
	}
	if err != nil {
		return "", err
	}
	return words[0], nil
}
