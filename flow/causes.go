package flow

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// causes ranks what may have made a step fail: what is proven first, then what
// something speaks for, then what cannot be seen from here. There is always one
// at least.
func (e *evidence) causes(s *Step) []Cause {
	var out []Cause
	if e.plan != nil {
		out = e.particular(s)
	}
	if len(out) == 0 {
		out = []Cause{faultCause(s.Fault)}
	}
	slices.SortStableFunc(out, func(a, b Cause) int { return int(a.Evidence) - int(b.Evidence) })
	return out
}

// faultCause is what the failure itself says.
func faultCause(f *fault.Fault) Cause {
	if f.Kind == fault.Offline && f.Remedy == "" {
		f = f.WithRemedy("Try again when the server can be reached.")
	}
	return Cause{Code: codeOf(f), Sentence: f.Message, Detail: detailOf(f), Remedy: f.Remedy, Field: f.Field, Evidence: Likely}
}

func codeOf(f *fault.Fault) string {
	if f.Code == "" {
		return "failed"
	}
	return f.Code
}

func detailOf(f *fault.Fault) string {
	switch {
	case f.Status != 0 && f.Code != "":
		return fmt.Sprintf("HTTP %d, error %s.", f.Status, fault.Clean(f.Code, 80))
	case f.Status != 0:
		return fmt.Sprintf("HTTP %d.", f.Status)
	}
	return ""
}

// particular are the causes of the failures that a step is known for; nil: it is
// none of those.
func (e *evidence) particular(s *Step) []Cause {
	code := s.Fault.Code
	switch {
	case code == "invalid_client":
		return e.clientCauses(s)
	case code == "bad_id_jag":
		return e.jagCauses()
	case s.Fault.Kind == fault.Offline, s.Fault.Kind == fault.Canceled:
		return nil
	}
	switch s.Name {
	case fault.StepExchange:
		return e.exchangeCauses(s)
	case fault.StepJWTBearer:
		return e.grantCauses(s)
	case fault.StepCall:
		return e.callCauses(s)
	}
	return nil
}

// jagCauses are for an ID-JAG that was not sent on.
func (e *evidence) jagCauses() []Cause {
	var out []Cause
	for _, r := range (auth.GrantEvidence{Plan: e.plan, Claims: e.jag, Checks: e.jagChecks}).Reasons() {
		if r.Strength == auth.Proven {
			out = append(out, e.reasonCause(r, "The ID-JAG was not sent on: "))
		}
	}
	return out
}

func (e *evidence) reasonCause(r auth.Reason, before string) Cause {
	return Cause{Code: r.Code, Sentence: before + r.Says + ".", Detail: e.jagDetail(), Remedy: r.Remedy, Field: r.Field, Evidence: Evidence(r.Strength)}
}

// jagDetail sets what the ID-JAG says beside what the connection expects.
func (e *evidence) jagDetail() string {
	if e.jag == nil {
		return ""
	}
	c := e.jag
	parts := []string{
		"typ " + quoted(c.Type),
		"iss " + quoted(c.Issuer) + " (expected " + quoted(e.plan.Provider.Issuer) + ")",
		"aud " + quoted(strings.Join(c.Audience, ", ")) + " (expected " + quoted(e.plan.Server.Issuer) + ")",
		"client_id " + quoted(c.ClientID) + " (expected " + quoted(e.conn.Resource.ClientID) + ")",
		"resource " + quoted(strings.Join(c.Resource, ", ")) + " (asked for " + quoted(e.plan.Resource) + ")",
		"jti " + quoted(c.ID),
		"iat " + instant(c.Issued), "nbf " + instant(c.NotBefore), "exp " + instant(c.Expires),
	}
	for who, address := range map[string]string{"identity provider": e.plan.Provider.TokenEndpoint, "authorization server": e.plan.Server.TokenEndpoint} {
		if ahead, known := e.known(address); known {
			parts = append(parts, fmt.Sprintf("clock of the %s %+d s", who, int(ahead.Seconds())))
		}
	}
	slices.Sort(parts[len(parts)-min(2, len(parts)):])
	return strings.Join(parts, "; ") + "."
}

func quoted(s string) string {
	if s == "" {
		return "missing"
	}
	return "“" + fault.Clean(s, 120) + "”"
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "missing"
	}
	return t.UTC().Format(time.RFC3339)
}

