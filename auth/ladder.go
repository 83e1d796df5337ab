package auth

import (
	"context"
	"strings"
	"sync"
	"time"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// LadderOptions are what a Ladder needs. Plan, Transport and Session are
// required.
type LadderOptions struct {
	// Plan returns what the chain needs. It is asked for every token, so it
	// should answer from memory, see PlanCache.
	Plan      func(ctx context.Context) (*Plan, error)
	Transport *transport.Client

	// Session returns the session in use, nil if there is none. It must not
	// call the Ladder.
	Session func() *Session

	// Save stores a session that replaces the one in use, durably: a rotated
	// refresh token is used only after Save has returned nil. Cancelling a
	// caller's context does not cancel it, and after Forget has returned it is
	// not called any more. It must not call the Ladder. nil: the Ladder alone
	// remembers.
	Save func(ctx context.Context, s *Session) error

	// Exclude, where several processes may use one session, waits until no
	// other one renews it, keeps them from it until release is called, and
	// returns the session as it is saved now, nil if there is none any more. It
	// is called once for each mint; Save is called within. It must not call the
	// Ladder. nil: this process is alone.
	Exclude func(ctx context.Context) (saved *Session, release func(), err error)

	// Begin is asked at the beginning of every mint for the context that its
	// requests are made under, and what it returns is told how the mint ended. ctx
	// is that of the caller who needs the token: only its values may be used,
	// since a mint goes on without its callers. It must not block and not call the
	// Ladder. nil: the background, and nobody.
	Begin func(ctx context.Context) (context.Context, func(error))

	// Observe is told of every step, one after the other; nil: nobody is. It
	// must not block and not call the Ladder.
	Observe func(Event)
}

// Event is one step that a Ladder took, without anything secret.
type Event struct {
	Step  fault.Step
	Rung  Rung
	Note  string       // one plain sentence, "" if there is nothing to add
	Fault *fault.Fault // nil if the step succeeded
	Took  time.Duration
}

// Rung says how an ID-JAG was come by, from the cheapest on.
type Rung int

// The rungs below the cached access token.
const (
	RungRefreshToken Rung = iota + 1 // the refresh token is the subject
	RungIDToken                      // the ID token is the subject
	RungRenewed                      // an ID token renewed by the refresh token is
)

// TokenStatus says what a Ladder holds at one moment.
type TokenStatus struct {
	Have    bool      // there is an access token that is still valid
	Expires time.Time // when it expires, by this computer's clock as it is now

	// The scopes of the last mint: asked for, carried by the ID-JAG, granted.
	// The last two are nil as long as nothing is known of them.
	Asked, InIDJAG, Granted []string

	Renewable    bool // the session holds a refresh token
	SignInNeeded bool // the session is over; only a new sign-in helps
}

// Limits of the ladder.
const (
	mintLimit    = 90 * time.Second // one mint, all its requests and saves
	renewPause   = 10 * time.Second // between two attempts to renew early
	freshFor     = 60 * time.Second // a token refused younger than this counts as refused in a row
	refusedInRow = 3                // so many, and the ladder pauses
	pauseFirst   = 30 * time.Second
	pauseLongest = 15 * time.Minute
)

// Ladder hands out access tokens for one resource and one signed-in user. It
// takes the cheapest rung that works: the cached access token, a new ID-JAG
// from the refresh token or from the ID token, a new ID token and an ID-JAG
// from that; below is only a new sign-in. It mints once at a time, whoever
// asks. It is safe for concurrent use; it starts a goroutine only to mint.
type Ladder struct {
	o    LadderOptions
	wall func() time.Time // the wall clock; tests set it

	mu      sync.Mutex
	running *run      // the mint under way, nil: none
	key     tokenKey  // what cached was minted for
	cached  *Access   // nil: none
	last    *Access   // of the last mint, for Status
	renewed time.Time // last attempt to mint early

	override *Session // replaces the one that Session returns, as long as it is of the same sign-in
	unsaved  bool     // override has not been saved yet

	pinned      *Plan        // of the first mint
	idTokenOnly bool         // the identity provider has refused the refresh token as a subject
	over        *fault.Fault // why overFor can do nothing more
	overFor     signIn

	refusals int
	paused   time.Time // no mint before this
}

// run is one mint that all callers wait for.
type run struct {
	cancel context.CancelFunc
	done   chan struct{}
	minted Minted // guarded by Ladder.mu until done is closed
	access *Access
	err    error
}

// Minted is what a mint brought, as far as it came.
type Minted struct {
	Subject Subject // that was sent last
	Grant   *Grant  // nil if there was none
	Access  *Access // nil if there was none; it may be one that grants nothing
}

// tokenKey names what an access token is good for. A token is never used where
// any part differs.
type tokenKey struct {
	issuer, subject, tenant                      string
	server, endpoint, resource, scopes, clientID string
	audience                                     string
	key                                          string // the one that it is bound to, "" for a bearer token
}

// signIn tells one sign-in from the next, also after it was saved and read.
type signIn struct {
	issuer, subject, tenant string
	at                      int64
}

func signInOf(s *Session) signIn {
	return signIn{s.Identity.Issuer, s.Identity.Subject, s.Identity.Tenant, s.SignedInAt.UnixNano()}
}

func keyOf(p *Plan, s *Session) tokenKey {
	k := tokenKey{
		issuer: s.Identity.Issuer, subject: s.Identity.Subject, tenant: s.Identity.Tenant,
		server: p.Server.Issuer, audience: p.Audience, endpoint: p.Server.TokenEndpoint, resource: p.Resource,
		scopes: strings.Join(p.Connection.ResourceScopes(), " "), clientID: p.Connection.Resource.ClientID,
	}
	if p.Connection.DPoP {
		k.key = "key " + s.ProofKey.Fingerprint() // differs from a bearer token's also where there is no key yet
	}
	return k
}

// NewLadder makes a Ladder that holds nothing yet.
func NewLadder(o LadderOptions) *Ladder {
	return &Ladder{o: o, wall: time.Now}
}

// Token returns an access token that is valid as far as is known, and the
// scopes that may be used with it: asked for and granted. When less than a
// minute is left it returns the old token and mints the next one meanwhile.
// Errors are Faults: SignInNeeded and StepUp if the user has to come back,
// Offline with the session kept, Denied, Config, Canceled.
func (l *Ladder) Token(ctx context.Context) (secret.Text, []string, error) {
	session := l.session()
	if session == nil {
		return secret.Text{}, nil, fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out", "Nobody is signed in.").WithRemedy("Sign in.")
	}
	plan, planErr := l.o.Plan(ctx)
	access, soon := l.held(plan, session)
	if access != nil {
		if soon && planErr == nil && l.mayRenew() {
			l.start(ctx, plan)
		}
		return access.Token.Text, access.Usable(), nil
	}
	if planErr != nil {
		return secret.Text{}, nil, at(fault.StepDiscovery, planErr)
	}
	r := l.start(ctx, plan)
	select {
	case <-r.done:
		if r.err != nil {
			return secret.Text{}, nil, fault.As(r.err)
		}
		return r.access.Token.Text, r.access.Usable(), nil
	case <-ctx.Done():
		return secret.Text{}, nil, at(fault.StepExchange, ctx.Err())
	}
}

// Anew mints an access token though the one that is held may still be valid. Its
// errors are those of Token; what it brought before one is returned along with
// it. Where a mint is under way it waits for that one first. The token that was
// held stays until the new one is there.
func (l *Ladder) Anew(ctx context.Context) (Minted, error) {
	if l.session() == nil {
		return Minted{}, fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out", "Nobody is signed in.").WithRemedy("Sign in.")
	}
	plan, err := l.o.Plan(ctx)
	if err != nil {
		return Minted{}, at(fault.StepDiscovery, err)
	}
	for {
		r, mine := l.startAnew(ctx, plan)
		select {
		case <-r.done:
			if mine && r.err != nil {
				return r.minted, fault.As(r.err)
			}
			if mine {
				return r.minted, nil
			}
		case <-ctx.Done():
			return Minted{}, at(fault.StepExchange, ctx.Err())
		}
	}
}

// held returns the cached token if it may be used, and whether the next one
// should be minted soon. plan may be nil if it cannot be had at the moment.
func (l *Ladder) held(plan *Plan, s *Session) (access *Access, soon bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cached == nil {
		return nil, false
	}
	i := s.Identity
	same := l.key.issuer == i.Issuer && l.key.subject == i.Subject && l.key.tenant == i.Tenant
	if !same || plan != nil && l.key != keyOf(plan, s) {
		l.cached = nil
		return nil, false
	}
	left := l.cached.left()
	if left <= 0 {
		return nil, false
	}
	return l.cached, left < min(renewBefore, l.cached.life/2)
}

func (l *Ladder) mayRenew() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.renewed.IsZero() && time.Since(l.renewed) < renewPause {
		return false
	}
	l.renewed = time.Now()
	return true
}

