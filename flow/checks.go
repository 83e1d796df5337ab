package flow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"waybill/auth"
	"waybill/fault"
)

// Examine returns a copy of r whose steps have their Checks and, where they
// failed, their Causes. earlier are the Runs before it, which tell whether an
// ID-JAG was sent twice. It asks nobody and is quick.
func Examine(r *Run, earlier []*Run) *Run {
	e := gather(r, earlier)
	out := *r
	if t := out.Steps[exchangeStep].Token; t != nil && e.jag != nil && t.Signature != e.signed.Verdict {
		known := *t
		known.Signature = e.signed.Verdict
		out.Steps[exchangeStep].Token = &known
	}
	for i := range out.Steps {
		s := &out.Steps[i]
		s.Checks, s.Causes = e.checks(s), nil
		if s.Fault != nil {
			s.Causes = e.causes(s)
		}
	}
	return &out
}

func (e *evidence) checks(s *Step) []Check {
	if e.plan == nil || s.State == NotRun || s.State == Cached {
		return nil
	}
	switch s.Name {
	case fault.StepSignIn:
		return e.signInChecks(s)
	case fault.StepExchange:
		return e.exchangeChecks(s)
	case fault.StepJWTBearer:
		return e.grantChecks(s)
	case fault.StepCall:
		return e.callChecks(s)
	}
	return nil
}

// verdict makes a Check of something that holds or does not.
func verdict(holds bool, name, says, section string) Check {
	c := Check{Name: name, Verdict: auth.Yes, Section: section}
	if !holds {
		c.Verdict, c.Says = auth.No, fault.Clean(says, 400)
	}
	return c
}

func unknown(name, says, section string) Check {
	return Check{Name: name, Says: fault.Clean(says, 400), Section: section}
}

// advertised is what metadata says of something; what is left out is unknown.
func advertised(name, who string, said auth.Tri, section string) Check {
	c := Check{Name: name, Verdict: said, Section: section, Advice: true}
	switch said {
	case auth.No:
		c.Says = who + " does not list it in its metadata."
	case auth.Unknown:
		c.Says = who + " does not say so in its metadata, which means neither yes nor no."
	}
	return c
}

func lists(list []string, value string) auth.Tri {
	switch {
	case list == nil:
		return auth.Unknown
	case slices.Contains(list, value):
		return auth.Yes
	}
	return auth.No
}

func (e *evidence) signInChecks(s *Step) []Check {
	var out []Check
	p := e.plan.Provider
	if t := s.Token; t != nil && t.Kind == KindIDToken && !t.Opaque {
		now := t.Received.Add(e.skew(p.TokenEndpoint))
		out = append(out,
			verdict(text(t.Claims, "iss") == p.Issuer, "iss is the identity provider", "It is "+text(t.Claims, "iss")+".", "OpenID Connect Core 1.0 section 3.1.3.7"),
			verdict(slices.Contains(texts(t.Claims, "aud"), e.conn.IdP.ClientID), "aud holds this app's client id", "It is "+strings.Join(texts(t.Claims, "aud"), ", ")+".", "OpenID Connect Core 1.0 section 3.1.3.7"),
			verdict(date(t.Claims, "exp").After(now), "it has not expired", "It had when it came.", "OpenID Connect Core 1.0 section 3.1.3.7"),
			verdict(!strings.HasPrefix(text(t.Header, "alg"), "HS") && !strings.EqualFold(text(t.Header, "alg"), "none"), "alg is a public-key signature", "It is "+text(t.Header, "alg")+".", "RFC 8725 section 3.1"),
			e.issuedCheck(t, now),
		)
		if s.State == Done {
			out = append(out, verdict(true, "signature verifies with the identity provider's key"+kidOf(t), "", "OpenID Connect Core 1.0 section 3.1.3.7"))
		}
	}
	renewable := slices.ContainsFunc(s.Extra, func(t *Token) bool { return t.Kind == KindRefreshToken })
	if s.State == Done {
		c := verdict(renewable, "the session can be renewed", "No refresh token came: the session ends with the ID token.", "OpenID Connect Core 1.0 section 11")
		c.Advice = true
		out = append(out, c)
	}
	iss := auth.Unknown
	if p.ISSParameter {
		iss = auth.Yes
	}
	return append(out,
		advertised("metadata: PKCE with S256 is offered", "The identity provider", p.Offers().S256, "RFC 8414 section 2"),
		advertised("metadata: answers name the issuer (iss parameter)", "The identity provider", iss, "RFC 9207 section 3"))
}

func kidOf(t *Token) string {
	words := ""
	if alg := text(t.Header, "alg"); alg != "" {
		words = " " + fault.Clean(alg, 20)
	}
	if kid := text(t.Header, "kid"); kid != "" {
		words += " · kid " + fault.Clean(kid, 60)
	}
	return words
}

// issuedCheck: iat is not in the future by the server's clock.
func (e *evidence) issuedCheck(t *Token, now time.Time) Check {
	const section = "RFC 7519 section 4.1.6"
	iat := date(t.Claims, "iat")
	if iat.IsZero() {
		return unknown("iat fits the server's clock", "It does not say when it was issued.", section)
	}
	return verdict(iat.Sub(now) <= 30*time.Second, "iat fits the server's clock",
		fmt.Sprintf("It is dated %d seconds into the future.", int(iat.Sub(now).Seconds())), section)
}