// clientCauses are for a client that was not accepted (RFC 6749 section 5.2).
func (e *evidence) clientCauses(s *Step) []Cause {
	used := usedMethod(s)
	g := auth.ClientEvidence{
		AtResource: s.Name == fault.StepJWTBearer, Connection: *e.conn, Method: connection.AuthMethod(used),
		Credentials: e.plan.Credentials, Offers: e.plan.Provider.TokenAuthMethods,
	}
	who, id, other := "identity provider", e.conn.IdP.ClientID, e.conn.Resource.ClientID
	if g.AtResource {
		g.Offers = e.plan.Server.TokenAuthMethods
		who, id, other = "resource's authorization server", other, id
	}
	detail := fmt.Sprintf("Sent to the %s: client id %s by %s; the other pair's id is %s.", who, quoted(id), used, quoted(other))
	var out []Cause
	for _, r := range g.Reasons() {
		out = append(out, Cause{Code: r.Code, Sentence: r.Says + ".", Detail: detail, Remedy: r.Remedy, Field: r.Field, Evidence: Evidence(r.Strength)})
	}
	return out
}

// exchangeCauses are for a refusal at the token exchange (RFC 6749 section 5.2,
// RFC 8693 section 2.2.2).
func (e *evidence) exchangeCauses(s *Step) []Cause {
	base := faultCause(s.Fault)
	base.Detail = fmt.Sprintf("Asked for audience %s, resource %s, scope %s, with %s as subject. %s",
		quoted(form(s, "audience")), quoted(form(s, "resource")), quoted(form(s, "scope")), quoted(last(form(s, "subject_token_type"))), detailOf(s.Fault))
	with := func(code string, ev Evidence, sentence, remedy, field string) Cause {
		return Cause{Code: code, Sentence: sentence, Detail: base.Detail, Remedy: remedy, Field: field, Evidence: ev}
	}
	out := []Cause{base}
	id := e.idToken()
	subject := last(form(s, "subject_token_type"))
	switch s.Fault.Code {
	case "unsupported_grant_type", "unauthorized_client":
		if e.plan.Provider.Offers().Exchange == auth.No {
			out = append(out, with("exchange_not_listed", Proven, "The identity provider does not list token exchange among the grants that it offers.", "Ask whoever runs it whether it supports Cross App Access.", ""))
		}
	case "unsupported_token_type":
		out = append(out, e.subjectCauses(s, with)...)
	case "invalid_request":
		out = append(out, e.subjectCauses(s, with)...)
		if id != nil && subject == "id_token" && !slices.Contains(texts(id.Claims, "aud"), e.conn.IdP.ClientID) {
			out = append(out, with("id_token_of_another_client", Proven, "The ID token was issued to another app than this one.", "Sign in with this connection.", "idp.client_id"))
		}
		for _, name := range []string{"audience", "resource", "scope"} {
			if form(s, name) == "" {
				out = append(out, with("missing_"+name, Proven, "The request named no "+name+".", "Set it in the connection.", map[string]string{"audience": "resource.audience", "resource": "resource.identifier", "scope": "resource.scopes"}[name]))
			}
		}
	case "invalid_target":
		for _, r := range auth.TargetReasons(e.plan, e.resourceSays()) {
			out = append(out, with(r.Code, Evidence(r.Strength), r.Says+".", r.Remedy, r.Field))
		}
	case "invalid_scope":
		if m := e.plan.Metadata; m != nil && m.Scopes != nil {
			if extra := without(e.conn.ResourceScopes(), m.Scopes); len(extra) > 0 {
				out = append(out, with("scope_unknown", Proven, "The resource does not list the scope "+fault.Clean(strings.Join(extra, " "), 120)+".", "Take it out of the connection.", "resource.scopes"))
			}
		}
	case "invalid_grant":
		if id != nil && subject == "id_token" && !date(id.Claims, "exp").After(s.Began.Add(e.skew(e.plan.Provider.TokenEndpoint))) {
			out = append(out, with("id_token_expired", Proven, "The ID token had expired by the identity provider's clock.", "Sign in again; with the scope offline_access the session can be renewed.", "idp.scopes"))
		}
		if ahead, known := e.known(e.plan.Provider.TokenEndpoint); known && ahead.Abs() > 20*time.Second {
			out = append(out, with("clock_skew", Possible, fmt.Sprintf("This computer's clock and the identity provider's are %d seconds apart.", int(ahead.Abs().Seconds())), "Set this computer's clock.", ""))
		}
	}
	return out
}

// subjectCauses are for a kind of token that the identity provider does not list
// among what it exchanges.
func (e *evidence) subjectCauses(s *Step, with func(code string, ev Evidence, sentence, remedy, field string) Cause) []Cause {
	kind := form(s, "subject_token_type")
	if lists(e.plan.Provider.SubjectTokenTypes, kind) != auth.No {
		return nil
	}
	other := "id_token"
	if last(kind) == other {
		other = "refresh_token"
	}
	return []Cause{with("subject_not_listed", Proven, "The identity provider does not list "+last(kind)+" among the kinds of token that it exchanges.",
		"Set the subject of the connection to "+other+", or leave it empty.", "subject")}
}

func last(urn string) string { return urn[strings.LastIndexByte(urn, ':')+1:] }

