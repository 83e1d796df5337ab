package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"waybill/connection"
)

// preset is one preset in the output of connections presets --json. What
// connection lacks of what is required is among ask.
type preset struct {
	ID         string                `json:"id"`
	Title      string                `json:"title"`
	Needs      string                `json:"needs"`
	Register   string                `json:"register,omitempty"`
	Ask        []asked               `json:"ask,omitempty"`
	Connection connection.Connection `json:"connection"`
}

// asked is a field that a preset leaves to the user.
type asked struct {
	Field    connection.Field `json:"field"`
	Label    string           `json:"label"`
	Hint     string           `json:"hint"`
	Secret   bool             `json:"secret,omitempty"`
	Optional bool             `json:"optional,omitempty"`
}

func listPresets(_ context.Context, c *call) error {
	if err := c.parseNone(); err != nil {
		return err
	}
	var out []preset
	for _, p := range connection.Presets() {
		one := preset{ID: p.ID, Title: p.Title, Needs: p.Needs, Register: p.Register, Connection: p.Connection}
		for _, f := range p.Ask {
			one.Ask = append(one.Ask, asked{f, f.Label(), f.Hint(), f.IsSecret(), slices.Contains(p.Empty, f)})
		}
		out = append(out, one)
	}
	if c.opt.json {
		return c.printJSON(out)
	}
	for _, p := range out {
		if err := c.printPreset(p); err != nil {
			return err
		}
	}
	return nil
}

// redirectToRegister says what to register where the port is another one each
// time (RFC 8252 section 7.3).
func redirectToRegister(uri string) string {
	if with, ok := strings.CutSuffix(uri, ":0/callback"); ok {
		return with + "/callback, on any port; if the provider wants one, choose it and set redirect_uri"
	}
	return uri
}

func (c *call) printPreset(p preset) error {
	lines := []string{p.ID + ": " + p.Title, "    " + p.Needs}
	if p.Register != "" {
		lines = append(lines, "    "+p.Register)
	}
	if len(p.Ask) > 0 {
		lines = append(lines, "    Redirect URI: "+redirectToRegister(p.Connection.RedirectURI))
	}
	for _, f := range p.Ask {
		kind := ""
		switch {
		case f.Field == connection.FieldIdPKey || f.Field == connection.FieldKey:
			kind = " (made here)"
		case f.Secret && f.Optional:
			kind = " (asked for, may be empty)"
		case f.Secret:
			kind = " (asked for)"
		case f.Optional:
			kind = " (may be empty)"
		}
		lines = append(lines, fmt.Sprintf("    %s%s: %s", f.Field, kind, f.Label))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(c.env.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}
