package flow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"waybill/secret"
	"waybill/transport"
)

// strongToken is how many base64url characters hold 128 bits.
const strongToken = 22

// newToken reads a token as far as that goes.
func newToken(kind TokenKind, value secret.Text, received time.Time, life time.Duration) *Token {
	raw := value.Reveal()
	t := &Token{Kind: kind, Received: received, Life: life, Length: len(raw), Value: value}
	if len(raw) >= strongToken {
		t.Print = value.Fingerprint()
	}
	t.Header, t.Claims = decode(raw)
	t.Opaque = t.Claims == nil
	return t
}

// decode takes a signed JWT apart (RFC 7515 section 3.1); nil for anything else.
func decode(raw string) (header, claims map[string]json.RawMessage) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, nil
	}
	if header = object(parts[0]); header == nil {
		return nil, nil
	}
	if claims = object(parts[1]); claims == nil {
		return nil, nil
	}
	return header, claims
}

func object(part string) (out map[string]json.RawMessage) {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(data, &out) != nil {
		return nil
	}
	return out
}

func (t *Token) withoutValue() *Token {
	if t == nil || t.Value.Empty() {
		return t
	}
	u := *t
	u.Value = secret.Text{}
	return &u
}

// text is a claim or header that is one string.
func text(m map[string]json.RawMessage, name string) string {
	var s string
	_ = json.Unmarshal(m[name], &s)
	return s
}

// Expires is when the token ends by what it says of itself, or else by what came
// along with it, on the clock of whoever issued it; zero if that is not known.
func (t *Token) Expires() time.Time {
	var seconds float64
	if raw, ok := t.Claims["exp"]; ok && json.Unmarshal(raw, &seconds) == nil && seconds > 0 && seconds < 1e12 {
		return time.Unix(int64(seconds), 0)
	}
	if t.Life > 0 && !t.Received.IsZero() {
		return t.Received.Add(t.Life)
	}
	return time.Time{}
}

// asked reads a token request.
func (d *draft) asked(i int, x *transport.Recording) {
	s := &d.run.Steps[i]
	form := formOf(x)
	if i != signIn {
		s.Scopes = &Scopes{Asked: scopes(form["scope"])}
	}
	if i == exchangeStep {
		d.subject(form["subject_token_type"])
	}
	if i == redeem {
		if before := d.run.Steps[exchangeStep].Scopes; before != nil {
			s.Scopes.InIDJAG = before.InIDJAG
		}
	}
}

func formOf(x *transport.Recording) map[string]string {
	form := make(map[string]string, len(x.Request.Form))
	for _, f := range x.Request.Form {
		form[f.Name] = f.Value
	}
	return form
}

// scopes are the names in a scope parameter, nil if there is none.
func scopes(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Fields(value)
}

// brought reads a successful answer of a token endpoint.
func (d *draft) brought(i int, x *transport.Recording) {
	var answer map[string]json.RawMessage
	if json.Unmarshal([]byte(x.Response.Body), &answer) != nil || answer["error"] != nil {
		return
	}
	now := x.Start.Add(x.Timings.Total)
	token := func(name string, kind TokenKind, life time.Duration) *Token {
		placeholder := text(answer, name)
		for _, h := range x.Secrets {
			if placeholder != "" && h.Placeholder() == placeholder {
				return newToken(kind, h.Value, now, life)
			}
		}
		return nil
	}
	life := lifeOf(answer["expires_in"])
	var main *Token
	var extra []*Token
	add := func(t *Token) {
		if t != nil {
			extra = append(extra, t)
		}
	}
	switch i {
	case signIn:
		main = token("id_token", KindIDToken, 0)
		add(token("refresh_token", KindRefreshToken, 0))
		add(token("access_token", KindProviderAccessToken, life))
	case exchangeStep:
		main = token("access_token", KindIDJAG, life)
		add(token("refresh_token", KindRefreshToken, 0))
	case redeem:
		main = token("access_token", KindAccessToken, life)
		add(token("refresh_token", KindRefreshToken, 0))
	}
	s := &d.run.Steps[i]
	if main == nil {
		return
	}
	d.granted(i, answer, main)
	s.Outcome = outcome(i, formOf(x), answer, extra)
	d.r.keep(d, i, main, extra, s.Scopes)
	if s.Token, s.Extra = main, extra; d.stripped {
		s.Token = main.withoutValue()
		for j := range s.Extra {
			s.Extra[j] = s.Extra[j].withoutValue()
		}
	}
}

// keep remembers the tokens in use for the Runs that are served from them. What a
// probe is given is not used.
func (r *Recorder) keep(d *draft, i int, main *Token, extra []*Token, s *Scopes) {
	if d.run.Reason == ReasonProbe || d.gone {
		return
	}
	r.brought[i], r.scopes[i] = main, s
	if i != exchangeStep || len(extra) == 0 {
		r.extra[i] = append([]*Token(nil), extra...)
		return
	}
	r.extra[signIn] = append([]*Token(nil), extra...) // a rotated refresh token takes the place of the old one
}

