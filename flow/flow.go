// Package flow keeps what Waybill exchanged with the parties of Cross App
// Access, step by step, and explains it: what each claim means, which checks
// hold, what a failure's likely causes are, and how to repeat a request by
// hand.
//
// Invariant: a Run is immutable once it is handed out, and nothing secret is in
// it but inside a secret.Text. What a Run says of a token, it says of the
// token's claims; the token itself can be revealed only value by value, and only
// as long as the Run is the newest of its connection.
package flow

import (
	"encoding/json"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Order are the steps of a Run in their order. Discovery comes before them and
// is no step of its own.
var order = [...]fault.Step{fault.StepSignIn, fault.StepExchange, fault.StepJWTBearer, fault.StepCall}

// Run is one passage through the steps, as far as it went.
type Run struct {
	ID         uint64 // counts up from 1 within a process
	Connection string // its name
	Reason     Reason
	Began      time.Time
	Took       time.Duration // from the first exchange until the last one ended, or until now
	Running    bool
	RoundTrips int // exchanges with an answer, discovery included

	Plan      *auth.Plan            // what was found out before; nil if that failed
	Discovery []transport.Recording // metadata that had to be fetched
	Steps     [4]Step               // sign-in, token exchange, JWT bearer grant, call
}

// Reason is why a Run began.
type Reason int

// The reasons.
const (
	ReasonSignIn  Reason = iota + 1 // the user signed in
	ReasonMint                      // an access token was needed
	ReasonCall                      // only the resource was called, with a token that was there
	ReasonAgain                     // the user asked for it
	ReasonProbe                     // a probe, which is meant to be refused
	ReasonExplore                   // the user called the resource, with a request of their own
)

// own reports whether what happens for that reason is a Run of its own: what the
// user asked for must not vanish among what happens by itself.
func (r Reason) own() bool { return r == ReasonAgain || r == ReasonExplore }

// State is how far a step is.
type State int

// The states. The zero State is NotRun.
const (
	NotRun  State = iota // it was not reached
	Running              // it is under way
	Done                 // it went well
	Failed               // it did not
	Cached               // it was not needed: what it would have brought was there; see Step.Why
)

// Step is one step of a Run.
type Step struct {
	Name      fault.Step
	State     State
	Why       string        // why it was not run or what it was served from; one sentence, "" if it ran
	Party     string        // the host that it went to
	Began     time.Time     // zero if it did not run
	Took      time.Duration // until it ended, or until now
	Outcome   string        // what it brought, such as "ID token, refresh token" or "24 to-dos"
	Exchanges []transport.Recording
	Omitted   int // exchanges beyond those kept

	Token  *Token // the token that it brought; nil if none
	Extra  []*Token
	Scopes *Scopes // nil if scopes play no part
	Notes  []string

	Checks []Check // of its token and its answer, most important first
	Fault  *fault.Fault
	Causes []Cause // of Fault, the likeliest first
}

// Scopes are what was asked for and what came of it; nil: not said.
type Scopes struct {
	Asked, InIDJAG, Granted []string
}

// TokenKind says what a token is.
type TokenKind int

// The kinds of tokens.
const (
	KindIDToken TokenKind = iota + 1
	KindRefreshToken
	KindIDJAG
	KindAccessToken
	KindProviderAccessToken // the identity provider's own, not used
)

// Token is a token as far as it can be read. Its value is revealed only on the
// user's request.
type Token struct {
	Kind      TokenKind
	Opaque    bool                       // it is no JWT; Header and Claims are nil
	Header    map[string]json.RawMessage // JOSE header
	Claims    map[string]json.RawMessage
	Received  time.Time
	Life      time.Duration // what expires_in said, 0 if it said nothing
	Length    int           // of the value, in bytes
	Signature auth.Tri      // whether a published key of the issuer verifies it; Unknown for those it is not ours to check
	Print     string        // fingerprint of the value, see secret.Text
	Value     secret.Text   // empty once the Run is no longer the newest
}

// Check is one thing that was looked at, with where it is demanded.
type Check struct {
	Name    string   // what should hold, such as "typ is oauth-id-jag+jwt"
	Verdict auth.Tri // Yes: it holds; No: it does not; Unknown: could not tell
	Says    string   // what was found where it does not hold or could not be told; "" otherwise
	Section string   // such as "draft-ietf-oauth-identity-assertion-authz-grant section 4.4.1"
	Advice  bool     // only the other side can decide it
}

// Cause is one possible reason of a failure.
type Cause struct {
	Code     string   // short and stable, such as "audience_slash", for scripts and tests
	Sentence string   // for the user: one plain sentence
	Detail   string   // for an engineer: what was compared with what
	Remedy   string   // what to do, one sentence
	Field    string   // the field of the connection it has to do with, "" for none
	Evidence Evidence // how strong the local evidence is
}

// Evidence is how well what is known here speaks for a cause.
type Evidence int

// The strengths, the strongest first.
const (
	Proven   Evidence = iota + 1 // it is seen in what was sent or received
	Likely                       // something seen speaks for it
	Possible                     // nothing speaks against it
)

// Step returns the step of that name, nil if there is none such in a Run.
func (r *Run) Step(name fault.Step) *Step {
	for i, step := range order {
		if step == name {
			return &r.Steps[i]
		}
	}
	return nil
}

// NewRun returns a Run in which nothing has happened yet.
func NewRun(id uint64, connection string, reason Reason, began time.Time) *Run {
	r := &Run{ID: id, Connection: connection, Reason: reason, Began: began, Running: true}
	for i, step := range order {
		r.Steps[i].Name = step
	}
	return r
}
