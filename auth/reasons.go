package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"waybill/fault"
)

// Strength is how well what is known here speaks for a Reason.
type Strength int

// The strengths, the strongest first.
const (
	Proven   Strength = iota + 1 // it is seen in what was sent or received
	Likely                       // something seen speaks for it
	Possible                     // nothing speaks against it
)

// Reason is one thing that may have made an authorization server refuse an
// ID-JAG. Its texts are safe to show.
type Reason struct {
	Code     string // short and stable, such as "clock_skew"
	Strength Strength
	Says     string // completes "the grant was refused: …", without a full stop
	Remedy   string // one sentence
	Field    string // of the connection that it has to do with; "" for none
}

// GrantEvidence is what is known here when an authorization server has refused
// an ID-JAG.
type GrantEvidence struct {
	Plan   *Plan
	Claims *IDJAGClaims // nil: it cannot be read
	Checks []Check      // of the ID-JAG, by the identity provider's clock

	// Ahead is how much the authorization server's clock is ahead of the
	// identity provider's, as far as that is known.
	Ahead      time.Duration
	AheadKnown bool
	Sent       time.Time // when it was sent, by the identity provider's clock; zero: unknown

	SentBefore bool   // the same ID-JAG had been sent before
	Signed     Signed // what is seen of its signature
}

const (
	// skewSuspect is the difference between two clocks from which on it is a
	// likely reason: authorization servers allow 30 seconds.
	skewSuspect = 20 * time.Second

	// clockTolerance is what authorization servers put up with.
	clockTolerance = 30 * time.Second

	// longLife is what an ID-JAG lives at most at the providers that are known;
	// a strict server may refuse more.
	longLife = 5 * time.Minute

	onceMore = "Run it again: each run uses a new one."
)

// Reasons ranks why an authorization server may have refused an ID-JAG; many say
// one and the same for everything. What is proven comes first; there is always
// one at least.
func (e GrantEvidence) Reasons() []Reason {
	var out []Reason
	if e.SentBefore {
		out = append(out, Reason{"replay", Proven, "it had been sent before, and a server may take each one once only", onceMore, ""})
	}
	out = append(out, e.clocks()...)
	for _, c := range e.Checks {
		if r, wrong := checkReason(c); wrong {
			out = append(out, r)
		}
	}
	if e.Claims != nil && e.Claims.life() > longLife && e.Claims.life() <= longestIDJAG {
		out = append(out, Reason{"lifetime_long", Likely, fmt.Sprintf("it is valid for %d minutes, and a strict server takes no more than 5", int(e.Claims.life().Minutes())),
			"Ask whoever runs the identity provider to issue it for 5 minutes.", ""})
	}
	if p := e.Plan; p != nil && (p.Server.GrantProfile == No || p.Server.JWTBearer == No) {
		out = append(out, Reason{"grant_not_listed", Likely, "it does not list this kind of grant among those it accepts", "Ask whoever runs the resource to allow it.", ""})
	}
	switch {
	case e.Signed.Verdict == No:
		out = append(out, Reason{"signature", Proven, "the key of the identity provider that it names did not make its signature",
			"Tell whoever runs the identity provider: what it issues does not fit the keys that it publishes.", ""})
	case e.Signed.KeyMissing:
		out = append(out, Reason{"key_not_published", Likely, "the identity provider does not publish the key that it is signed with",
			"Tell whoever runs the identity provider: the resource's authorization server needs that key.", ""})
	}
	out = append(e.unseen(), out...)
	slices.SortStableFunc(out, func(a, b Reason) int { return int(a.Strength) - int(b.Strength) })
	return out
}

// unseen are the reasons of which nothing can be seen from here.
func (e GrantEvidence) unseen() []Reason {
	who := "this user"
	if e.Claims != nil && e.Claims.Subject != "" {
		who = "the user “" + fault.Clean(e.Claims.Subject, 80) + "”"
	}
	issuer := "this identity provider"
	if e.Plan != nil {
		issuer = fault.Clean(e.Plan.Provider.Issuer, 120)
	}
	out := []Reason{
		{"unknown_user", Possible, "it may not know " + who, "Ask whoever runs the resource whether that user has an account there and how it is linked.", ""},
		{"issuer_not_trusted", Possible, "it may not trust " + issuer, "Ask whoever runs the resource to trust the identity provider for this client.", ""},
		{"client_not_linked", Possible, "its registration of this app may not allow this user's organisation", "Ask whoever runs the resource.", "resource.client_id"},
	}
	if !e.SentBefore {
		out = append(out, Reason{"seen_elsewhere", Possible, "it may have seen the grant before", onceMore, ""})
	}
	return out
}

