package flow

import (
	"encoding/json"
	"net/http"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// evidence is what a Run and those before it show, gathered once.
type evidence struct {
	run        *Run
	plan       *auth.Plan             // nil if there is none
	conn       *connection.Connection // of plan; nil if there is none
	jag        *auth.IDJAGClaims      // nil if there is none that can be read
	jagChecks  []auth.Check
	ahead      map[string]time.Duration // of servers' clocks before this computer's, by origin
	sentBefore bool                     // the ID-JAG had been sent to a server before
	signed     auth.Signed              // what is seen of the ID-JAG's signature
}

func gather(r *Run, earlier []*Run) *evidence {
	e := &evidence{run: r, plan: r.Plan, ahead: map[string]time.Duration{}}
	for _, x := range r.Discovery {
		e.clock(x)
	}
	for i := range r.Steps {
		for _, x := range r.Steps[i].Exchanges {
			e.clock(x)
		}
	}
	if r.Plan == nil {
		return e
	}
	e.conn = &r.Plan.Connection
	t := r.Step(fault.StepExchange).Token
	if t == nil || t.Kind != KindIDJAG || t.Opaque {
		return e
	}
	e.jag = auth.ReadIDJAG(t.Header, t.Claims)
	now := t.Received.Add(e.skew(r.Plan.Provider.TokenEndpoint))
	e.jagChecks = append(e.jag.Check(r.Plan, now), e.keyChecks()...)
	e.sentBefore = sentBefore(r, earlier, t)
	e.signed = signed(r, earlier, t)
	return e
}

// signed checks an ID-JAG's signature with the keys that were fetched: for this
// Run, else as they were for an earlier one of the connection. It asks nobody.
func signed(r *Run, earlier []*Run, t *Token) auth.Signed {
	if t.Value.Empty() {
		return auth.Signed{Verdict: t.Signature, Says: map[auth.Tri]string{
			auth.No:      "The key that it names is published, and it did not make this signature.",
			auth.Unknown: "Its value is not kept once there is a newer run, so it cannot be checked any more.",
		}[t.Signature]}
	}
	found, known := r.Plan.Provider.Signed(auth.IDJAG{Text: t.Value})
	if known {
		return found
	}
	for _, run := range append([]*Run{r}, earlier...) {
		if keys := published(run, r.Plan.Provider.JWKSURI); keys != nil && run.Connection == r.Connection {
			return auth.SignedBy(keys, t.Value)
		}
	}
	return found
}

// published is the key set that was fetched for a Run, nil if none was.
func published(r *Run, address string) []byte {
	for _, x := range r.Discovery {
		if x.URL == address && address != "" && x.Status == http.StatusOK && x.Fault == nil && !x.Response.Cut {
			return []byte(x.Response.Body)
		}
	}
	return nil
}

// clock learns a server's clock from its Date field (RFC 9110 section 6.6.1),
// which lies anywhere within its second. An answer out of a cache says nothing.
func (e *evidence) clock(x transport.Recording) {
	at, err := http.ParseTime(x.Response.Header.Get("Date"))
	origin, bad := transport.Origin(x.URL)
	if err != nil || bad != nil || x.Response.Header.Get("Age") != "" {
		return
	}
	half := x.Start.Add(x.Timings.Headers / 2)
	ahead := at.Add(time.Second / 2).Sub(half)
	if ahead.Abs() < time.Second {
		ahead = 0
	}
	e.ahead[origin] = ahead
}

func (e *evidence) skew(address string) time.Duration {
	ahead, _ := e.known(address)
	return ahead
}

func (e *evidence) known(address string) (time.Duration, bool) {
	origin, err := transport.Origin(address)
	if err != nil {
		return 0, false
	}
	ahead, known := e.ahead[origin]
	return ahead, known
}

// keyChecks hold the key that the ID-JAG is bound to against the one that the
// exchange has proved possession of.
func (e *evidence) keyChecks() []auth.Check {
	own := e.provedKey(e.run.Step(fault.StepExchange))
	if e.conn.DPoP && own == "" && e.jag.Confirmation != nil {
		return []auth.Check{{Name: "key", Must: true, Says: "the proof of possession is not kept, so its key cannot be compared any more"}}
	}
	if e.conn.DPoP && own == "" {
		own = "some key"
	}
	return e.jag.CheckKey(own)
}

// provedKey is the thumbprint of the key in the DPoP proof of a step's last
// request, "" if there was none or it is not kept.
func (e *evidence) provedKey(s *Step) string {
	if len(s.Exchanges) == 0 {
		return ""
	}
	x := s.Exchanges[len(s.Exchanges)-1]
	for _, h := range x.Secrets {
		if x.Request.Header.Get("DPoP") == h.Placeholder() {
			return auth.ProofThumbprint(h.Value)
		}
	}
	return ""
}

// sentBefore reports whether the token had been sent as an assertion before the
// last time in r.
func sentBefore(r *Run, earlier []*Run, t *Token) bool {
	times := 0
	for _, run := range append([]*Run{r}, earlier...) {
		other := run.Step(fault.StepExchange).Token
		if other == nil || other.Print != t.Print && !sameID(other, t) {
			continue
		}
		for _, x := range run.Step(fault.StepJWTBearer).Exchanges {
			// A server that wants a nonce first has not looked at the assertion.
			if x.Fault == nil || x.Status != 0 {
				times++
			}
			if x.Response.Header.Get("DPoP-Nonce") != "" && x.Status == http.StatusBadRequest {
				times--
			}
		}
	}
	return times > 1
}

// sameID reports whether two tokens have the same issuer and id.
func sameID(a, b *Token) bool {
	id := text(a.Claims, "jti")
	return id != "" && id == text(b.Claims, "jti") && text(a.Claims, "iss") == text(b.Claims, "iss")
}

// texts is a claim that is a string or a list of strings.
func texts(claims map[string]json.RawMessage, name string) []string {
	if s := text(claims, name); s != "" {
		return []string{s}
	}
	var list []string
	_ = json.Unmarshal(claims[name], &list)
	return list
}

// date is a claim that is a NumericDate (RFC 7519 section 2); zero if it is not.
func date(claims map[string]json.RawMessage, name string) time.Time {
	var seconds float64
	if json.Unmarshal(claims[name], &seconds) != nil || seconds <= 0 || seconds > 1e11 {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000))
}
