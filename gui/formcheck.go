package gui

import (
	"fmt"
	"maps"
	"strings"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/fault"
)

// This file holds how the form says what is wrong with what was entered, each
// thing beside its field.

// sound is a connection with nothing wrong in it: a value is tried by putting it
// in there.
var sound = connection.Connection{
	Name: "sound", IdP: connection.IdP{Issuer: "https://idp.example", ClientID: "a"},
	Resource: connection.Resource{Kind: connection.REST, URL: "https://api.example", ClientID: "b"},
}

// wrongs says what is wrong with each field, in the words of the form.
func (f *connectForm) wrongs(c connection.Connection) map[connection.Field]string {
	wrong := map[connection.Field]string{}
	for of, l := range f.fields {
		value := c.Get(of)
		if l.value() == "" && (f.o.needs(of) || required[of]) {
			wrong[of] = "Fill this in."
			continue
		}
		tried, err := sound.With(of, value)
		if err == nil && value != "" {
			err = tried.Validate()
		}
		if err != nil {
			wrong[of] = besideWords(fault.As(err), of)
		}
	}
	if old := f.w.connection(c.Name).Connection; !f.o.editing && wrong[connection.FieldName] == "" && old.Resource.URL != "" {
		wrong[connection.FieldName] = fmt.Sprintf("There is a connection called “%s” already.", c.Name)
	}
	for _, s := range []*formSide{f.idp, f.res} {
		f.wrongProof(s, c, wrong)
	}
	maps.Copy(wrong, f.unread)
	return wrong
}

var required = map[connection.Field]bool{
	connection.FieldName: true, connection.FieldIssuer: true, connection.FieldIdPClientID: true, connection.FieldURL: true, connection.FieldClientID: true,
}

// wrongProof looks at how one of the clients proves who it is.
func (f *connectForm) wrongProof(s *formSide, c connection.Connection, wrong map[connection.Field]string) {
	secret, key, lifetime := connection.FieldIdPSecret, connection.FieldIdPKey, c.IdP.Assertion.Lifetime
	saved := f.o.saved.IdP
	if s == f.res {
		secret, key, lifetime = connection.FieldSecret, connection.FieldKey, c.Resource.Assertion.Lifetime
		saved = f.o.saved.Resource
	}
	saved = saved && f.keeps(s, c)
	if s.method.chosen == connection.PrivateKeyJWT && lifetime != 0 && (lifetime < 30 || lifetime > 3600) {
		wrong[key] = "Enter a number between 30 and 3600."
	}
	basic := s.method.chosen == connection.ClientSecretBasic || s.method.chosen == connection.ClientSecretPost
	if s.proof().Empty() && !saved && (basic || s.method.chosen == connection.AuthAuto && f.o.needs(secret)) {
		wrong[secret] = "Paste it here."
	}
}

// besideWords are the words of a Fault about a field, beside that field.
func besideWords(f *fault.Fault, of connection.Field) string {
	words := f.Error()
	if f.Code == "bad_url" {
		words = f.Message
	}
	return strings.NewReplacer(fmt.Sprintf("The address in %q", of), "This address", fmt.Sprintf("%q", of), "This", ` Set "name".`, "").Replace(words)
}

// fieldOf is the field on screen that has to do with a field of a connection;
// nil if there is none.
func (f *connectForm) fieldOf(of connection.Field) *labelled {
	switch of {
	case connection.FieldIdPSecret:
		return f.idp.secret
	case connection.FieldSecret:
		return f.res.secret
	case connection.FieldIdPKey:
		return f.idp.key.lifetime
	case connection.FieldKey:
		return f.res.key.lifetime
	case fieldTodosPath:
		return f.todos.path
	case fieldTodosAt:
		return f.todos.at
	case connection.FieldTodos:
		return f.todos.rest
	}
	return f.fields[of]
}

// say says what is wrong beside each field, and returns the first of them; nil
// if nothing is wrong.
func (f *connectForm) say(wrong map[connection.Field]string) (first *labelled) {
	for _, of := range append(connection.Fields(), fieldTodosPath, fieldTodosAt, connection.FieldTodos) {
		l := f.fieldOf(of)
		if l == nil {
			continue
		}
		if words := wrong[of]; words != "" || l.remark.color == colorFaultText {
			l.fail(words)
		}
		if wrong[of] != "" {
			f.reveal(l.box)
			if first == nil {
				first = l
			}
		}
	}
	return first
}

// reveal opens what hides a field.
func (f *connectForm) reveal(o fyne.CanvasObject) {
	for _, m := range []*more{f.general, f.idp.more, f.res.more, f.todos.more} {
		if m.holds(o) && !m.inner.Visible() {
			m.show(true)
		}
	}
}
