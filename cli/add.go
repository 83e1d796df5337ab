package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/session"
)

// adding is a connection on its way to be kept.
type adding struct {
	connection.File
	settings []setting
	preset   string
	yes      bool
}

// addConnection keeps a connection: from a file, from the address of its
// resource, or from a preset. What it will contact and what it will send there
// is shown before it is accepted.
func addConnection(ctx context.Context, c *call) error {
	var a adding
	c.setFlag(&a.settings)
	c.flags.StringVar(&a.preset, "preset", "", "begin with a preset, by its `id`; see connections presets")
	c.flags.BoolVar(&a.yes, "yes", false, "do not ask; for scripts")
	words, err := c.parse()
	if err != nil {
		return err
	}
	if len(words)+count(a.preset != "") != 1 {
		return usageError{"Name the connection's file, - for standard input, the address of its resource, or a --preset.", c.command.name}
	}
	if err := c.gather(ctx, &a, strings.Join(words, "")); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := c.accept(m, a); err != nil {
		return err
	}
	if err := m.AddConnection(ctx, a.Connection, a.Credentials); err != nil {
		return err
	}
	name := a.Connection.Name
	if m.State().VaultMode == auth.VaultMemory && (a.Credentials != connection.Credentials{}) {
		c.say("Its secrets could not be kept: give the file again, with --connection-file, wherever the connection is used.")
		return nil
	}
	for at, side := range map[session.Side]connection.AuthMethod{session.AtIdP: a.Connection.IdP.AuthMethod, session.AtResource: a.Connection.Resource.AuthMethod} {
		if side == connection.PrivateKeyJWT {
			c.say("Make its key, and register that, with: waybill connections key %s --at %s", name, at)
		}
	}
	c.say("The connection %q is added. Sign in with: waybill sign-in --connection %s", name, name)
	return nil
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// gather fills a from whatever source was named, from --set, and by asking for
// what is missing.
func (c *call) gather(ctx context.Context, a *adding, source string) (err error) {
	a.Origins = map[connection.Field]string{}
	missing := requiredFields
	switch {
	case a.preset != "":
		if missing, err = c.fromPreset(ctx, a); err != nil {
			return err
		}
	case strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://"):
		if err := c.fromAddress(ctx, a, connection.Connection{}, source); err != nil {
			return err
		}
	default:
		if a.File, err = c.readConnectionFile(ctx, source); err != nil {
			return err
		}
		if err := c.applySettings(a); err != nil {
			return err
		}
	}
	if err := c.askMissing(a, missing); err != nil {
		return err
	}
	if err := a.Connection.Validate(); err != nil {
		return err
	}
	a.Credentials, err = c.askSecrets(a.Connection, a.Credentials)
	return err
}

// requiredFields are those that no connection can do without.
var requiredFields = []connection.Field{connection.FieldURL, connection.FieldIssuer, connection.FieldIdPClientID, connection.FieldClientID}

// fromPreset begins with a preset and returns the fields that it asks for.
func (c *call) fromPreset(ctx context.Context, a *adding) ([]connection.Field, error) {
	found := connection.PresetsNamed(a.preset)
	if len(found) == 0 || found[0].BuiltIn {
		return nil, usageError{fmt.Sprintf("There is no preset %q to add; see 'waybill connections presets'.", fault.Clean(a.preset, 40)), "connections"}
	}
	p := found[0]
	if a.Connection = p.Connection; !p.ByAddress {
		if err := c.applySettings(a); err != nil {
			return nil, err
		}
		return slices.DeleteFunc(slices.Clone(p.Ask), func(f connection.Field) bool { return slices.Contains(p.Empty, f) }), nil
	}
	if err := c.applySettings(a); err != nil {
		return nil, err
	}
	if err := c.askMissing(a, []connection.Field{connection.FieldURL}); err != nil {
		return nil, err
	}
	given := a.Connection
	given.Name, given.Title = "", "" // named after its host
	return p.Ask, c.fromAddress(ctx, a, given, given.Resource.URL)
}

// fromAddress proposes a connection by discovery.
func (c *call) fromAddress(ctx context.Context, a *adding, given connection.Connection, address string) error {
	a.Connection = given
	if err := c.applySettings(a); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := c.askMissing(a, []connection.Field{connection.FieldIssuer}); err != nil {
		return err
	}
	found, err := c.discover(ctx, m, auth.Query{Address: address, Given: a.Connection})
	if err != nil {
		return err
	}
	a.Connection = found.Connection
	for _, note := range found.Notes {
		c.say("Note: %s", note)
	}
	return nil
}

// applySettings applies --set; a secret is set by a reference to the
// environment.
func (c *call) applySettings(a *adding) (err error) {
	for _, s := range a.settings {
		if !s.field.IsSecret() {
			if a.Connection, err = a.Connection.With(s.field, s.value); err != nil {
				return err
			}
			continue
		}
		value, name, err := connection.Reference(s.field, s.value, c.env.LookupEnv)
		if err != nil {
			return err
		}
		*secretField(&a.Credentials, s.field) = value
		a.Origins[s.field] = "the environment variable " + name
	}
	return nil
}

func secretField(cred *connection.Credentials, f connection.Field) *secret.Text {
	switch f {
	case connection.FieldIdPSecret:
		return &cred.IdP
	case connection.FieldSecret:
		return &cred.Resource
	case connection.FieldIdPKey:
		return &cred.IdPKey
	default:
		return &cred.ResourceKey
	}
}

// askMissing asks for the fields that are empty, where there is a terminal.
func (c *call) askMissing(a *adding, fields []connection.Field) error {
	for _, f := range fields {
		if f.IsSecret() || a.Connection.Get(f) != "" {
			continue
		}
		if c.env.Ask == nil {
			return usageError{fmt.Sprintf("%s is missing: add --set %s=…", f.Label(), f), ""}
		}
		if err := c.askField(a, f); err != nil {
			return err
		}
	}
	return nil
}

// maxAsked bounds how often one field is asked for.
const maxAsked = 3

// askField asks for a field that is required. After an answer that will not do
// it asks again, so that what was answered before is not lost.
func (c *call) askField(a *adding, f connection.Field) error {
	for asked := 1; ; asked++ {
		answer, err := c.env.Ask(fmt.Sprintf("%s (%s): ", f.Label(), strings.TrimSuffix(f.Hint(), ".")))
		if err != nil {
			return notEntered(err)
		}
		word := strings.TrimSpace(answer)
		filled, err := a.Connection.With(f, word)
		switch {
		case word == "":
			err = fault.New(fault.StepSetup, fault.Config, "missing", f.Label()+" cannot be empty.").About(string(f))
		case err == nil && word != answer:
			c.say("Blanks around it were removed.")
		}
		if err == nil {
			a.Connection = filled
			return nil
		}
		if asked == maxAsked {
			return err
		}
		c.say("%s", fault.As(err).Error())
	}
}

// askSecrets asks for the secrets that are missing, where there is a terminal
// to ask at. An empty answer means that the client is public.
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

// exportConnection prints a connection as a file that connections add takes,
// without secrets and without what this user has approved: that is for each to
// look at.
func exportConnection(ctx context.Context, c *call) error {
	name, err := c.oneWord("Name one connection.")
	if err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	exported, err := m.ExportConnection(ctx, name)
	if err != nil {
		return err
	}
	return c.printJSON(exported)
}