// start joins the mint under way or begins one. A caller that gives up does not
// end it: the identity provider may have rotated the refresh token already.
func (l *Ladder) start(ctx context.Context, plan *Plan) *run {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running
	}
	return l.begin(ctx, plan, false)
}

// startAnew begins a mint whatever is held; mine is false if the result is
// another one, which is under way.
func (l *Ladder) startAnew(ctx context.Context, plan *Plan) (r *run, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running, false
	}
	return l.begin(ctx, plan, true), true
}

// begin begins a mint. l.mu is held.
func (l *Ladder) begin(ctx context.Context, plan *Plan, anew bool) *run {
	base, ended := context.Background(), func(error) {}
	if l.o.Begin != nil {
		base, ended = l.o.Begin(ctx)
	}
	under, cancel := context.WithTimeout(context.WithoutCancel(base), mintLimit)
	r := &run{cancel: cancel, done: make(chan struct{})}
	l.running = r
	go func() {
		defer cancel()
		r.access, r.err = l.mint(under, plan, anew)
		ended(r.err)
		l.mu.Lock()
		l.running = nil
		l.mu.Unlock()
		close(r.done)
	}()
	return r
}

// Refused tells that the resource answered 401 to token. It is forgotten,
// unless a newer one has taken its place. When several young tokens in a row
// are refused, the ladder stops minting for a while.
func (l *Ladder) Refused(token secret.Text) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cached == nil || !l.cached.Token.Equal(token) {
		return
	}
	if l.cached.born.since() >= freshFor {
		l.refusals = 0
	}
	l.cached = nil
	if l.refusals++; l.refusals >= refusedInRow {
		pause := pauseFirst << min(l.refusals-refusedInRow, 10)
		l.paused = time.Now().Add(min(pause, pauseLongest))
	}
}

