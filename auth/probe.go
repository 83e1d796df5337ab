package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"waybill/fault"
	"waybill/transport"
)

// Probe is a request that a server has to refuse, or to answer with less than
// was asked for. It is sent only when the user asks for it by name, to one of
// the two token endpoints of the connection.
type Probe struct {
	ID    string     // short and stable, for scripts and scorecards
	Title string     // what is wrong with the request, a few words
	At    fault.Step // StepExchange: at the identity provider; StepJWTBearer: at the resource's authorization server

	Sends   string // what is sent, one or two sentences
	Causes  string // what it leaves behind at the other side
	Demands string // what has to happen
	Section string // where that is demanded

	Waits bool // until an ID-JAG has expired, which takes minutes
	DPoP  bool // only for connections that ask for DPoP

	send func(ctx context.Context, r *prober) ProbeOutcome
}

// Probes are all probes, in the order in which they are best run.
func Probes() []Probe {
	return slices.Concat(probesOfTheExchange(), probesOfTheSignature(), probesOfTheClient(), probesOfTheRights(), probesOfTheKey(), probesOfTheUse())
}

// ProbeVerdict is what came of a probe.
type ProbeVerdict int

// The verdicts. The zero value is ProbeUnknown.
const (
	ProbeUnknown  ProbeVerdict = iota // could not tell; see Says
	ProbeRefused                      // it was refused, or what was wrong with it had no effect
	ProbeAccepted                     // it was taken: a hole
)

// String is "could not tell", "refused" or "accepted".
func (v ProbeVerdict) String() string {
	switch v {
	case ProbeRefused:
		return "refused"
	case ProbeAccepted:
		return "accepted"
	default:
		return "could not tell"
	}
}

// ProbeOutcome is what came of a probe. It holds no token and no secret.
type ProbeOutcome struct {
	Verdict ProbeVerdict
	Says    string // why, one or two sentences, safe to show
	Skipped bool   // nothing was sent but, at most, what is right about it

	Status int    // of the answer to the probe, 0 if there is none
	Code   string // the OAuth error code, "" if none
	Server string // the server's own words, cleaned; to be shown as such

	// IDJAG is the jti of the ID-JAG that the probe was made of, by which the
	// other side finds it in its log; cleaned, "" if none.
	IDJAG string

	// Pause is how long the server of the step PausedBy asked not to be asked
	// again; 0: it did not. Then the probe was not answered and may be repeated.
	Pause    time.Duration
	PausedBy fault.Step
}

// ProbeOptions are what probes need. Transport, Plan, Exclude, Save and Subject
// are required.
type ProbeOptions struct {
	Transport *transport.Client
	Plan      *Plan

	// Exclude and Save are those of LadderOptions: an exchange may rotate the
	// refresh token. Subject is what is exchanged.
	Exclude func(ctx context.Context) (saved *Session, release func(), err error)
	Save    func(ctx context.Context, s *Session) error
	Subject func(s *Session) Subject

	// Patience is how long a probe may wait for an ID-JAG to expire, and Waiting
	// is told until when one waits; nil: nobody is.
	Patience time.Duration
	Waiting  func(until time.Time)

	// Observe is told how the steps of a probe went, as by a Ladder; nil: nobody
	// is. A refusal is told like any other.
	Observe func(Event)
}

// RunProbe runs one of Probes. Each exchanges an ID-JAG of its own, and whatever
// a server gives is looked at and dropped: no token of a probe is kept, used or
// sent on. It ends soon after ctx does, and never fails: what kept it from
// telling is in the outcome.
func RunProbe(ctx context.Context, o ProbeOptions, p Probe) ProbeOutcome {
	r := &prober{o: o}
	if p.DPoP && !o.Plan.Connection.DPoP {
		return skipped("This connection does not ask for tokens that are bound to a key (DPoP).")
	}
	out := p.send(ctx, r)
	out.IDJAG = r.id
	out.Says = strings.TrimSpace(out.Says)
	return out
}

// ProbeControl is the request that nothing is wrong with: an exchange and a
// grant, whose token is dropped too. Where it fails, the refusal of a probe says
// nothing, and no probe should be sent.
func ProbeControl(ctx context.Context, o ProbeOptions) error {
	r := &prober{o: o}
	g, err := r.lend(ctx, func(s *Session) (*Grant, error) {
		return ExchangeIDJAG(ctx, o.Transport, o.Plan, o.Subject(s).Bound(s.ProofKey))
	})
	r.observe(fault.StepExchange, err)
	if err != nil {
		return err
	}
	_, err = RedeemIDJAG(ctx, o.Transport, o.Plan, g)
	r.observe(fault.StepJWTBearer, err)
	return err
}
