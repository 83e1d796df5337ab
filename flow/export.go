package flow

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// TraceFormat and TraceVersion name the format of WriteJSON. The version is
// raised when something that was there means another thing or is gone.
const (
	TraceFormat  = "waybill-trace"
	TraceVersion = 1
)

// Export says what goes into a file. The zero value is what one may send to
// somebody else: no secret, and of the to-dos only their shape.
type Export struct {
	By    string    // the program and its version
	Made  time.Time // zero: now
	Todos bool      // keeps what the to-dos say

	// Secrets are written out only if both are set, so that no single switch
	// and no slip does it.
	Reveal, RevealAgain bool
}

// check refuses to reveal for one word alone.
func (o Export) check() error {
	if o.Reveal != o.RevealAgain {
		return fault.New(fault.StepSetup, fault.Config, "reveal_once",
			"A file with secrets in it is written only if that is asked for twice.")
	}
	return nil
}

func (o Export) made() time.Time {
	if o.Made.IsZero() {
		return time.Now()
	}
	return o.Made
}

// WriteJSON writes runs in Waybill's own format, which docs/trace.schema.json
// describes. What is secret is left out unless o asks for it twice.
func WriteJSON(w io.Writer, runs []*Run, o Export) error {
	if err := o.check(); err != nil {
		return err
	}
	file := traceJSON{Format: TraceFormat, Version: TraceVersion, Made: o.made().UTC(), By: o.By, Redacted: !o.Reveal, Runs: []runJSON{}}
	for _, r := range runs {
		file.Runs = append(file.Runs, o.run(r))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(file)
}

type traceJSON struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Made     time.Time `json:"made"`
	By       string    `json:"by"`
	Redacted bool      `json:"redacted"`
	Runs     []runJSON `json:"runs"`
}

type runJSON struct {
	ID         uint64         `json:"id"`
	Connection string         `json:"connection"`
	Reason     string         `json:"reason"`
	Began      time.Time      `json:"began"`
	TookMS     float64        `json:"took_ms"`
	Running    bool           `json:"running,omitempty"`
	RoundTrips int            `json:"round_trips"`
	Plan       *planJSON      `json:"plan,omitempty"`
	Discovery  []exchangeJSON `json:"discovery"`
	Steps      []stepJSON     `json:"steps"`
}

// planJSON is what was known before: addresses and names, no credentials.
type planJSON struct {
	Issuer              string   `json:"issuer"`
	IdPClientID         string   `json:"idp_client_id"`
	IdPTokenEndpoint    string   `json:"idp_token_endpoint"`
	AuthorizationServer string   `json:"authorization_server"`
	ResourceClientID    string   `json:"resource_client_id"`
	TokenEndpoint       string   `json:"token_endpoint"`
	Audience            string   `json:"audience"`
	Resource            string   `json:"resource"`
	Kind                string   `json:"kind"`
	URL                 string   `json:"url"`
	Scopes              []string `json:"scopes"`
	DPoP                bool     `json:"dpop"`
}

type stepJSON struct {
	Step      string         `json:"step"`
	State     string         `json:"state"`
	Why       string         `json:"why,omitempty"`
	Party     string         `json:"party,omitempty"`
	Began     *time.Time     `json:"began,omitempty"`
	TookMS    float64        `json:"took_ms"`
	Outcome   string         `json:"outcome,omitempty"`
	Token     *tokenJSON     `json:"token,omitempty"`
	Others    []tokenJSON    `json:"other_tokens,omitempty"`
	Scopes    *scopesJSON    `json:"scopes,omitempty"`
	Notes     []string       `json:"notes,omitempty"`
	Checks    []checkJSON    `json:"checks,omitempty"`
	Error     *errorJSON     `json:"error,omitempty"`
	Causes    []causeJSON    `json:"causes,omitempty"`
	Exchanges []exchangeJSON `json:"exchanges"`
	Omitted   int            `json:"exchanges_omitted,omitempty"`
}

type tokenJSON struct {
	Kind        string                     `json:"kind"`
	Opaque      bool                       `json:"opaque"`
	Header      map[string]json.RawMessage `json:"header,omitempty"`
	Claims      map[string]json.RawMessage `json:"claims,omitempty"`
	Received    time.Time                  `json:"received"`
	ExpiresIn   int                        `json:"expires_in,omitempty"`
	Length      int                        `json:"length"`
	Fingerprint string                     `json:"fingerprint"`
	Signature   string                     `json:"signature"`
	Value       string                     `json:"value,omitempty"`
}

type scopesJSON struct {
	Asked   []string `json:"asked"`
	InIDJAG []string `json:"in_id_jag,omitempty"`
	Granted []string `json:"granted,omitempty"`
}

type checkJSON struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Finding string `json:"finding,omitempty"`
	Section string `json:"section"`
	Advice  bool   `json:"advice,omitempty"`
}

type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Server  string `json:"server_says,omitempty"`
	Status  int    `json:"status,omitempty"`
	Field   string `json:"field,omitempty"`
}