// Status says what the ladder holds now.
func (l *Ladder) Status() TokenStatus {
	session := l.session()
	l.mu.Lock()
	defer l.mu.Unlock()
	var s TokenStatus
	if l.last != nil {
		s.Asked, s.InIDJAG, s.Granted = l.last.Asked, l.last.InIDJAG, l.last.Granted
	}
	if l.cached != nil {
		if left := l.cached.left(); left > 0 {
			s.Have, s.Expires = true, l.wall().Round(0).Add(left)
		}
	}
	if session != nil {
		s.Renewable = session.Renewable()
		s.SignInNeeded = l.over != nil && l.overFor == signInOf(session)
	}
	return s
}

// Forget drops the token and everything learnt, cancels a mint under way and
// waits for its end.
func (l *Ladder) Forget() {
	l.mu.Lock()
	r := l.running
	if r != nil {
		r.cancel()
	}
	l.mu.Unlock()
	if r != nil {
		<-r.done
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cached, l.last, l.key, l.renewed = nil, nil, tokenKey{}, time.Time{}
	l.override, l.unsaved, l.pinned, l.idTokenOnly, l.over = nil, false, nil, false, nil
	l.refusals, l.paused = 0, time.Time{}
}

// session returns the session in use: the caller's, or the one that a refresh
// has put in its place, here or in another process.
func (l *Ladder) session() *Session {
	s := l.o.Session()
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == nil || l.override == nil {
		return s
	}
	if !s.Identity.Same(l.override.Identity) || s.SignedInAt.After(l.override.SignedInAt) {
		l.override, l.unsaved = nil, false
		return s
	}
	return l.override
}
