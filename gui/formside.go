package gui

import (
	"strconv"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/secret"
	"waybill/session"
)

// formSide is the card of one registration: which client, how it proves who it
// is, and what it asks for.
type formSide struct {
	form    *connectForm
	at      session.Side
	method  *choice[connection.AuthMethod]
	says    *text // about the method that is chosen
	secret  *labelled
	key     *keyFields
	scopes  *scopeChips
	warning *text // about the scopes
	hold    *fyne.Container
	more    *more
}

func newFormSide(f *connectForm, at session.Side, method connection.AuthMethod, a connection.Assertion) *formSide {
	s := &formSide{form: f, at: at}
	saved, hasKey := f.o.saved.IdP, f.o.saved.IdPKey
	title, fixed := "Scopes at sign-in", "openid"
	if at == session.AtResource {
		saved, hasKey = f.o.saved.Resource, f.o.saved.ResourceKey
		title, fixed = "Scopes at the resource", ""
	}
	placeholder := ""
	if saved {
		placeholder = "Saved. Leave it empty to keep it."
	}
	s.method = newChoice([]option[connection.AuthMethod]{
		{connection.AuthAuto, "As the server says"}, {connection.ClientSecretBasic, "Basic"}, {connection.ClientSecretPost, "Post"},
		{connection.PrivateKeyJWT, "Key"}, {connection.AuthNone, "None"},
	}, method, func(connection.AuthMethod) { s.showMethod(); f.w.relayout() })
	s.says = newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	s.secret = newSecretLabelled("Client secret", placeholder)
	s.key = newKeyFields(f, at, a, hasKey)
	s.warning = newText("", textStyle{color: colorNoticeText, size: sizeCaption, wrap: true})
	s.scopes = newScopeChips(title, fixed, s.showScopes)
	s.scopes.box.Add(s.warning)
	s.hold = column(0)
	s.showMethod()
	return s
}

// proof is the secret as it was entered; empty where another method is chosen.
func (s *formSide) proof() (none secret.Text) {
	switch s.method.chosen {
	case connection.PrivateKeyJWT, connection.AuthNone:
		return none
	}
	return s.secret.secret()
}

// showMethod says what the chosen method is, and asks for what it needs.
func (s *formSide) showMethod() {
	words, color, hold := "", colorMuted, fyne.CanvasObject(s.secret.box)
	switch s.method.chosen {
	case connection.AuthAuto:
		words = "Chosen from what the server's metadata lists."
	case connection.ClientSecretBasic:
		words = "client_secret_basic: the secret goes in the Authorization header."
	case connection.ClientSecretPost:
		words = "client_secret_post: the secret goes in the body of the request."
	case connection.PrivateKeyJWT:
		words, hold = "private_key_jwt: the client signs with a key that never leaves this computer.", s.key.box
	case connection.AuthNone:
		words, hold = "none: a public client, which PKCE protects at the sign-in.", nil
		if s.at == session.AtResource {
			words, color = connection.Connection{Resource: connection.Resource{AuthMethod: connection.AuthNone}}.Warnings(connection.Credentials{})[0].Says, colorNoticeText
		}
	}
	s.says.color = color
	s.says.set(words)
	s.says.Refresh()
	s.hold.RemoveAll()
	if hold != nil {
		s.hold.Add(hold)
	}
	visible(s.hold, hold != nil)
}

// showScopes says what a choice of scopes costs.
func (s *formSide) showScopes() {
	words := ""
	switch {
	case s.at == session.AtIdP && !s.scopes.on["offline_access"]:
		words = "Without offline_access the session ends with its ID token, often after ten minutes."
	case s.at == session.AtResource && len(s.scopes.asked()) == 0:
		words = "Without a scope most servers grant nothing."
	case s.at == session.AtResource && s.scopes.on["todos.read"] && !s.scopes.on["todos.write"]:
		words = "Without todos.write the to-dos can be read and not changed."
	}
	s.warning.set(words)
	visible(s.warning, words != "")
	s.form.w.relayout()
}