// clocks compares the two servers' clocks, since an ID-JAG is dated by one and
// judged by the other.
func (e GrantEvidence) clocks() []Reason {
	if !e.AheadKnown || e.Ahead.Abs() < skewSuspect {
		return nil
	}
	direction := "behind"
	if e.Ahead > 0 {
		direction = "ahead of"
	}
	return []Reason{{"clock_skew", e.clockStrength(),
		fmt.Sprintf("its clock is %d seconds %s the identity provider's", int(e.Ahead.Abs().Seconds()), direction),
		"Tell whoever runs the two servers; signing in again does not help.", ""}}
}

// clockStrength: the difference is seen to be the reason where the identity
// provider dates the ID-JAG rightly by its own clock, and the other clock, as it
// was when the ID-JAG came, puts it outside of its time. One that makes it look
// new by less than servers put up with is likely all the same, since some put up
// with nothing; one that makes it look a little older harms nobody but a server
// that asks for its age.
func (e GrantEvidence) clockStrength() Strength {
	c := e.Claims
	if c == nil || e.Sent.IsZero() {
		return Likely
	}
	for _, check := range e.Checks {
		if check.Verdict == No && (check.Name == "expiry" || check.Name == "issued" || check.Name == "not-before") {
			return Likely
		}
	}
	there := e.Sent.Add(e.Ahead)
	tooEarly := func(t time.Time) bool { return !t.IsZero() && t.Sub(there) > clockTolerance }
	switch {
	case !c.Expires.IsZero() && !c.Expires.After(there), tooEarly(c.Issued), tooEarly(c.NotBefore):
		return Proven
	case e.Ahead < 0:
		return Likely
	}
	return Possible
}

// life is how long an ID-JAG is valid, 0 if it does not say.
func (c *IDJAGClaims) life() time.Duration {
	if c.Issued.IsZero() || c.Expires.IsZero() {
		return 0
	}
	return c.Expires.Sub(c.Issued)
}

// reasonCodes name what a failed check of an ID-JAG is as a reason. A scope that
// is missing makes no server refuse the grant.
var reasonCodes = map[string]struct{ code, remedy string }{
	"type":       {"wrong_type", "Tell whoever runs the identity provider: the header typ must be oauth-id-jag+jwt."},
	"issuer":     {"wrong_issuer", "Set the issuer in the connection to exactly what the identity provider calls itself."},
	"audience":   {"wrong_audience", "The audience must be the issuer of the authorization server, byte for byte."},
	"client":     {"wrong_client", "Correct the client id at the resource, or have the identity provider's connection name it."},
	"expiry":     {"expired", "Run it again; if it stays so, tell whoever runs the identity provider."},
	"life":       {"lifetime_long", "Ask whoever runs the identity provider to issue it for 5 minutes."},
	"resource":   {"wrong_resource", "Correct the resource identifier in the connection; it must match byte for byte."},
	"subject":    {"no_subject", "Tell whoever runs the identity provider: sub is required."},
	"id":         {"no_id", "Tell whoever runs the identity provider: jti is required."},
	"issued":     {"issued_in_future", "Tell whoever runs the identity provider: its clock and the dates in what it issues disagree."},
	"not-before": {"not_yet_valid", "Tell whoever runs the identity provider: what it issues must be valid at once."},
	"key":        {"unexpected_key", "Turn DPoP on in the connection, or have the identity provider issue it without a key; both sides must agree."},
}

func checkReason(c Check) (Reason, bool) {
	named, known := reasonCodes[c.Name]
	if c.Verdict != No || !known {
		return Reason{}, false
	}
	code := named.code
	if c.Name == "audience" && strings.Contains(c.Says, "servers at once") {
		code = "several_audiences"
	}
	return Reason{code, Proven, c.Says, named.remedy, aboutCheck[c.Name]}, true
}