// granted fills in what scopes came of the request.
func (d *draft) granted(i int, answer map[string]json.RawMessage, t *Token) {
	s := &d.run.Steps[i]
	if s.Scopes == nil {
		return
	}
	said := *s.Scopes
	switch given, ok := answer["scope"]; {
	case i == exchangeStep && ok:
		said.InIDJAG = scopeList(given)
	case i == exchangeStep:
		if claim, ok := t.Claims["scope"]; ok {
			said.InIDJAG = scopeList(claim)
		}
	case ok:
		said.Granted = scopeList(given)
	}
	s.Scopes = &said
}

// scopeList reads a scope member; not nil, since it is there.
func scopeList(raw json.RawMessage) []string {
	out := []string{}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return append(out, strings.Fields(one)...)
	}
	_ = json.Unmarshal(raw, &out)
	return out
}

// lifeOf reads expires_in: seconds, as a number or as digits in a string.
func lifeOf(raw json.RawMessage) time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || seconds < 0 || seconds > 1e9 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// outcome says in a few words what a token request brought.
func outcome(i int, form map[string]string, answer map[string]json.RawMessage, extra []*Token) string {
	switch i {
	case signIn:
		for _, t := range extra {
			if t.Kind == KindRefreshToken {
				return "ID token, refresh token"
			}
		}
		return "ID token"
	case exchangeStep:
		if kind := subjectWords(form["subject_token_type"]); kind != "" {
			return "ID-JAG issued for the " + kind
		}
		return "ID-JAG issued"
	}
	if strings.EqualFold(text(answer, "token_type"), "DPoP") {
		return "access token issued, bound to this app's key (DPoP)"
	}
	return "access token issued"
}

func subjectWords(tokenType string) string {
	switch tokenType[strings.LastIndexByte(tokenType, ':')+1:] {
	case "refresh_token":
		return "refresh token"
	case "id_token":
		return "ID token"
	}
	return ""
}

// stepWords are the steps in the middle of a sentence.
var stepWords = [...]string{"the sign-in", "the token exchange", "the JWT bearer grant", "the call to the resource"}

// fromSession says that the sign-in was not needed.
func (d *draft) fromSession() {
	s := &d.run.Steps[signIn]
	s.State, s.Why = Cached, "You are signed in already."
	if !d.r.signedIn.IsZero() {
		s.Why = "You have been signed in since " + clock(d.r.signedIn) + "."
	}
	s.Token, s.Extra = d.r.brought[signIn], d.r.extra[signIn]
	s.Outcome = held(s)
}

// subject says what of the session was the subject of the exchange.
func (d *draft) subject(tokenType string) {
	s := &d.run.Steps[signIn]
	kind := subjectWords(tokenType)
	if s.State != Cached || kind == "" {
		return
	}
	since := ""
	if !d.r.signedIn.IsZero() {
		since = " of the sign-in at " + clock(d.r.signedIn)
	}
	s.Why = "The " + kind + since + " stands in for a new one."
	if t := s.Token; kind == "ID token" && t != nil {
		if left := time.Until(t.Expires()); left > 0 {
			s.Why = "The ID token" + since + " is valid for another " + duration(left) + "."
		}
	}
}

// cached says of the steps before the call what they were served from.
func (d *draft) cached(token secret.Text) {
	d.fromSession()
	t := d.r.brought[redeem]
	if t == nil || token.Empty() || !t.Value.Equal(token) {
		return
	}
	d.bearers = append(d.bearers, token)
	s := &d.run.Steps[redeem]
	s.State, s.Token, s.Extra, s.Scopes = Cached, t, d.r.extra[redeem], d.r.scopes[redeem]
	s.Why, s.Outcome = "The access token from "+clock(t.Received)+" is still used.", "access token"
	if t.Life > 0 {
		if left := time.Until(t.Received.Add(t.Life)); left > 0 {
			s.Why = "The access token from " + clock(t.Received) + " is valid for another " + duration(left) + "."
		}
	}
	s = &d.run.Steps[exchangeStep]
	s.State, s.Token, s.Scopes = Cached, d.r.brought[exchangeStep], d.r.scopes[exchangeStep]
	s.Why, s.Outcome = "A new ID-JAG is needed only for a new access token.", "ID-JAG, redeemed before"
}

// held says what a session is made of.
func held(s *Step) string {
	var all []string
	if s.Token != nil {
		all = append(all, "ID token")
	}
	for _, t := range s.Extra {
		if t.Kind == KindRefreshToken {
			all = append(all, "refresh token")
		}
	}
	return listed(all)
}

func listed(all []string) string { return strings.Join(all, ", ") }

// clock is the time of day on this computer, with the date if it is not today.
func clock(at time.Time) string {
	at = at.Local()
	if now := time.Now(); at.Year() != now.Year() || at.YearDay() != now.YearDay() {
		return at.Format("15:04 on 2 January 2006")
	}
	return at.Format("15:04")
}

// duration is written with its two greatest units: "1 h 53 min", "45 s".
func duration(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
