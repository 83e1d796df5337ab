package auth

import (
	"fmt"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
)

// ClientEvidence is what is known here when a server has not accepted a client
// (RFC 6749 section 5.2, invalid_client).
type ClientEvidence struct {
	AtResource  bool // at the resource's authorization server; else at the identity provider
	Connection  connection.Connection
	Credentials connection.Credentials
	Method      connection.AuthMethod // that was used; AuthAuto: not known
	Offers      []string              // the methods that the server's metadata lists; nil: unknown
}

// Reasons ranks why a server may not have accepted a client. Each Says is a
// sentence without its full stop. There is always one at least.
func (e ClientEvidence) Reasons() []Reason {
	side, who, card, other, others := "idp", atProvider, "At the identity provider", "At the resource", "the resource"
	id := e.Connection.IdP.ClientID
	if e.AtResource {
		side, who, card, other, others = "resource", atServer, other, card, "the identity provider"
		id = e.Connection.Resource.ClientID
	}
	id = fault.Clean(id, 80)
	var out []Reason
	add := func(code string, strength Strength, says, remedy, field string) {
		out = append(out, Reason{code, strength, says, remedy, side + "." + field})
	}
	if suspicion := strings.TrimSuffix(e.Connection.Suspicion(), "."); suspicion != "" {
		strength := Likely
		if e.Connection.Crossed() {
			strength = Proven
		}
		add("clients_crossed", strength, suspicion, "Put each pair where it belongs, under “"+card+"” and “"+other+"”.", "client_id")
	}
	if e.Method != connection.AuthAuto && e.Offers != nil && !slices.Contains(e.Offers, string(e.Method)) {
		add("method_not_offered", Proven, fmt.Sprintf("It was sent as %s; the server's metadata offers %s", e.Method, fault.Clean(strings.Join(e.Offers, ", "), 120)),
			"Set that, or leave the client authentication to the metadata.", "auth_method")
	}
	if e.Method == connection.AuthNone {
		add("no_authentication", Likely, "The app sent no proof of who it is, and "+who+" asks for one", "Enter the client secret, or make a key.", "client_secret")
	}
	if e.Method == connection.PrivateKeyJWT {
		add("assertion_refused", Likely, strings.ToUpper(who[:1])+who[1:]+" did not accept the app's signed assertion: it may not have its public key, or expect another audience in it",
			"Register the public key there, or set the audience of the assertion in the connection.", "private_key")
	}
	if c := e.Credentials; !c.IdP.Empty() && c.IdP.Equal(c.Resource) {
		add("secrets_equal", Likely, "Both client secrets are the same; the two servers give out different ones", "Paste the secret of this pair again.", "client_secret")
	}
	if e.Method != connection.AuthNone && e.Method != connection.PrivateKeyJWT {
		add("wrong_secret", Likely, "The secret under “"+card+"” is not the one of the client id "+id,
			"Check the pair under “"+card+"”; the pair of "+others+" is not valid there.", "client_secret")
		add("secrets_crossed", Possible, "The secrets of the two pairs may be crossed", "Check that each stands with its own client id.", "client_secret")
	}
	add("unknown_client", Possible, strings.ToUpper(who[:1])+who[1:]+" may not know the client id "+id+" (any more)", "Check it against the registration, its suffix too.", "client_id")
	slices.SortStableFunc(out, func(a, b Reason) int { return int(a.Strength) - int(b.Strength) })
	return out
}

// TargetReasons are what in a plan differs from what the resource says of itself,
// and so may have made the identity provider refuse the target (RFC 8707 section
// 2); servers compare both values byte for byte, and a slash too many is the most
// common mistake. None if nothing does, or m is nil.
func TargetReasons(p *Plan, m *ResourceMetadata) []Reason {
	if m == nil {
		return nil
	}
	var out []Reason
	add := func(code, says, real, ours, remedy, field string) {
		if difference(real, ours) != "" {
			code = strings.TrimPrefix(code, "wrong_") + "_slash"
		}
		out = append(out, Reason{code, Proven, says + " " + fault.Clean(real, 120) + difference(real, ours), remedy, field})
	}
	if m.Resource != "" && m.Resource != p.Resource {
		add("wrong_resource", "The resource calls itself", m.Resource, p.Resource, "Set the resource identifier to exactly that, or leave it out.", "resource.identifier")
	}
	if servers := m.AuthorizationServers; len(servers) == 1 && servers[0] != p.Server.Issuer {
		add("wrong_audience", "The resource names the authorization server", servers[0], p.Server.Issuer,
			"Set the authorization server to exactly that, or leave it out.", "resource.authorization_server")
	}
	return out
}
