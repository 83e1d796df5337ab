package connection_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/secret"
)

// S106: whatever field of a file names a server, it is shown.
func TestS106_EveryServerThatIsNamedIsAmongTheContacts(t *testing.T) {
	c := connection.PresetsNamed("xaa-dev")[0].Connection
	c.IdP.ClientID, c.Resource.ClientID = "a", "b"
	for _, f := range []connection.Field{connection.FieldIssuer, connection.FieldAuthorization, connection.FieldIdPToken, connection.FieldJWKS, connection.FieldEndSession,
		connection.FieldURL, connection.FieldServer, connection.FieldToken} {
		evil, err := c.With(f, "https://evil.example:8443/x")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(evil.Contacts(nil), func(c connection.Contact) bool { return c.Host == "evil.example:8443" && len(c.Sends) > 0 }) {
			t.Errorf("%s: %v", f, evil.Contacts(nil))
		}
	}
	c.Approved = &connection.Approved{TokenEndpoint: "https://found.example/token"}
	if !slices.ContainsFunc(c.Contacts(nil), func(c connection.Contact) bool { return c.Host == "found.example" }) {
		t.Errorf("what was found: %v", c.Contacts(nil))
	}
	c.Approved, c.Resource.AuthorizationServer = nil, ""
	if !slices.ContainsFunc(c.Contacts(nil), func(c connection.Contact) bool {
		return strings.Contains(c.Named, "https://api.resource.xaa.dev names")
	}) {
		t.Errorf("a server that is not known yet: %v", c.Contacts(nil))
	}
}

func TestWhereASecretComesFromIsSaid(t *testing.T) {
	f, err := connection.ParseFile([]byte(full), environment("IDP_SECRET", "one", "RESOURCE_SECRET", "two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Connection.Contacts(f.Origins) {
		said := strings.Join(c.Sends, " ")
		if c.Host == "idp.example" && !strings.Contains(said, "the environment variable IDP_SECRET") || c.Host == "auth.example" && !strings.Contains(said, "the environment variable RESOURCE_SECRET") {
			t.Errorf("%s: %s", c.Host, said)
		}
		if strings.Contains(said, "one ") || strings.Contains(said, "two ") {
			t.Errorf("a secret is shown: %s", said)
		}
	}
}

func TestWarnings(t *testing.T) {
	c := connection.PresetsNamed("xaa-dev")[0].Connection
	c.IdP.ClientID, c.Resource.ClientID = "a", "a-at-todo0"
	two := connection.Credentials{IdP: secret.New("x"), Resource: secret.New("y")}
	if w := c.Warnings(two); len(w) > 0 {
		t.Errorf("nothing is wrong: %v", w)
	}
	if w := c.Warnings(connection.Credentials{IdP: secret.New("x"), Resource: secret.New("x")}); len(w) != 1 || w[0].Field != connection.FieldSecret {
		t.Errorf("equal secrets: %v", w)
	}
	c.Resource.AuthMethod = connection.AuthNone
	if w := c.Warnings(two); len(w) != 1 || !strings.Contains(w[0].Says, "draft") {
		t.Errorf("a public client: %v", w)
	}
}

func TestAnAssertionsFormIsChecked(t *testing.T) {
	c := connection.PresetsNamed("xaa-dev")[0].Connection
	c.IdP.ClientID, c.Resource.ClientID = "a", "b"
	for _, bad := range []connection.Assertion{{Audience: "somebody"}, {Lifetime: 29}, {Lifetime: 3601}, {Lifetime: -1}} {
		c.Resource.Assertion = bad
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "resource.assertion") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A file that takes the place of a connection can change more than text.
func TestWhatIsNoTextIsADifferenceToo(t *testing.T) {
	was := connection.Connection{Name: "a", DPoP: true, Resource: connection.Resource{
		Todos: &connection.Todos{Path: "/tasks", Title: "name", Create: "POST"}}}
	now := was
	now.DPoP, now.IdP.Assertion.Lifetime = false, 60
	now.Resource.Todos = &connection.Todos{Path: "/items", Title: "name", At: "items"}
	want := []connection.Difference{
		{Field: connection.FieldDPoP, Was: "true", Now: "false"},
		{Field: "idp.assertion.lifetime", Was: "", Now: "60"},
		{Field: "resource.todos.at", Was: "", Now: `"items"`},
		{Field: "resource.todos.create", Was: `"POST"`, Now: ""},
		{Field: "resource.todos.path", Was: `"/tasks"`, Now: `"/items"`},
	}
	if got := connection.Differences(was, now); !slices.Equal(got, want) {
		t.Errorf("the differences are %q, want %q", got, want)
	}
	if got := connection.Differences(was, was); len(got) != 0 {
		t.Errorf("a connection differs from itself: %q", got)
	}
	now = was
	if now.Resource.Todos = nil; len(connection.Differences(was, now)) != 3 {
		t.Errorf("without a mapping: %q", connection.Differences(was, now))
	}
}
