package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"waybill/connection"
	"waybill/fault"
)

// What the probes make up. Nothing is ever sent to foreignPlace: names that end in
// .invalid do not exist (RFC 6761 section 6.4).
const (
	foreignPlace  = "https://waybill-probe.invalid"
	foreignClient = "waybill-probe"
	foreignScope  = "waybill-probe-scope"
)

// pauseUnsaid is how long a server is left alone that says that it is asked too
// often, and not how long.
const pauseUnsaid = 10 * time.Second

// prober runs one probe.
type prober struct {
	o  ProbeOptions
	id string // of the newest ID-JAG
}

// lend has exchange use the session while nobody else renews it, and saves the
// refresh token that came of it, if it rotated. Its errors are those of exchange,
// or Faults.
func (r *prober) lend(ctx context.Context, exchange func(*Session) (*Grant, error)) (*Grant, error) {
	session, release, err := r.o.Exclude(ctx)
	if err != nil {
		return nil, at(fault.StepKeyring, err)
	}
	defer release()
	if session == nil {
		return nil, fault.New(fault.StepSignIn, fault.SignInNeeded, "session_over", "Nobody is signed in any more.").WithRemedy("Sign in again.")
	}
	if with, made := session.WithProofKey(r.o.Plan.Connection); made {
		if err := r.o.Save(ctx, with); err != nil {
			return nil, err
		}
		session = with
	}
	if r.o.Subject(session).Kind() == connection.SubjectIDToken {
		if session, err = r.renewed(ctx, session); err != nil {
			return nil, err
		}
	}
	g, err := exchange(session)
	if g == nil {
		return nil, err
	}
	if g.Claims != nil {
		r.id = fault.Clean(g.Claims.ID, 128)
	}
	if !g.Rotated.Empty() {
		renewed := *session
		renewed.Refresh = g.Rotated
		if saving := r.o.Save(context.WithoutCancel(ctx), &renewed); saving != nil {
			return nil, saving
		}
	}
	return g, err
}

// renewed is s with an ID token that is still good, if one is to be had.
func (r *prober) renewed(ctx context.Context, s *Session) (*Session, error) {
	if !s.Renewable() || !s.IDToken.Empty() && time.Until(s.IDTokenExpiry) > time.Minute {
		return s, nil
	}
	next, err := Refresh(ctx, r.o.Transport, r.o.Plan, s)
	if next != nil {
		if saving := r.o.Save(context.WithoutCancel(ctx), next); saving != nil {
			return nil, saving
		}
	}
	return next, err
}

// exchange asks for an ID-JAG by p, without a scope if scopes is empty. The ID-JAG
// is not held against p: what is wrong with it is what the probes look for. The
// error is a *refusal or a Fault.
func (r *prober) exchange(ctx context.Context, p *Plan, scopes []string) (*Grant, error) {
	g, err := r.lend(ctx, func(s *Session) (*Grant, error) {
		subject := r.o.Subject(s).Bound(s.ProofKey)
		client, err := providerClient(p.Provider, p.Connection, p.Credentials)
		if err != nil {
			return nil, err
		}
		key, err := subject.proofKey(p.Connection)
		if err != nil {
			return nil, err
		}
		call := exchangeCall(p, client, subject, key, scopes)
		if len(scopes) == 0 {
			call.params.Del("scope")
		}
		answer, err := call.do(ctx, r.o.Transport)
		if err != nil {
			return nil, err
		}
		return readGrant(r.o.Transport, p, subject, key, scopes, answer)
	})
	r.observe(fault.StepExchange, err)
	if g != nil && g.Claims != nil {
		return g, nil
	}
	return nil, err
}

// idjag is an ID-JAG for a probe at the authorization server: one that nothing is
// wrong with. Where there is none, the outcome says why.
func (r *prober) idjag(ctx context.Context, scopes []string) (*Grant, *ProbeOutcome) {
	g, err := r.exchange(ctx, r.o.Plan, scopes)
	if err == nil && g.bad != nil {
		err = g.bad
	}
	if err == nil {
		return g, nil
	}
	out := judged(fault.StepExchange, err)
	out.Verdict, out.Says = ProbeUnknown, "No ID-JAG could be had for it. "+out.Says
	return nil, &out
}

