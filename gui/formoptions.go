package gui

import (
	"fmt"
	"slices"

	"waybill/connection"
	"waybill/session"
)

// formOptions say what the form of a connection begins with. title and base are
// required.
type formOptions struct {
	title, words string
	register     string // the page where the app is registered; may be empty
	base         connection.Connection

	// kinds are presets for the same service, one per kind of resource; nil:
	// there is one.
	kinds []connection.Preset

	// ask are the fields that stand in the open, the others being behind
	// "More"; nil: the usual ones. empty are those of them that may be left empty.
	ask, empty []connection.Field

	offered []string                    // scopes that the resource lists
	sources map[connection.Field]string // where the value of a field is from

	editing bool          // base is a connection that is kept
	saved   session.Saved // the secrets that are kept for it
}

// usualFields are those that most connections need.
var usualFields = []connection.Field{
	connection.FieldName, connection.FieldTitle, connection.FieldRedirectURI,
	connection.FieldIssuer, connection.FieldIdPClientID, connection.FieldIdPMethod, connection.FieldIdPSecret, connection.FieldIdPScopes,
	connection.FieldKind, connection.FieldURL, connection.FieldServer, connection.FieldIdentifier, connection.FieldClientID,
	connection.FieldMethod, connection.FieldSecret, connection.FieldScopes,
}

// wholeForm asks for everything.
func wholeForm(base connection.Connection) formOptions {
	return formOptions{base: base, ask: usualFields, empty: []connection.Field{
		connection.FieldTitle, connection.FieldIdPSecret, connection.FieldServer, connection.FieldIdentifier, connection.FieldSecret,
		connection.FieldIdPScopes, connection.FieldScopes, connection.FieldIdPMethod, connection.FieldMethod, connection.FieldRedirectURI,
	}}
}

func byHandForm(w *Window) formOptions {
	o := wholeForm(presetNamed("by-hand").Connection)
	o.base.Name = w.freeName(o.base.Name)
	o.title = "A connection by hand"
	o.words = "You need a registration at the identity provider and one at the authorization server of the resource. What is left empty there is found out from the servers themselves."
	return o
}

// presetForm asks for what a preset leaves open. The others of several are the
// same service by another kind of resource.
func presetForm(w *Window, presets ...connection.Preset) formOptions {
	p := presets[0]
	o := formOptions{
		title: "Connect to " + p.Connection.DisplayTitle(), words: p.Needs, register: p.Register, base: p.Connection,
		ask: append([]connection.Field{connection.FieldRedirectURI}, p.Ask...), empty: p.Empty,
	}
	o.base.Name = w.freeName(o.base.Name)
	if len(presets) > 1 {
		o.kinds = slices.Clone(presets)
		o.ask = append(o.ask, connection.FieldKind)
		for i := range o.kinds {
			o.kinds[i].Connection.Name = w.freeName(o.kinds[i].Connection.Name)
		}
	}
	return o
}

func editForm(c connection.Connection, saved session.Saved) formOptions {
	o := wholeForm(c)
	o.title, o.editing, o.saved = "Edit “"+show(c.DisplayTitle(), 60)+"”", true, saved
	o.words = "Secrets that are kept are not shown. Leave their fields empty to keep them."
	return o
}

// asks reports whether a field stands in the open.
func (o *formOptions) asks(f connection.Field) bool { return slices.Contains(o.ask, f) }

// needs reports whether a field that stands in the open must be filled in.
func (o *formOptions) needs(f connection.Field) bool {
	return o.asks(f) && !slices.Contains(o.empty, f)
}

// freeName is a name like this that no connection has yet.
func (w *Window) freeName(name string) string {
	free := name
	for n := 2; w.connection(free).Connection.Resource.URL != ""; n++ {
		free = fmt.Sprintf("%s-%d", name[:min(len(name), 58)], n)
	}
	return free
}

// fieldWords is how the form names a field and what it says below it. What is
// not here is said as package connection says it.
var formFieldWords = map[connection.Field]struct{ label, placeholder, hint string }{
	connection.FieldName:          {"Name", "my-organisation", "For the command line. Letters, digits, dots and dashes."},
	connection.FieldTitle:         {"Title", "My organisation", ""},
	connection.FieldRedirectURI:   {"Redirect URI", "", ""},
	connection.FieldIssuer:        {"Issuer", "https://idp.example", "The identity provider's address, exactly as it writes it itself: a final slash matters."},
	connection.FieldIdPClientID:   {"Client ID", "", "Of the registration that signs you in."},
	connection.FieldIdPSecret:     {"Client secret", "", ""},
	connection.FieldURL:           {"Address", "https://api.example", "REST: the API's base. MCP: the server's address."},
	connection.FieldServer:        {"Authorization server", "Found out from the resource", "The one server that may redeem the ID-JAG: its issuer is the audience of the exchange, compared character for character."},
	connection.FieldIdentifier:    {"Resource identifier", "Found out from the resource", "What the access token is good for: the resource parameter of the exchange, compared character for character."},
	connection.FieldAudience:      {"Audience", "The authorization server's issuer", "Only where the identity provider wants another name for the authorization server: at PingFederate the id of the connection."},
	connection.FieldClientID:      {"Client ID", "", "The id that this app has at the resource's authorization server. It is another one than at the identity provider."},
	connection.FieldSecret:        {"Client secret", "", ""},
	connection.FieldPrompt:        {"Prompt", "", "Sent as prompt= at sign-in, consent for example; usually empty."},
	connection.FieldIdPToken:      {"Token endpoint", "As its metadata says", ""},
	connection.FieldToken:         {"Token endpoint", "As its metadata says", ""},
	connection.FieldAuthorization: {"Authorization endpoint", "As its metadata says", ""},
	connection.FieldJWKS:          {"Key set", "As its metadata says", ""},
	connection.FieldEndSession:    {"End session endpoint", "As its metadata says", ""},
	connection.FieldMCPVersion:    {"MCP version", "The newest that both know", ""},
}