type causeJSON struct {
	Code     string `json:"code"`
	Evidence string `json:"evidence"`
	Sentence string `json:"sentence"`
	Detail   string `json:"detail,omitempty"`
	Remedy   string `json:"remedy,omitempty"`
	Field    string `json:"field,omitempty"`
}

type exchangeJSON struct {
	Role     string      `json:"role"`
	Method   string      `json:"method"`
	URL      string      `json:"url"`
	Status   int         `json:"status"`
	Protocol string      `json:"protocol,omitempty"`
	Reused   bool        `json:"connection_reused"`
	Remote   string      `json:"remote,omitempty"`
	Start    time.Time   `json:"start"`
	Timings  timingsJSON `json:"timings_ms"`
	Request  messageJSON `json:"request"`
	Response messageJSON `json:"response"`
	Error    *errorJSON  `json:"error,omitempty"`
	Secrets  []string    `json:"secrets,omitempty"` // names of the placeholders
}

type timingsJSON struct {
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"`
	TLS     float64 `json:"tls"`
	Headers float64 `json:"headers"`
	Total   float64 `json:"total"`
}

type messageJSON struct {
	Headers []pairJSON `json:"headers"`
	Form    []pairJSON `json:"form,omitempty"`
	Body    string     `json:"body,omitempty"`
	Size    int64      `json:"size"`
	Cut     bool       `json:"cut,omitempty"`
}

type pairJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

var (
	reasonNames = map[Reason]string{ReasonSignIn: "sign_in", ReasonMint: "mint", ReasonCall: "call", ReasonAgain: "again", ReasonProbe: "probe", ReasonExplore: "explore"}
	stateNames  = map[State]string{NotRun: "not_run", Running: "running", Done: "done", Failed: "failed", Cached: "cached"}
	kindNames   = map[TokenKind]string{KindIDToken: "id_token", KindRefreshToken: "refresh_token", KindIDJAG: "id_jag",
		KindAccessToken: "access_token", KindProviderAccessToken: "provider_access_token"}
	evidenceNames = map[Evidence]string{Proven: "proven", Likely: "likely", Possible: "possible"}
	verdictNames  = map[auth.Tri]string{auth.Yes: "passed", auth.No: "failed", auth.Unknown: "could not tell"}
	roleNames     = map[transport.Role]string{transport.Metadata: "metadata", transport.Token: "token", transport.Resource: "resource", transport.Stream: "stream"}
)

func (o Export) run(r *Run) runJSON {
	out := runJSON{ID: r.ID, Connection: r.Connection, Reason: reasonNames[r.Reason], Began: r.Began.UTC(), TookMS: ms(r.Took), Running: r.Running,
		RoundTrips: r.RoundTrips, Plan: planOf(r.Plan), Discovery: o.exchanges(r.Discovery), Steps: []stepJSON{}}
	for i := range r.Steps {
		out.Steps = append(out.Steps, o.step(&r.Steps[i]))
	}
	return out
}

func planOf(p *auth.Plan) *planJSON {
	if p == nil {
		return nil
	}
	c := p.Connection
	return &planJSON{
		Issuer: p.Provider.Issuer, IdPClientID: c.IdP.ClientID, IdPTokenEndpoint: p.Provider.TokenEndpoint,
		AuthorizationServer: p.Server.Issuer, ResourceClientID: c.Resource.ClientID, TokenEndpoint: p.Server.TokenEndpoint,
		Audience: p.Audience, Resource: p.Resource, Kind: string(c.Resource.Kind), URL: c.Resource.URL,
		Scopes: c.ResourceScopes(), DPoP: c.DPoP,
	}
}

func (o Export) step(s *Step) stepJSON {
	out := stepJSON{Step: string(s.Name), State: stateNames[s.State], Why: s.Why, Party: s.Party, TookMS: ms(s.Took), Outcome: s.Outcome,
		Notes: s.Notes, Error: o.words(s, errorOf(s.Fault)), Exchanges: o.exchanges(s.Exchanges), Omitted: s.Omitted}
	if !s.Began.IsZero() {
		began := s.Began.UTC()
		out.Began = &began
	}
	if s.Token != nil {
		t := o.token(s.Token)
		out.Token = &t
	}
	for _, t := range s.Extra {
		out.Others = append(out.Others, o.token(t))
	}
	if sc := s.Scopes; sc != nil {
		out.Scopes = &scopesJSON{append([]string{}, sc.Asked...), sc.InIDJAG, sc.Granted}
	}
	for _, c := range s.Checks {
		out.Checks = append(out.Checks, checkJSON{c.Name, verdictNames[c.Verdict], c.Says, c.Section, c.Advice})
	}
	for _, c := range s.Causes {
		out.Causes = append(out.Causes, causeJSON{c.Code, evidenceNames[c.Evidence], c.Sentence, c.Detail, c.Remedy, c.Field})
	}
	return out
}

func (o Export) token(t *Token) tokenJSON {
	out := tokenJSON{Kind: kindNames[t.Kind], Opaque: t.Opaque, Header: t.Header, Claims: t.Claims, Received: t.Received.UTC(),
		ExpiresIn: int(t.Life.Seconds()), Length: t.Length, Fingerprint: t.Print, Signature: verdictNames[t.Signature]}
	if o.Reveal {
		out.Value = t.Value.Reveal()
	}
	return out
}