// redeem sends an ID-JAG with a change to the request, or to who sends it. The
// token that may come of it is never used. The error is a *refusal or a Fault.
func (r *prober) redeem(ctx context.Context, g *Grant, change func(*tokenCall)) (*tokenAnswer, error) {
	client, err := r.o.Plan.resourceClient()
	if err != nil {
		return nil, err
	}
	call := redeemCall(r.o.Plan, client, g)
	if change != nil {
		change(&call)
	}
	answer, err := call.do(ctx, r.o.Transport)
	r.observe(fault.StepJWTBearer, err)
	return answer, err
}

// observe tells how a step went.
func (r *prober) observe(step fault.Step, err error) {
	if r.o.Observe == nil {
		return
	}
	err = explained(err, func(no *refusal) *fault.Fault {
		return fault.New(step, fault.Failed, no.code, "The server refused the request.")
	})
	r.o.Observe(Event{Step: step, Fault: fault.As(err)})
}

// verdict is the outcome of a probe that any token is a hole for. wants are the
// error codes that it should be refused with.
func (r *prober) verdict(ctx context.Context, g *Grant, change func(*tokenCall), wants ...string) ProbeOutcome {
	_, err := r.redeem(ctx, g, change)
	if err != nil {
		return judged(fault.StepJWTBearer, err, wants...)
	}
	return accepted("It was taken, and an access token was issued for it.")
}

func accepted(format string, args ...any) ProbeOutcome {
	return ProbeOutcome{Verdict: ProbeAccepted, Status: http.StatusOK, Says: fmt.Sprintf(format, args...)}
}

// narrowed is the outcome where the server answered without refusing, and what was
// wrong with the request had no effect.
func narrowed(format string, args ...any) ProbeOutcome {
	return ProbeOutcome{Verdict: ProbeRefused, Status: http.StatusOK, Says: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...any) ProbeOutcome {
	return ProbeOutcome{Status: http.StatusOK, Says: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) ProbeOutcome {
	return ProbeOutcome{Skipped: true, Says: fmt.Sprintf(format, args...)}
}

// judged is the outcome of an error: a refusal only where the server says no to
// what is wrong with the request, in the form of RFC 6749 section 5.2.
func judged(step fault.Step, err error, wants ...string) ProbeOutcome {
	var no *refusal
	if !errors.As(err, &no) {
		f := fault.As(err)
		return ProbeOutcome{Status: f.Status, Code: f.Code, Says: "No answer came that would tell. " + f.Message}
	}
	out := ProbeOutcome{Status: no.status, Code: no.code, Server: fault.Clean(no.words, fault.MaxServerRunes)}
	out.Verdict, out.Says = judge(no, wants)
	busy := no.status == http.StatusTooManyRequests || no.code == "slow_down"
	switch {
	case out.Verdict == ProbeRefused:
	case no.retryAfter > 0:
		out.Pause, out.PausedBy = time.Duration(no.retryAfter)*time.Second, step
	case busy:
		out.Pause, out.PausedBy = pauseUnsaid, step
	}
	return out
}

func judge(no *refusal, wants []string) (ProbeVerdict, string) {
	said := fmt.Sprintf("status %d", no.status)
	if no.code != "" {
		said = no.code
	}
	switch {
	case no.status >= 500 || no.status == http.StatusTooManyRequests || no.status == http.StatusRequestTimeout ||
		slices.Contains([]string{"server_error", "temporarily_unavailable", "slow_down"}, no.code):
		return ProbeUnknown, "The server did not decide: it answered " + said + "."
	case slices.Contains(wants, no.code):
		return ProbeRefused, "It was refused (" + said + ")."
	case no.code == "invalid_client" || no.code == "" && no.status == http.StatusUnauthorized:
		if slices.Contains(wants, "invalid_client") {
			return ProbeRefused, "It was refused, with " + said + " and without an error code (RFC 6749 section 5.2)."
		}
		return ProbeUnknown, "It was the client that was refused (" + said + "), with the right credentials, and not what is wrong with the request; the server may have locked the client."
	case no.code == codeNonce || no.code == codeProof:
		return ProbeUnknown, "It was the DPoP proof that was refused (" + said + "), and not what is wrong with the request."
	case no.code == "" && no.status == http.StatusBadRequest:
		return ProbeRefused, "It was refused, with " + said + " and without an error code (RFC 6749 section 5.2)."
	case no.code == "":
		return ProbeUnknown, "It got no token, but " + said + " without an error code may come from something in front of the server."
	case len(wants) == 0:
		return ProbeRefused, "It was refused (" + said + ")."
	}
	return ProbeRefused, "It was refused, but with " + said + " where the specifications name " + strings.Join(wants, " or ") + "."
}
