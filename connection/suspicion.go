package connection

import "strings"

// atMark joins, on xaa.dev, the client id at the identity provider with the id
// of a resource: the client id at the resource's authorization server.
const atMark = "-at-"

// Suspicion says in one sentence what looks wrong about the two client ids, or
// "" if nothing does. Crossing the two registrations is the most common mistake
// with Cross App Access; it comes back as invalid_client, which does not say
// so.
func (c Connection) Suspicion() string {
	idp, resource := c.IdP.ClientID, c.Resource.ClientID
	switch {
	case idp == "" || resource == "":
		return ""
	case c.Crossed():
		return "The two client ids look crossed: the one with “" + atMark + "” belongs to the resource, the shorter one to the identity provider."
	case idp == resource:
		return "Both client ids are the same. The identity provider and the resource usually give out different ones."
	case strings.Contains(idp, atMark) && !strings.Contains(resource, atMark):
		return "The client id at the identity provider holds “" + atMark + "”, as ids at a resource do. Check which belongs where."
	case strings.Contains(resource, atMark) && !strings.HasPrefix(resource, idp+atMark):
		return "The client id at the resource does not begin with the one at the identity provider. They may be of two different registrations."
	}
	return ""
}

// Crossed reports whether the two client ids certainly stand in each other's
// place.
func (c Connection) Crossed() bool {
	return c.Resource.ClientID != "" && strings.HasPrefix(c.IdP.ClientID, c.Resource.ClientID+atMark)
}

// Warning is something that looks wrong about a connection and need not be.
type Warning struct {
	Field Field  // that it is about most
	Says  string // one sentence
}

// Warnings are what a user should know before a connection is used: a
// Suspicion, two equal secrets, a client at the resource that proves nothing.
func (c Connection) Warnings(cred Credentials) []Warning {
	var out []Warning
	if s := c.Suspicion(); s != "" {
		out = append(out, Warning{FieldIdPClientID, s})
	}
	if !cred.IdP.Empty() && cred.IdP.Equal(cred.Resource) {
		out = append(out, Warning{FieldSecret, "Both client secrets are the same. The identity provider and the resource give out different ones."})
	}
	if c.Resource.AuthMethod == AuthNone || c.Resource.AuthMethod == AuthAuto && cred.Resource.Empty() && cred.ResourceKey.Empty() {
		out = append(out, Warning{FieldMethod, "The client at the resource proves nothing about itself: the ID-JAG draft says that public clients should not use ID-JAGs, and many servers refuse them."})
	}
	return out
}