// idJAGChecks are what package auth looks at in an ID-JAG, in the words of the
// page.
var idJAGChecks = map[string]struct{ name, section string }{
	"type":       {"typ is oauth-id-jag+jwt", draftClaims},
	"audience":   {"aud equals the authorization server's issuer", draftIDJAG + " section 4.4.1"},
	"client":     {"client_id is this app's resource client", draftIDJAG + " section 4.4.1"},
	"resource":   {"resource equals what was asked for", "RFC 8707 section 2"},
	"issuer":     {"iss is the identity provider", draftClaims},
	"expiry":     {"it has not expired", "RFC 7523 section 3"},
	"life":       {"lifetime at most an hour", "RFC 7523 section 3"},
	"subject":    {"sub names the user", draftClaims},
	"id":         {"jti is there", draftClaims},
	"issued":     {"iat fits the identity provider's clock", "RFC 7523 section 3"},
	"not-before": {"nbf has come", "RFC 7519 section 4.1.5"},
	"key":        {"cnf fits the connection", "RFC 9449 section 6.1"},
}

// idJAGOrder is the order in which they stand.
var idJAGOrder = []string{"type", "audience", "client", "resource", "issuer", "expiry", "life", "issued", "not-before", "subject", "id", "key"}

func (e *evidence) exchangeChecks(s *Step) []Check {
	var out []Check
	for _, name := range idJAGOrder {
		for _, c := range e.jagChecks {
			if c.Name != name {
				continue
			}
			out = append(out, Check{Name: idJAGChecks[name].name, Verdict: c.Verdict, Says: sentence(c.Says), Section: idJAGChecks[name].section, Advice: !c.Must})
		}
	}
	if e.jag != nil {
		sc := e.exchangeScopes(s)
		out = append(out, scopeCheck("the ID-JAG carries every scope asked for", sc.Asked, sc.InIDJAG))
		if life := e.jag.Expires.Sub(e.jag.Issued); !e.jag.Issued.IsZero() && !e.jag.Expires.IsZero() {
			c := verdict(life <= 5*time.Minute, "lifetime at most 5 minutes", fmt.Sprintf("It is valid for %d minutes; a strict server may refuse that.", int(life.Minutes())), draftClaims)
			c.Advice = true
			out = append(out, c)
		}
		out = append(out, e.signatureCheck(s.Token))
	}
	p := e.plan.Provider
	out = append(out,
		advertised("metadata: token exchange is offered", "The identity provider", p.Offers().Exchange, "RFC 8414 section 2"),
		advertised("metadata: ID-JAGs can be asked for", "The identity provider", p.Offers().IDJAG, draftIDJAG+" section 7.1"),
		advertised("metadata: the kind of subject token is taken", "The identity provider", lists(p.SubjectTokenTypes, form(s, "subject_token_type")), draftIDJAG+" section 7.1"),
		e.methodCheck("The identity provider", p.TokenAuthMethods, s))
	return out
}

// signatureCheck tells what was found of the signature. Only the authorization
// server decides it.
func (e *evidence) signatureCheck(t *Token) Check {
	return Check{Name: "signature verifies with the identity provider's key" + kidOf(t), Verdict: e.signed.Verdict, Says: e.signed.Says,
		Section: "RFC 7523 section 3", Advice: true}
}

func sentence(says string) string {
	if says == "" {
		return ""
	}
	return strings.ToUpper(says[:1]) + says[1:] + "."
}

// exchangeScopes are those of the exchange: as they were kept, else as the
// ID-JAG says.
func (e *evidence) exchangeScopes(s *Step) Scopes {
	if s.Scopes != nil {
		return *s.Scopes
	}
	sc := Scopes{Asked: e.conn.ResourceScopes()}
	if e.jag.ScopesKnown {
		sc.InIDJAG = e.jag.Scopes
	}
	return sc
}

// scopeCheck compares what was asked for with what came of it; nil: that was
// not said.
func scopeCheck(name string, asked, got []string) Check {
	const section = "RFC 6749 section 3.3"
	if got == nil {
		return Check{Name: name, Says: "It was not said which came.", Section: section, Advice: true}
	}
	missing := without(asked, got)
	c := verdict(len(missing) == 0, name, "Missing: "+strings.Join(missing, " ")+".", section)
	c.Advice = true
	return c
}

func (e *evidence) methodCheck(who string, offered []string, s *Step) Check {
	used := usedMethod(s)
	if used == "" {
		return unknown("metadata: the client authentication is offered", "No request was sent.", "RFC 8414 section 2")
	}
	return advertised("metadata: "+used+" is offered", who, lists(offered, used), "RFC 8414 section 2")
}

