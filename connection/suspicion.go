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
	case strings.HasPrefix(idp, resource+atMark):
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