// resourceSays is the resource's metadata: as the plan has it, or as it was asked
// for when the target had been refused; nil if it is not known.
func (e *evidence) resourceSays() *auth.ResourceMetadata {
	if e.plan.Metadata != nil {
		return e.plan.Metadata
	}
	for _, x := range e.run.Discovery {
		var said struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
		}
		if strings.Contains(x.URL, "/.well-known/oauth-protected-resource") && x.Status == http.StatusOK && json.Unmarshal([]byte(x.Response.Body), &said) == nil {
			return &auth.ResourceMetadata{Resource: said.Resource, AuthorizationServers: said.Servers}
		}
	}
	return nil
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// idToken is the ID token of the Run's sign-in, nil if there was none.
func (e *evidence) idToken() *Token {
	if t := e.run.Step(fault.StepSignIn).Token; t != nil && t.Kind == KindIDToken && !t.Opaque {
		return t
	}
	return nil
}

// grantCauses are for a refusal at the JWT bearer grant (RFC 7523 section 3.1).
func (e *evidence) grantCauses(s *Step) []Cause {
	switch s.Fault.Code {
	case "invalid_grant":
		g := auth.GrantEvidence{Plan: e.plan, Claims: e.jag, Checks: e.jagChecks, SentBefore: e.sentBefore, Signed: e.signed}
		here, okHere := e.known(e.plan.Server.TokenEndpoint)
		there, okThere := e.known(e.plan.Provider.TokenEndpoint)
		g.Ahead, g.AheadKnown = here-there, okHere && okThere
		if n := len(s.Exchanges); n > 0 {
			g.Sent = s.Exchanges[n-1].Start.Add(there)
		}
		var out []Cause
		for _, r := range g.Reasons() {
			out = append(out, e.reasonCause(r, "The authorization server refused the ID-JAG: "))
		}
		return out
	case "empty_grant":
		base := faultCause(s.Fault)
		base.Evidence = Proven
		if sc := s.Scopes; sc != nil {
			base.Detail = sc.words()
		}
		return []Cause{base}
	}
	return nil
}

// callCauses are for a refusal by the resource (RFC 6750 section 3.1).
func (e *evidence) callCauses(s *Step) []Cause {
	base := faultCause(s.Fault)
	grant := e.run.Step(fault.StepJWTBearer)
	var out []Cause
	add := func(code string, ev Evidence, sentence, detail, remedy, field string) {
		out = append(out, Cause{Code: code, Sentence: sentence, Detail: detail, Remedy: remedy, Field: field, Evidence: ev})
	}
	switch {
	case s.Fault.Status == 401 || s.Fault.Code == "invalid_token":
		if t := grant.Token; t != nil && !t.Opaque {
			aud := texts(t.Claims, "aud")
			if !slices.Contains(aud, e.plan.Resource) {
				add("token_audience", Proven, "The access token is for "+fault.Clean(strings.Join(aud, ", "), 120)+" and not for this resource"+slash(strings.Join(aud, " "), e.plan.Resource)+".",
					fmt.Sprintf("aud %s; the resource asked for was %s, its address is %s.", quoted(strings.Join(aud, ", ")), quoted(e.plan.Resource), quoted(e.conn.Resource.URL)),
					"Correct the resource identifier in the connection.", "resource.identifier")
			}
			if at := date(t.Claims, "exp"); !at.IsZero() && !at.After(s.Began.Add(e.skew(e.conn.Resource.URL))) {
				add("token_expired", Proven, "The access token had expired by the resource's clock.", "exp "+instant(at)+".", "Run it again; if it stays so, compare the servers' clocks.", "")
			}
			if iss := text(t.Claims, "iss"); iss != "" && iss != e.plan.Server.Issuer {
				add("token_issuer", Likely, "The access token was issued by "+fault.Clean(iss, 120)+", another server than the one that was asked.", "", "Tell whoever runs the authorization server.", "")
			}
		}
		if e.plan.Resource != e.conn.Resource.URL {
			add("resource_mismatch", Possible, "The resource may expect its own address in the token, which is "+fault.Clean(e.conn.Resource.URL, 120)+"; the token was asked for "+fault.Clean(e.plan.Resource, 120)+".", "", "Compare the resource identifier with what the resource's metadata says.", "resource.identifier")
		}
	case s.Fault.Code == "insufficient_scope" || s.Fault.Code == "scope":
		if base.Evidence = Proven; grant.Scopes != nil {
			base.Detail = grant.Scopes.words()
		}
	}
	return append(out, base)
}

// words set the scopes side by side.
func (s *Scopes) words() string {
	show := func(scopes []string) string {
		switch {
		case scopes == nil:
			return "not said"
		case len(scopes) == 0:
			return "none"
		}
		return quoted(strings.Join(scopes, " "))
	}
	return "Asked for " + show(s.Asked) + "; in the ID-JAG " + show(s.InIDJAG) + "; granted " + show(s.Granted) + "."
}
