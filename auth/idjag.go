package auth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"waybill/fault"
)

// idjagType is the "typ" header of an ID-JAG
// (draft-ietf-oauth-identity-assertion-authz-grant).
const idjagType = "oauth-id-jag+jwt"

// longestIDJAG is how long an ID-JAG may be valid.
const longestIDJAG = time.Hour

// IDJAGClaims are the header and claims of an ID-JAG, read for showing and
// explaining. Nothing in them is verified: that is for the resource's
// authorization server alone. Its values are the identity provider's words;
// show them through fault.Clean.
type IDJAGClaims struct {
	Type, Algorithm, KeyID string

	Issuer, Subject, ClientID, ID string // "" if missing
	Audience, Resource            []string
	Issued, Expires, NotBefore    time.Time // zero if missing or malformed
	Scopes                        []string
	ScopesKnown                   bool
	Confirmation                  *Confirmation // the key that it is bound to; nil: none

	All map[string]json.RawMessage // every claim
}

// DecodeIDJAG takes an ID-JAG apart. It fails if it is not a signed JWT in its
// compact form with one plain JSON object as its claims.
func DecodeIDJAG(raw IDJAG) (*IDJAGClaims, error) {
	token, err := parseCompact(raw.Reveal())
	if err != nil {
		return nil, idjagFault("it is not a signed token of the right form")
	}
	said, err := parseClaims(token.payload)
	if err != nil {
		return nil, idjagFault("its contents are not one plain JSON object")
	}
	return ReadIDJAG(token.header, said), nil
}

// ReadIDJAG reads the header and the claims of an ID-JAG that was taken apart
// before. What is malformed counts as missing.
func ReadIDJAG(header, contents map[string]json.RawMessage) *IDJAGClaims {
	head, said := claims(header), claims(contents)
	c := &IDJAGClaims{All: contents}
	c.Algorithm, _ = head.text("alg")
	c.KeyID, _ = head.text("kid")
	c.Type, _ = head.text("typ")
	c.Issuer, _ = said.text("iss")
	c.Subject, _ = said.text("sub")
	c.ClientID, _ = said.text("client_id")
	c.ID, _ = said.text("jti")
	c.Audience, _ = said.texts("aud")
	c.Resource, _ = said.texts("resource")
	c.Issued, _ = said.date("iat")
	c.Expires, _ = said.date("exp")
	c.NotBefore, _ = said.date("nbf")
	c.Scopes, c.ScopesKnown, _ = readScopes(said["scope"])
	c.Confirmation = readConfirmation(said)
	return c
}

// CheckKey holds what an ID-JAG says of a key that it is bound to (cnf) against
// the thumbprint of this app's key, "" where the connection does not use DPoP.
func (c *IDJAGClaims) CheckKey(thumbprint string) []Check { return c.confirmation(thumbprint) }

func idjagFault(why string) *fault.Fault {
	return fault.New(fault.StepExchange, fault.Hostile, "bad_id_jag", "The identity provider's grant for the resource was not sent on: "+why+".").
		WithRemedy("Check the client ids and addresses in the connection; if they are right, tell whoever runs the identity provider.")
}

// Check is one thing that was looked at in an ID-JAG.
type Check struct {
	Name    string
	Verdict Tri    // Unknown: could not tell
	Must    bool   // an ID-JAG for which this is No is not sent
	Says    string // what was found; follows "it" or stands alone; safe to show
}

// Check holds the claims against the plan. now is the time by the identity
// provider's clock, as well as that is known.
func (c *IDJAGClaims) Check(p *Plan, now time.Time) []Check {
	kind := strings.TrimPrefix(strings.ToLower(c.Type), "application/")
	life := c.Expires.Sub(c.Issued)
	if c.Issued.IsZero() {
		life = c.Expires.Sub(now)
	}
	checks := []Check{
		must("type", kind == idjagType, "it is of the type %q, not %q", c.Type, idjagType),
		must("issuer", c.Issuer == p.Provider.Issuer, "it was issued by %s, not by %s%s", showIssuer(c.Issuer), p.Provider.Issuer, difference(c.Issuer, p.Provider.Issuer)),
		c.audience(p.Server.Issuer),
		must("client", c.ClientID == p.Connection.Resource.ClientID, "it was made for the client %q, not for %q", c.ClientID, p.Connection.Resource.ClientID),
		must("expiry", !c.Expires.IsZero() && c.Expires.After(now), "it has expired or does not say when it does"),
		must("life", !c.Expires.IsZero() && life <= longestIDJAG, "it would be valid for more than an hour"),
		c.resource(p.Resource),
	}
	return append(checks, c.advisory(p, now)...)
}