func errorOf(f *fault.Fault) *errorJSON {
	if f == nil {
		return nil
	}
	return &errorJSON{codeOf(f), f.Message, f.Remedy, f.Server, f.Status, f.Field}
}

func (o Export) exchanges(all []transport.Recording) []exchangeJSON {
	out := []exchangeJSON{}
	for _, x := range all {
		e := exchangeJSON{
			Role: roleNames[x.Role], Method: x.Method, URL: o.address(x), Status: x.Status, Protocol: x.Proto, Reused: x.Reused, Remote: x.Remote,
			Start:   x.Start.UTC(),
			Timings: timingsJSON{ms(x.Timings.DNS), ms(x.Timings.Connect), ms(x.Timings.TLS), ms(x.Timings.Headers), ms(x.Timings.Total)},
			Request: o.message(x, x.Request), Response: o.message(x, x.Response), Error: errorOf(x.Fault),
		}
		for _, h := range x.Secrets {
			e.Secrets = append(e.Secrets, h.Name)
		}
		out = append(out, e)
	}
	return out
}

func (o Export) message(x transport.Recording, m transport.Message) messageJSON {
	out := messageJSON{Headers: []pairJSON{}, Size: m.Size, Cut: m.Cut, Body: o.body(x, m)}
	for _, name := range headerNames(m.Header) {
		for _, value := range m.Header[name] {
			out.Headers = append(out.Headers, pairJSON{name, o.text(x, value)})
		}
	}
	for _, f := range m.Form {
		out.Form = append(out.Form, pairJSON{f.Name, o.text(x, f.Value)})
	}
	return out
}

// text is a text of a Recording, with its secrets where they were asked for
// twice.
func (o Export) text(x transport.Recording, text string) string {
	if !o.Reveal {
		return text
	}
	pairs := make([]string, 0, 2*len(x.Secrets))
	for _, h := range x.Secrets {
		if !h.Value.Empty() {
			pairs = append(pairs, h.Placeholder(), h.Value.Reveal())
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// body is a message's body. What the resource and the user say to one another
// is theirs: unless it is asked for, only its shape goes into a file.
func (o Export) body(x transport.Recording, m transport.Message) string {
	theirs := x.Role == transport.Resource || x.Role == transport.Stream
	if !theirs || o.Todos || m.Body == "" {
		return o.text(x, m.Body)
	}
	if m.Cut {
		return leftOut(m.Body)
	}
	if mediaType, _, _ := strings.Cut(m.Header.Get("Content-Type"), ";"); strings.TrimSpace(mediaType) == "text/event-stream" {
		return shapeOfEvents(m.Body)
	}
	return shapeOf(m.Body)
}

func leftOut(body string) string { return fmt.Sprintf("(%d bytes left out)", len(body)) }

// shapeOf is JSON without what its texts say.
func shapeOf(body string) string {
	var v any
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	if decoder.Decode(&v) != nil {
		return leftOut(body)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(onlyShape(v)) != nil {
		return leftOut(body)
	}
	return strings.TrimSpace(b.String())
}

// shapeOfEvents keeps the fields of an event stream, and of each its shape.
func shapeOfEvents(body string) string {
	var b strings.Builder
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, _ := strings.Cut(line, ":"); {
		case line == "":
		case name == "data":
			b.WriteString("data: " + shapeOf(strings.TrimPrefix(value, " ")))
		case name == "event", name == "id", name == "retry":
			fmt.Fprintf(&b, "%s: (%d characters)", name, len([]rune(strings.TrimPrefix(value, " "))))
		default:
			b.WriteString(leftOut(line))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// address is the address of a Recording: what was secret in it is escaped, as it
// was when it was sent.
func (o Export) address(x transport.Recording) string {
	for i, h := range x.Secrets {
		if i == 0 {
			x.Secrets = slices.Clone(x.Secrets)
		}
		x.Secrets[i].Value = secret.New(url.QueryEscape(h.Value.Reveal()))
	}
	return o.text(x, x.URL)
}

// words keeps from the other side what the resource says of the to-dos: its words
// are left out unless they stand in a header, which is about the access.
func (o Export) words(s *Step, e *errorJSON) *errorJSON {
	if e == nil || s.Name != fault.StepCall || o.Todos || e.Server == "" {
		return e
	}
	for _, x := range s.Exchanges {
		for _, challenge := range x.Response.Header.Values("WWW-Authenticate") {
			if strings.Contains(fault.Clean(challenge, fault.MaxServerRunes), e.Server) {
				return e
			}
		}
	}
	e.Server = fmt.Sprintf("(%d characters)", len([]rune(e.Server)))
	return e
}

// onlyShape keeps names, numbers and truth values, and of texts their length.
func onlyShape(v any) any {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("(%d characters)", len([]rune(v)))
	case []any:
		for i := range v {
			v[i] = onlyShape(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = onlyShape(v[name])
		}
	}
	return v
}

func headerNames(h http.Header) []string { return slices.Sorted(maps.Keys(h)) }