// card has the fields that are asked for, and the others behind a link.
func (s *formSide) card(title, words string) *fyne.Container {
	f := s.form
	method := part{connection.FieldIdPMethod, column(5, titled("The client authenticates with", s.method.box, ""), s.says)}
	parts := []part{{connection.FieldIssuer, nil}, {connection.FieldIdPClientID, nil}, method, {connection.FieldIdPSecret, s.hold}, {connection.FieldIdPScopes, s.scopes.box},
		{connection.FieldPrompt, nil}, {connection.FieldAuthorization, nil}, {connection.FieldIdPToken, nil}, {connection.FieldJWKS, nil}, {connection.FieldEndSession, nil}}
	if s.at == session.AtResource {
		method.of = connection.FieldMethod
		kind := titled("Kind", f.kind.box, "")
		parts = []part{{connection.FieldKind, kind}, {connection.FieldURL, nil}, {connection.FieldServer, nil}, {connection.FieldIdentifier, nil}, {connection.FieldAudience, nil},
			{connection.FieldClientID, nil}, method, {connection.FieldSecret, s.hold}, {connection.FieldScopes, s.scopes.box}, {connection.FieldToken, nil}, {connection.FieldMCPVersion, nil}}
	}
	open := func(of connection.Field) bool {
		return f.o.asks(of) || of == connection.FieldIdPSecret || of == connection.FieldSecret
	}
	s.more = newMore(f.w.relayout, f.sorted(func(of connection.Field) bool { return !open(of) }, parts...)...)
	c := column(12, heading(title, 16), blurb(words))
	add(c, f.sorted(open, parts...)...)
	if s.at == session.AtResource {
		visible(f.todos.more.box, f.asksTodos())
		c.Add(f.todos.more.box)
	}
	c.Add(s.more.box)
	return c
}

// keyFields are what is asked for where a client signs with a key.
type keyFields struct {
	box       *fyne.Container
	audience  *choice[string]
	algorithm *choice[string]
	lifetime  *labelled
	has       bool // there is a key already
}

func newKeyFields(f *connectForm, at session.Side, a connection.Assertion, has bool) *keyFields {
	k := &keyFields{has: has}
	if a.Audience == "" {
		a.Audience = connection.AudienceTokenEndpoint
	}
	k.audience = newChoice([]option[string]{{connection.AudienceTokenEndpoint, "Token endpoint"}, {connection.AudienceIssuer, "Issuer"}}, a.Audience, nil)
	k.algorithm = newChoice([]option[string]{{"ES256", "ES256"}, {"RS256", "RS256"}}, "ES256", nil)
	k.lifetime = newLabelled("Lifetime of an assertion, in seconds", "300", "Between 30 and 3600.")
	if a.Lifetime != 0 {
		k.lifetime.set(strconv.Itoa(a.Lifetime))
	}
	about := "The key is made on this computer when the connection is saved. Then its public half is shown, to be registered at the server."
	k.box = column(12)
	if has {
		about = "There is a key on this computer. Its private half is never shown."
	}
	k.box.Add(newText(about, textStyle{size: labelSize, wrap: true}))
	if has {
		name := f.o.base.Name
		show := smallButton("Show the public key", buttonPlain, func() { f.w.showKey(name, session.KeyRequest{At: at}, nil) })
		anew := smallButton("Make a new key…", buttonPlain, func() {
			f.w.askForNewKey(name, session.KeyRequest{At: at, Algorithm: k.algorithm.chosen, Replace: true})
		})
		k.box.Add(buttonRow(show, anew))
	}
	add(k.box, titled("Algorithm of a new key", k.algorithm.box, ""), titled("Audience of an assertion", k.audience.box, "The token endpoint's address suits most servers, Okta among them."), k.lifetime.box)
	return k
}

// read takes over what was entered. A lifetime that is no number becomes one
// that is refused.
func (k *keyFields) read(a *connection.Assertion) {
	if k.audience.chosen != connection.AudienceTokenEndpoint || a.Audience != "" {
		a.Audience = k.audience.chosen
	}
	a.Lifetime = 0
	if words := k.lifetime.value(); words != "" {
		n, err := strconv.Atoi(words)
		if err != nil || n == 0 {
			n = -1
		}
		a.Lifetime = n
	}
}