// usedMethod is the client authentication of a step's last request.
func usedMethod(s *Step) string {
	if len(s.Exchanges) == 0 {
		return ""
	}
	last := s.Exchanges[len(s.Exchanges)-1]
	switch {
	case strings.HasPrefix(last.Request.Header.Get("Authorization"), "Basic "):
		return "client_secret_basic"
	case form(s, "client_assertion") != "":
		return "private_key_jwt"
	case form(s, "client_secret") != "":
		return "client_secret_post"
	}
	return "none"
}

// form is a field of a step's last request; "" if it is not there.
func form(s *Step, name string) string {
	if len(s.Exchanges) == 0 {
		return ""
	}
	for _, f := range s.Exchanges[len(s.Exchanges)-1].Request.Form {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (e *evidence) grantChecks(s *Step) []Check {
	var out []Check
	server := e.plan.Server
	if t := s.Token; t != nil {
		out = append(out, e.accessChecks(s, t)...)
	}
	if s.Scopes != nil {
		out = append(out, scopeCheck("every scope asked for was granted", s.Scopes.Asked, s.Scopes.Granted))
	}
	return append(out,
		advertised("metadata: the ID-JAG grant profile is listed", "The authorization server", server.GrantProfile, draftIDJAG+" section 7.2"),
		advertised("metadata: the JWT bearer grant is listed", "The authorization server", server.JWTBearer, "RFC 8414 section 2"),
		e.methodCheck("The authorization server", server.TokenAuthMethods, s))
}

func (e *evidence) accessChecks(s *Step, t *Token) []Check {
	if t.Opaque {
		return []Check{unknown("the access token's contents", "It is opaque, which is allowed: only the server that issued it can say what it means.", "RFC 6749 section 1.4")}
	}
	now := t.Received.Add(e.skew(e.plan.Server.TokenEndpoint))
	aud := texts(t.Claims, "aud")
	kind := strings.TrimPrefix(strings.ToLower(text(t.Header, "typ")), "application/")
	out := []Check{
		verdict(slices.Contains(aud, e.plan.Resource), "aud is the resource", "It is "+strings.Join(aud, ", ")+", and the resource is "+e.plan.Resource+slash(strings.Join(aud, " "), e.plan.Resource)+".", rfc9068),
		verdict(kind == "at+jwt", "typ is at+jwt", "It is “"+text(t.Header, "typ")+"”; servers that do not follow RFC 9068 may write what they like.", "RFC 9068 section 2.1"),
		verdict(text(t.Claims, "iss") == e.plan.Server.Issuer, "iss is the authorization server", "It is "+text(t.Claims, "iss")+".", rfc9068),
		verdict(date(t.Claims, "exp").After(now), "it has not expired", "It had when it came, or it does not say when it expires.", rfc9068),
		e.issuedCheck(t, now),
	}
	for i := range out {
		out[i].Advice = true // the resource alone decides
	}
	if raw, there := t.Claims["scope"]; there && s.Scopes != nil {
		out = append(out, sameScopes(scopeList(raw), s.Scopes))
	}
	if e.conn.DPoP {
		out = append(out, e.boundCheck(s, t))
	}
	return out
}

// sameScopes compares the token's own scopes with those that its answer named,
// or, where that named none, with those asked for (RFC 6749 section 5.1).
func sameScopes(inToken []string, s *Scopes) Check {
	said := s.Granted
	if said == nil {
		said = s.Asked
	}
	missing, more := without(said, inToken), without(inToken, said)
	c := verdict(len(missing) == 0 && len(more) == 0, "its scope is what was granted",
		"It holds "+strings.Join(inToken, " ")+", and the answer says "+strings.Join(said, " ")+".", "RFC 9068 section 2.2.3")
	c.Advice = true
	return c
}

// boundCheck: the access token is bound to the key that possession was proved of.
func (e *evidence) boundCheck(s *Step, t *Token) Check {
	const name, section = "cnf binds it to this app's key", "RFC 9449 section 6.1"
	var cnf struct {
		Thumbprint string `json:"jkt"`
	}
	_ = json.Unmarshal(t.Claims["cnf"], &cnf)
	own := e.provedKey(s)
	if cnf.Thumbprint != "" && own == "" {
		return unknown(name, "The proof of possession is not kept, so its key cannot be compared any more.", section)
	}
	return verdict(cnf.Thumbprint != "" && cnf.Thumbprint == own, name, "It has no cnf, or names another key in it.", section)
}

func slash(a, b string) string {
	if a != b && strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") {
		return " (they differ only by a final slash)"
	}
	return ""
}

func (e *evidence) callChecks(s *Step) []Check {
	if len(s.Exchanges) == 0 {
		return nil
	}
	last := s.Exchanges[len(s.Exchanges)-1]
	if last.Status == 0 {
		return []Check{unknown("the resource answered", "No answer came.", "RFC 9110 section 15")}
	}
	out := []Check{
		verdict(last.Status < 400, "the resource accepted the request", fmt.Sprintf("It answered with status %d.", last.Status), "RFC 6750 section 3.1"),
	}
	granted := e.run.Step(fault.StepJWTBearer).Scopes
	if granted != nil && granted.Granted != nil {
		out = append(out, scopeCheck("the token carries every scope asked for", granted.Asked, granted.Granted))
	}
	return out
}
