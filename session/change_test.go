package session_test

import (
	"strings"
	"testing"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/session"
)

func ownConnection() (connection.Connection, connection.Credentials) {
	c := connection.Connection{
		Name: "mine", Title: "Mine", Approved: &connection.Approved{TokenEndpoint: "https://as.example/token"},
		IdP:      connection.IdP{Issuer: "https://idp.example", ClientID: "client_1"},
		Resource: connection.Resource{Kind: connection.REST, URL: "https://api.example", ClientID: "client_1-at-api"},
	}
	return c, connection.Credentials{IdP: secret.New("one"), Resource: secret.New("two")}
}

func TestASecretStaysWithItsClientAndItsServer(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	c, cred := ownConnection()
	if err := m.AddConnection(t.Context(), c, cred); err != nil {
		t.Fatal(err)
	}
	c.Title, c.Resource.ClientID = "Ours", "client_2-at-api"
	if err := m.ChangeConnection(t.Context(), c, connection.Credentials{}); err != nil {
		t.Fatal(err)
	}
	got, err := m.Configured(t.Context(), "mine")
	if err != nil || got.Connection.Title != "Ours" || got.Credentials.IdP.Reveal() != "one" || !got.Credentials.Resource.Empty() {
		t.Errorf("%v, title %q, secrets kept: %v %v", err, got.Connection.Title, !got.Credentials.IdP.Empty(), !got.Credentials.Resource.Empty())
	}
	c.IdP.Issuer = "https://elsewhere.example"
	if err := m.ChangeConnection(t.Context(), c, connection.Credentials{Resource: secret.New("three")}); err != nil {
		t.Fatal(err)
	}
	saved, err := m.SavedSecrets(t.Context(), "mine")
	if err != nil || saved != (session.Saved{Resource: true}) {
		t.Errorf("%v, saved %+v: the secret of one server would go to another", err, saved)
	}
}

func TestWhatIsNotThereOrNotTheUsersCannotBeChanged(t *testing.T) {
	m := newWorld(t).open()
	c, cred := ownConnection()
	for name, code := range map[string]string{"mine": "unknown_connection", connection.PlaygroundName: "name_taken"} {
		c.Name = name
		if err := m.ChangeConnection(t.Context(), c, cred); fault.As(err) == nil || fault.As(err).Code != code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnExportedConnectionHoldsNothingOfTheUser(t *testing.T) {
	m := newWorld(t).open()
	c, cred := ownConnection()
	if err := m.AddConnection(t.Context(), c, cred); err != nil {
		t.Fatal(err)
	}
	out, err := m.ExportConnection(t.Context(), "mine")
	if err != nil || out.Approved != nil || out.IdP.Issuer != c.IdP.Issuer {
		t.Errorf("%v %+v", err, out)
	}
	if _, err := m.ExportConnection(t.Context(), connection.PlaygroundName); !strings.Contains(fault.As(err).Message, "playground") {
		t.Errorf("%v", err)
	}
}

func TestSigningOutSaysBeforeWhatItEnds(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	if _, err := m.Leaving(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("without an account: %v", err)
	}
	w.signIn(m, connection.PlaygroundName)
	l, err := m.Leaving(t.Context())
	if err != nil || l.EndsSession == auth.Unknown || l.Revokes == auth.Unknown {
		t.Errorf("%v %+v", err, l)
	}
	m.State()
	for _, info := range m.State().Connections {
		if info.Connection.Name == connection.PlaygroundName && (!info.SignedIn || !info.Renewable || info.Until.IsZero()) {
			t.Errorf("the list does not say how long the sign-in lasts: %+v", info)
		}
	}
}