// advisory checks what only the authorization server can decide, or what it
// will refuse by itself.
func (c *IDJAGClaims) advisory(p *Plan, now time.Time) []Check {
	checks := []Check{
		may("subject", c.Subject != "", "it names no user"),
		may("id", c.ID != "", "it has no id of its own (jti)"),
		may("issued", !c.Issued.IsZero() && c.Issued.Sub(now) <= clockTolerance, "it says that it was issued in the future, or not when"),
		may("signature", false, "its signature is for the authorization server to check"),
	}
	checks[3].Verdict = Unknown
	if !c.NotBefore.IsZero() {
		checks = append(checks, may("not-before", c.NotBefore.Sub(now) <= clockTolerance, "it is not valid yet"))
	}
	if c.ScopesKnown {
		missing := without(p.Connection.ResourceScopes(), c.Scopes)
		checks = append(checks, may("scope", len(missing) == 0, "it lacks the scope %s", fault.Clean(strings.Join(missing, " "), 120)))
	} else {
		checks = append(checks, Check{Name: "scope", Says: "it does not say which scopes it carries"})
	}
	return checks
}

// audience: the aud claim must be the issuer of the authorization server that
// the ID-JAG is about to be sent to, whatever word the identity provider was
// asked with. An audience of the connection's own only chooses, at the identity
// provider, which server is meant; were an ID-JAG for that word let through, it
// could be one for another server, which a wrong setting would hand to this one.
func (c *IDJAGClaims) audience(server string) Check {
	if len(c.Audience) > 1 {
		return must("audience", false, "it is meant for %d servers at once", len(c.Audience))
	}
	one := ""
	if len(c.Audience) == 1 {
		one = c.Audience[0]
	}
	return must("audience", one == server, "it is meant for %s, not for %s%s", showIssuer(one), server, difference(one, server))
}

// resource may be missing; if it is there, it is what was asked for.
func (c *IDJAGClaims) resource(asked string) Check {
	if _, there := c.All["resource"]; !there {
		return Check{Name: "resource", Must: true, Says: "it does not name the resource"}
	}
	shown := fault.Clean(strings.Join(c.Resource, ", "), 120)
	return must("resource", slices.Equal(c.Resource, []string{asked}), "it is for the resource %s, not for %s%s", shown, asked, difference(strings.Join(c.Resource, " "), asked))
}

func must(name string, ok bool, format string, args ...any) Check {
	c := may(name, ok, format, args...)
	c.Must = true
	return c
}

func may(name string, ok bool, format string, args ...any) Check {
	if ok {
		return Check{Name: name, Verdict: Yes}
	}
	return Check{Name: name, Verdict: No, Says: fault.Clean(fmt.Sprintf(format, args...), 400)}
}

// aboutCheck is the field of the connection that a failed check has most to do
// with.
var aboutCheck = map[string]string{
	"client": "resource.client_id", "issuer": "idp.issuer", "audience": "resource.authorization_server", "resource": "resource.identifier",
}

// refused returns the Fault for the first check that forbids sending it on.
func refused(checks []Check) *fault.Fault {
	for _, c := range checks {
		if c.Must && c.Verdict == No {
			r, _ := checkReason(c)
			return idjagFault(c.Says).WithRemedy(r.Remedy).About(r.Field)
		}
	}
	return nil
}

// without returns what of all is not in some.
func without(all, some []string) []string {
	var out []string
	for _, v := range all {
		if !slices.Contains(some, v) {
			out = append(out, v)
		}
	}
	return out
}

// within returns what of all is in some.
func within(all, some []string) []string {
	out := []string{}
	for _, v := range all {
		if slices.Contains(some, v) {
			out = append(out, v)
		}
	}
	return out
}
