package connection_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
)

// typed is what a user enters into each field that a preset asks for.
var typed = map[connection.Field]string{
	connection.FieldName: "mine", connection.FieldIssuer: "https://dev-1.okta.com", connection.FieldIdPClientID: "client_1",
	connection.FieldKind: "rest", connection.FieldURL: "https://api.example", connection.FieldIdentifier: "https://api.example/",
	connection.FieldServer: "https://tenant.example/", connection.FieldAudience: "conn 7", connection.FieldClientID: "client_1-at-todo0",
	connection.FieldScopes: "todos.read todos.write", connection.FieldRedirectURI: "http://127.0.0.1:8765/callback",
}

func fill(t *testing.T, p connection.Preset, leave connection.Field) connection.Connection {
	t.Helper()
	c := p.Connection
	for _, f := range p.Ask {
		if f == leave || f.IsSecret() {
			continue
		}
		value, ok := typed[f]
		if !ok {
			t.Fatalf("%s asks for %s, which nobody knows", p.ID, f)
		}
		var err error
		if c, err = c.With(f, value); err != nil {
			t.Fatal(err)
		}
		if c.Get(f) != value {
			t.Errorf("%s: %s is kept as %q", p.ID, f, c.Get(f))
		}
	}
	return c
}

func TestAPresetNeedsWhatItAsksForAndNothingElse(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range connection.Presets() {
		if p.Title == "" || p.Needs == "" || seen[p.ID] || seen["name "+p.Connection.Name] {
			t.Errorf("%s: no title, no needs, or not the only one of its id or name", p.ID)
		}
		seen[p.ID], seen["name "+p.Connection.Name] = true, true
		if p.BuiltIn {
			if len(p.Ask) > 0 || !connection.IsBuiltIn(p.Connection.Name) {
				t.Errorf("%s: %+v", p.ID, p)
			}
			continue
		}
		if err := fill(t, p, "").Validate(); err != nil {
			t.Errorf("%s, filled in: %v", p.ID, err)
		}
		for _, f := range p.Ask {
			if f.Label() == string(f) || f.Hint() == "" {
				t.Errorf("%s: %s has no label or no hint", p.ID, f)
			}
			needed := !slices.Contains(p.Empty, f)
			if f.IsSecret() || p.Connection.Get(f) != "" || f == connection.FieldAudience || f == connection.FieldServer || f == connection.FieldIdentifier {
				continue // not required by every connection, but by this one
			}
			if err := fill(t, p, f).Validate(); (err != nil) != needed {
				t.Errorf("%s without %s: %v", p.ID, f, err)
			}
		}
	}
	for _, id := range []string{"playground", "playground-mcp", "xaa-dev", "xaa-dev-mcp", "okta-to-xaa-dev", "okta-ai-agent", "okta-to-auth0", "pingfederate", "mcp", "by-hand"} {
		if !seen[id] || len(connection.PresetsNamed(id)) != 1 {
			t.Errorf("there is no preset %s", id)
		}
	}
}

func TestXAADevLeavesNothingButTheTwoPairs(t *testing.T) {
	for _, p := range connection.PresetsNamed("xaa-dev", "xaa-dev-mcp") {
		if len(p.Ask) != 4 || len(p.Empty) != 0 {
			t.Errorf("%s asks for %v", p.ID, p.Ask)
		}
		if p.Connection.IdP.AuthMethod != connection.ClientSecretPost || p.Connection.Resource.AuthMethod != connection.ClientSecretPost {
			t.Errorf("%s does not fix client_secret_post", p.ID)
		}
	}
}

func TestWithChangesACopy(t *testing.T) {
	before := connection.PresetsNamed("xaa-dev-mcp")[0].Connection
	after, err := before.With(connection.FieldScopes, " a  b ")
	if err != nil || after.Get(connection.FieldScopes) != "a b" || before.Get(connection.FieldScopes) != "todos.read mcp.access" {
		t.Errorf("%v %q %q", err, after.Resource.Scopes, before.Resource.Scopes)
	}
	for _, f := range connection.Fields() {
		changed, err := before.With(f, "x")
		if f.IsSecret() {
			if !fault.Is(err, fault.Config) || before.Get(f) != "" {
				t.Errorf("a secret goes into a connection: %s %v", f, err)
			}
			continue
		}
		if err != nil || changed.Get(f) != "x" || strings.Contains(before.Get(f), "x") && before.Get(f) == "x" {
			t.Errorf("%s: %v, %q", f, err, changed.Get(f))
		}
	}
	if _, err := before.With("idp.isuer", "x"); !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "idp.isuer") {
		t.Errorf("a misspelt field: %v", err)
	}
}

func TestAnAudienceIsKeptByteForByteOrRefused(t *testing.T) {
	c := fill(t, connection.PresetsNamed("pingfederate")[0], "")
	for audience, ok := range map[string]bool{
		"conn 7/β": true, "https://as.example/": true, "": true,
		" conn": false, "conn\n": false, "co\u202enn": false, strings.Repeat("x", 2000): false,
	} {
		c.Resource.Audience = audience
		if err := c.Validate(); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "resource.audience") {
			t.Errorf("%q: %v", audience, err)
		}
	}
}
