package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

func runConnections(ctx context.Context, c *call) error {
	sub := "list"
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
		sub, c.args = c.args[0], c.args[1:]
	}
	runs := map[string]func(context.Context, *call) error{
		"list": listConnections, "show": showConnection, "add": addConnection, "remove": removeConnection, "presets": listPresets,
		"discover": discoverConnection, "approve": approveConnection,
	}
	run, ok := runs[sub]
	c.newFlags(jsonFlag)
	if !ok {
		return usageError{fmt.Sprintf("connections has no %q.", fault.Clean(sub, 40)), "connections"}
	}
	return run(ctx, c)
}

// listed is one connection in the output of connections list --json.
type listed struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Kind     string `json:"kind"`
	BuiltIn  bool   `json:"built_in"`
	SignedIn bool   `json:"signed_in"`
	Email    string `json:"email,omitempty"`
	Current  bool   `json:"current"`
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
			i.BuiltIn, i.SignedIn, fault.Clean(i.Email, 120), i.Connection.Name == st.Current,
		})
	}
	if c.opt.json {
		return c.printJSON(out)
	}
	w := tabwriter.NewWriter(c.env.Stdout, 0, 0, 2, ' ', 0)
	for _, l := range out {
		who := "signed out"
		if l.SignedIn {
			who = "signed in as " + l.Email
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Name, l.Kind, l.Title, who)
	}
	return w.Flush()
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

func addConnection(ctx context.Context, c *call) error {
	path, err := c.oneWord("Name the connection's file, or - for standard input.")
	if err != nil {
		return err
	}
	conn, cred, err := c.readConnection(path)
	if err != nil {
		return err
	}
	if cred, err = c.askSecrets(conn, cred); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := m.AddConnection(ctx, conn, cred); err != nil {
		return err
	}
	if m.State().VaultMode == auth.VaultMemory && (cred != connection.Credentials{}) {
		c.say("Its secrets could not be kept: give the file again, with --connection-file, wherever the connection is used.")
		return nil
	}
	c.say("The connection %q is added. Sign in with: waybill sign-in --connection %s", conn.Name, conn.Name)
	return nil
}

// askSecrets asks for the secrets that the file left out, where there is a
// terminal to ask at. An empty answer means that the client is public.
func (c *call) askSecrets(conn connection.Connection, cred connection.Credentials) (connection.Credentials, error) {
	if c.env.ReadSecret == nil {
		return cred, nil
	}
	for _, ask := range []struct {
		prompt  string
		method  connection.AuthMethod
		have    bool
		missing *secret.Text
	}{
		{"Client secret at the identity provider (" + conn.IdP.ClientID + "): ", conn.IdP.AuthMethod, !cred.IdPKey.Empty(), &cred.IdP},
		{"Client secret at the resource (" + conn.Resource.ClientID + "): ", conn.Resource.AuthMethod, !cred.ResourceKey.Empty(), &cred.Resource},
	} {
		if ask.have || !ask.missing.Empty() || ask.method == connection.AuthNone || ask.method == connection.PrivateKeyJWT {
			continue
		}
		answer, err := c.env.ReadSecret(fault.Clean(ask.prompt, 200) + " ")
		if err != nil {
			return cred, fault.New(fault.StepInteraction, fault.Canceled, "no_answer", "The secret was not entered.").Because(err)
		}
		trimmed := strings.TrimSpace(answer)
		if trimmed != answer {
			c.say("Blanks around the secret were removed.")
		}
		*ask.missing = secret.New(trimmed)
	}
	return cred, nil
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
