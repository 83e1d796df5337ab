package auth

import (
	"context"
	"errors"
	"time"

	"waybill/connection"
	"waybill/fault"
)

// mint goes down the ladder once and caches what it finds. It runs alone. anew
// says that a token that is held will not do.
func (l *Ladder) mint(ctx context.Context, plan *Plan, anew bool) (*Access, error) {
	session := l.session()
	if session == nil {
		return nil, cancelled()
	}
	// Whoever asked just before another mint had ended finds its token here.
	if access, soon := l.held(plan, session); access != nil && !soon && !anew {
		return access, nil
	}
	session, release, err := l.alone(ctx, session)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := l.forbidden(plan, session); err != nil {
		return nil, err
	}
	if err := l.saveLate(ctx, session); err != nil {
		return nil, err
	}
	if with, made := session.WithProofKey(plan.Connection); made {
		if err := l.replace(ctx, with); err != nil {
			return nil, err
		}
		session = with
	}
	access, err := l.descend(ctx, plan, session)
	if err != nil {
		f := session.StepUpAgain(fault.As(err))
		l.noteEnd(ctx, session, f)
		return nil, f
	}
	if errors.Is(ctx.Err(), context.Canceled) { // forgotten meanwhile
		return nil, cancelled()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pinned == nil {
		l.pinned = plan
	}
	l.cached, l.last, l.key = access, access, keyOf(plan, session)
	return access, nil
}

// alone keeps other processes from renewing the session meanwhile, and takes
// over what one of them has made of it: its refresh token may have rotated, and
// the old one must not be used again (RFC 9700 section 4.14.2).
func (l *Ladder) alone(ctx context.Context, s *Session) (*Session, func(), error) {
	if l.o.Exclude == nil {
		return s, func() {}, nil
	}
	saved, release, err := l.o.Exclude(ctx)
	if err != nil {
		return nil, nil, at(fault.StepKeyring, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.unsaved && l.override == s: // ours is the newer one
		return s, release, nil
	case saved == nil || !saved.Identity.Same(s.Identity):
		release()
		return nil, nil, fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out", "You were signed out in another window.").WithRemedy("Sign in.")
	case saved.SignedInAt.Before(s.SignedInAt):
		return s, release, nil
	}
	l.override = saved
	return saved, release, nil
}

func cancelled() *fault.Fault {
	return fault.New(fault.StepSignIn, fault.Canceled, "canceled", "Cancelled.")
}

// forbidden reports why a mint would be of no use, without asking anybody.
func (l *Ladder) forbidden(plan *Plan, s *Session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over != nil && l.overFor == signInOf(s):
		return l.over
	case l.pinned != nil && !l.pinned.pinned(plan):
		return fault.New(fault.StepDiscovery, fault.Config, "server_changed",
			"The resource now names another authorization server, or the server another address, than when you signed in.").
			WithRemedy("If that is right, sign in again.")
	case time.Now().Before(l.paused):
		f := fault.New(fault.StepCall, fault.Denied, "invalid_token", "The resource refuses every token that is issued for it.").
			WithRemedy("Your organisation may have withdrawn your access: ask your administrator.")
		f.RetryAfter = int((time.Until(l.paused) + time.Second - 1) / time.Second)
		return f
	}
	return nil
}

// descend tries the rungs from the top. A rung that is refused leads one down;
// every other error ends the descent.
func (l *Ladder) descend(ctx context.Context, plan *Plan, s *Session) (*Access, error) {
	access, err := l.once(ctx, plan, s)
	if errors.Is(err, errExpiredIDJAG) {
		// It grew old on the way, the computer slept: one new one.
		access, err = l.once(ctx, plan, s)
	}
	return access, err
}

func (l *Ladder) once(ctx context.Context, plan *Plan, s *Session) (*Access, error) {
	grant, rung, err := l.grant(ctx, plan, s)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	access, err := RedeemIDJAG(ctx, l.o.Transport, plan, grant)
	l.observe(fault.StepJWTBearer, rung, start, err)
	if access != nil {
		l.mu.Lock()
		l.last, l.running.minted.Access = access, access // an empty grant is shown too
		l.mu.Unlock()
		for _, note := range access.Notes {
			l.note(fault.StepJWTBearer, rung, note)
		}
	}
	if err != nil {
		return nil, err
	}
	return access, nil
}

// grant comes by an ID-JAG.
func (l *Ladder) grant(ctx context.Context, plan *Plan, s *Session) (*Grant, Rung, error) {
	fixed := plan.Connection.Subject
	var refusedErr error
	if l.refreshIsSubject(plan, s) {
		g, err := l.exchange(ctx, plan, s, RefreshTokenSubject(s.Refresh), RungRefreshToken)
		if err == nil || fixed == connection.SubjectRefreshToken || !refusesSubject(err) {
			return g, RungRefreshToken, err
		}
		l.mu.Lock()
		l.idTokenOnly = true
		l.mu.Unlock()
		refusedErr = err
	}
	if l.idTokenValid(plan, s) {
		g, err := l.exchange(ctx, plan, s, IDTokenSubject(s.IDToken), RungIDToken)
		if err == nil || !s.Renewable() || !refusesSubject(err) {
			return g, RungIDToken, knownEnd(s, err)
		}
		refusedErr = err
	}
	if !s.Renewable() {
		if refusedErr == nil {
			refusedErr = ended(s)
		}
		return nil, RungIDToken, refusedErr
	}
	renewed, err := l.renew(ctx, plan, s)
	if err != nil {
		return nil, RungRenewed, err
	}
	g, err := l.exchange(ctx, plan, renewed, IDTokenSubject(renewed.IDToken), RungRenewed)
	return g, RungRenewed, err
}

func ended(s *Session) *fault.Fault {
	if s.Ended {
		return fault.New(fault.StepSignIn, fault.SignInNeeded, "session_over", sessionOver).WithRemedy("Sign in again.")
	}
	return fault.New(fault.StepSignIn, fault.SignInNeeded, "session_over", "The session has ended and cannot be renewed.").
		WithRemedy("Sign in again; with the scope offline_access it lasts longer.")
}

// knownEnd says why the ID token is refused where that is known: its refresh
// token was found to be dead before. Some providers answer as if the request
// were malformed.
func knownEnd(s *Session, err error) error {
	if !s.Ended || !fault.Is(err, fault.SignInNeeded) {
		return err
	}
	f := *fault.As(err)
	f.Message, f.Remedy = sessionOver, "Sign in again."
	return &f
}

// refreshIsSubject: the refresh token is the subject of choice where there is
// one, unless the connection, the metadata or experience says otherwise.
func (l *Ladder) refreshIsSubject(plan *Plan, s *Session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch plan.Connection.Subject {
	case connection.SubjectIDToken:
		return false
	case connection.SubjectRefreshToken:
		return s.Renewable()
	default:
		return s.Renewable() && !l.idTokenOnly && plan.Provider.RefreshSubject != No
	}
}

// idTokenValid judges by the identity provider's clock where that is known. A
// token whose expiry is unknown is left for the provider to judge.
func (l *Ladder) idTokenValid(plan *Plan, s *Session) bool {
	if s.IDToken.Empty() || plan.Connection.Subject == connection.SubjectRefreshToken {
		return false
	}
	now := l.wall()
	if skew, ok := l.o.Transport.ServerClock(plan.Provider.TokenEndpoint); ok {
		now = time.Now().Add(skew)
	}
	return s.IDTokenExpiry.IsZero() || s.IDTokenExpiry.Sub(now) > 5*time.Second
}

// refusesSubject reports whether err says that this kind of subject token, or
// this one, is not taken, though the session may well be alive.
func refusesSubject(err error) bool {
	f := fault.As(err)
	return f.Step == fault.StepExchange && (f.Code == "invalid_request" || f.Code == "unsupported_token_type")
}

func (l *Ladder) exchange(ctx context.Context, plan *Plan, s *Session, subject Subject, rung Rung) (*Grant, error) {
	start := time.Now()
	g, err := ExchangeIDJAG(ctx, l.o.Transport, plan, subject.Bound(s.ProofKey))
	l.observe(fault.StepExchange, rung, start, err)
	l.mu.Lock()
	l.running.minted.Subject, l.running.minted.Grant = subject, g
	l.mu.Unlock()
	if g == nil {
		return nil, err
	}
	for _, note := range g.Notes {
		l.note(fault.StepExchange, rung, note)
	}
	if !g.Rotated.Empty() {
		renewed := *s
		renewed.Refresh = g.Rotated
		if saveErr := l.replace(ctx, &renewed); saveErr != nil && err == nil {
			err = saveErr
		}
	}
	return g, err
}

// renew replaces the ID token by the refresh token grant.
func (l *Ladder) renew(ctx context.Context, plan *Plan, s *Session) (*Session, error) {
	start := time.Now()
	renewed, err := Refresh(ctx, l.o.Transport, plan, s)
	l.observe(fault.StepSignIn, RungRenewed, start, err)
	if renewed != nil {
		if saveErr := l.replace(ctx, renewed); saveErr != nil && err == nil {
			err = saveErr
		}
	}
	if err != nil {
		return nil, err
	}
	return renewed, nil
}

// replace puts s in the place of the session in use and saves it. From then on
// the old refresh token is not used any more, and the new one not before it
// has been saved.
func (l *Ladder) replace(ctx context.Context, s *Session) error {
	if errors.Is(ctx.Err(), context.Canceled) { // forgotten meanwhile: the user signed out
		return cancelled()
	}
	l.mu.Lock()
	l.override, l.unsaved = s, true
	l.mu.Unlock()
	return l.save(ctx, s)
}

func (l *Ladder) save(ctx context.Context, s *Session) error {
	if l.o.Save != nil {
		if err := l.o.Save(context.WithoutCancel(ctx), s); err != nil {
			var known *fault.Fault
			if errors.As(err, &known) {
				return known
			}
			return fault.New(fault.StepKeyring, fault.Failed, "not_saved", "The renewed session could not be saved on this computer.").
				WithRemedy("Check the free space on the disk, then try again.").Because(err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.override == s {
		l.unsaved = false
	}
	return nil
}

// saveLate saves a session whose saving failed before, ere it is used.
func (l *Ladder) saveLate(ctx context.Context, s *Session) error {
	l.mu.Lock()
	late := l.unsaved && l.override == s
	l.mu.Unlock()
	if !late {
		return nil
	}
	return l.save(ctx, s)
}

// noteEnd remembers that a sign-in can do nothing more, so that nobody is asked
// again before the next one. A refresh token that the identity provider has
// called dead is dropped; what a step-up asks for is kept for the next sign-in.
func (l *Ladder) noteEnd(ctx context.Context, was *Session, f *fault.Fault) {
	if f.Kind != fault.SignInNeeded && f.Kind != fault.StepUp || ctx.Err() != nil {
		return
	}
	s := l.session()
	if s == nil || signInOf(s) != signInOf(was) {
		return
	}
	l.mu.Lock()
	l.over, l.overFor = f, signInOf(s)
	l.mu.Unlock()
	changed := *s
	says := "The ended session could not be removed from this computer."
	switch {
	case f.Kind == fault.StepUp:
		asked := StepUpOf(f)
		changed.Wanted, says = &asked, "What was asked of the next sign-in could not be kept on this computer."
	case f.Code == "invalid_grant" && s.Renewable():
		changed.Refresh, changed.Ended = RefreshToken{}, true
	default:
		return
	}
	if changed.Wanted.Equal(s.Wanted) && changed.Refresh == s.Refresh {
		return
	}
	if err := l.replace(ctx, &changed); err != nil {
		l.note(fault.StepKeyring, RungRefreshToken, says)
	}
}

func (l *Ladder) observe(step fault.Step, rung Rung, start time.Time, err error) {
	if l.o.Observe != nil {
		l.o.Observe(Event{Step: step, Rung: rung, Fault: fault.As(err), Took: time.Since(start)})
	}
}

func (l *Ladder) note(step fault.Step, rung Rung, note string) {
	if l.o.Observe != nil {
		l.o.Observe(Event{Step: step, Rung: rung, Note: note})
	}
}
