package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
)

// take asks the ladder and wants a token.
func take(t *testing.T, l *Ladder) secret.Text {
	t.Helper()
	token, granted, err := l.Token(t.Context())
	if err != nil {
		t.Fatalf("no token: %v", err)
	}
	equal(t, "granted", granted, []string{"todos.read", "todos.write"})
	return token
}

func TestTheRefreshTokenIsTheSubjectOfChoice(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		if got := w.net.RoundTrips(func() { take(t, l) }); got != 6 { // two cold servers, one request each
			t.Errorf("%v round trips", got)
		}
		equal(t, "grants", w.idp.grants(), []string{"refresh_token"})
		equal(t, "grants", w.as.grants(), []string{"jwt-bearer"})
		if got := w.net.RoundTrips(func() { take(t, l) }); got != 0 || w.idp.tokens() != 1 {
			t.Errorf("the cached token took %v round trips", got)
		}
		if len(w.saved) != 0 {
			t.Error("something was saved")
		}
	})
}

// A refresh token that was called dead is remembered as that, also by the next
// start: what follows is called the end of the session, whatever the provider
// says of the ID token, and not a session that never had a refresh token.
func TestASessionThatHasEndedIsKnownAsSuch(t *testing.T) {
	for name, expired := range map[string]bool{"while the ID token lives": false, "and its ID token": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.refuseRefreshSubject("invalid_grant")
				_, _, err := w.ladder().Token(t.Context())
				wantFault(t, err, fault.StepExchange, fault.SignInNeeded, "invalid_grant")
				if expired {
					w.session.IDTokenExpiry = time.Now().Add(-time.Second)
				}
				data, err := w.session.MarshalForVault()
				if err != nil {
					t.Fatal(err)
				}
				next := &Session{}
				if err := next.UnmarshalFromVault(data); err != nil || !next.Ended || next.Renewable() {
					t.Fatalf("%v, ended %v, renewable %v", err, next.Ended, next.Renewable())
				}
				w.session = next
				w.idp.refuses(http.StatusBadRequest, "invalid_request")
				_, _, err = w.ladder().Token(t.Context())
				if f := fault.As(err); f == nil || f.Kind != fault.SignInNeeded || f.Message != sessionOver || f.Remedy != "Sign in again." {
					t.Errorf("%+v", f)
				}
			})
		})
	}
}

func TestEachConnectionTakesItsOwnWayDown(t *testing.T) {
	for name, c := range map[string]struct {
		subject   connection.SubjectKind
		refreshed Tri    // whether the metadata lists refresh tokens as subjects
		refuse    string // what the exchange says to a refresh token
		expired   bool   // the ID token has expired
		noRefresh bool
		grants    string // of the identity provider, in order
		code      string // of the error; "" for success
	}{
		"default":                       {grants: "refresh_token"},
		"metadata lists it":             {refreshed: Yes, grants: "refresh_token"},
		"metadata does not list it":     {refreshed: No, grants: "id_token"},
		"and the ID token is old":       {refreshed: No, expired: true, grants: "refresh_token id_token"},
		"no refresh token":              {noRefresh: true, grants: "id_token"},
		"nothing left":                  {noRefresh: true, expired: true, code: "session_over"},
		"ID token by connection":        {subject: connection.SubjectIDToken, grants: "id_token"},
		"the same, old":                 {subject: connection.SubjectIDToken, expired: true, grants: "refresh_token id_token"},
		"refresh token by connection":   {subject: connection.SubjectRefreshToken, refreshed: No, grants: "refresh_token"},
		"the same, refused":             {subject: connection.SubjectRefreshToken, refuse: "invalid_request", grants: "refresh_token", code: "invalid_request"},
		"refresh token not taken":       {refuse: "invalid_request", grants: "refresh_token id_token"},
		"refresh token of unknown type": {refuse: "unsupported_token_type", grants: "refresh_token id_token"},
		"not taken, ID token old":       {refuse: "invalid_request", expired: true, grants: "refresh_token refresh_token id_token"},
		"invalid_grant ends it":         {refuse: "invalid_grant", grants: "refresh_token", code: "invalid_grant"},
		"invalid_target ends it":        {refuse: "invalid_target", grants: "refresh_token", code: "invalid_target"},
		"invalid_scope ends it":         {refuse: "invalid_scope", grants: "refresh_token", code: "invalid_scope"},
		"invalid_client ends it":        {refuse: "invalid_client", grants: "refresh_token", code: "invalid_client"},
		"access_denied ends it":         {refuse: "access_denied", grants: "refresh_token", code: "access_denied"},
		"busy ends it":                  {refuse: "temporarily_unavailable", grants: "refresh_token", code: "temporarily_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.plan.Connection.Subject, w.plan.Provider.RefreshSubject = c.subject, c.refreshed
				w.refuseRefreshSubject(c.refuse)
				if c.expired {
					w.session.IDTokenExpiry = time.Now().Add(-time.Second)
				}
				if c.noRefresh {
					w.session.Refresh = RefreshToken{}
				}
				_, _, err := w.ladder().Token(t.Context())
				if code := codeOf(err); code != c.code {
					t.Errorf("got %q: %v", code, err)
				}
				equal(t, "grants", w.idp.grants(), strings.Fields(c.grants))
			})
		})
	}
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Code
}

// refuseRefreshSubject makes the exchange refuse refresh tokens as subjects.
func (w *world) refuseRefreshSubject(code string) {
	if code == "" {
		return
	}
	w.idp.set(func(p *party) { p.refuse = code })
}

func TestNeverUpAndNeverRound(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.refuseRefreshSubject("invalid_request")
		l := w.ladder()
		for range 3 {
			l.Refused(take(t, l))
			time.Sleep(2 * time.Minute) // so that refusals do not count as in a row
		}
		equal(t, "grants", w.idp.grants(), []string{"refresh_token", "id_token", "id_token", "id_token"})
	})
	inWorld(t, func(t *testing.T, w *world) { // everything is refused as a subject
		w.idp.refuses(http.StatusBadRequest, "invalid_request")
		_, _, err := w.ladder().Token(t.Context())
		wantFault(t, err, fault.StepSignIn, fault.Failed, "invalid_request")
		equal(t, "grants", w.idp.grants(), []string{"refresh_token", "id_token", "refresh_token"})
	})
}

func TestR12_ARefusedTokenIsMintedAnewOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		l.Refused(first)
		second := take(t, l)
		if second.Equal(first) || w.as.tokens() != 2 {
			t.Errorf("%d mints", w.as.tokens())
		}
		l.Refused(first) // a late 401 for the old one
		l.Refused(secret.New("never heard of"))
		if !take(t, l).Equal(second) || w.as.tokens() != 2 {
			t.Errorf("%d mints after late 401s", w.as.tokens())
		}
	})
}

func TestR13_TwoHundredCallersShareOneMint(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		time.Sleep(3 * time.Hour) // it expires
		var callers sync.WaitGroup
		tokens := make(chan string, 200)
		for range 200 {
			callers.Go(func() {
				token, _, err := l.Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				tokens <- token.Reveal()
			})
		}
		callers.Wait()
		close(tokens)
		seen := map[string]bool{}
		for token := range tokens {
			seen[token] = true
		}
		if len(seen) != 1 || seen[first.Reveal()] || w.idp.tokens() != 2 || w.as.tokens() != 2 {
			t.Errorf("%d tokens, %d exchanges, %d redemptions", len(seen), w.idp.tokens(), w.as.tokens())
		}
	})
}

func TestR13_TwoHundred401sAtOnceShareOneMint(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				l.Refused(first)
				if token, _, err := l.Token(t.Context()); err != nil || token.Equal(first) {
					t.Errorf("%v", err)
				}
			})
		}
		callers.Wait()
		if w.idp.tokens() != 2 || w.as.tokens() != 2 {
			t.Errorf("%d exchanges, %d redemptions", w.idp.tokens(), w.as.tokens())
		}
	})
}

// A caller that found no token and comes to mint just when another has minted
// takes that one's.
func TestR13_WhoComesAMomentLateMintsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		late := l.start(t.Context(), w.plan)
		<-late.done
		if late.err != nil || !late.access.Token.Equal(first) || w.as.tokens() != 1 {
			t.Errorf("%v; %d mints", late.err, w.as.tokens())
		}
	})
}

// R14, S73: a resource that refuses every token does not make the app mint
// without end, and no sign-in is asked for.
func TestR14S73_AResourceThatAlwaysRefusesIsLeftAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		var last error
		for range 1000 {
			token, _, err := l.Token(t.Context())
			if last = err; err == nil {
				l.Refused(token)
			}
		}
		f := wantFault(t, last, fault.StepCall, fault.Denied, "invalid_token")
		if w.as.tokens() != 3 || w.idp.tokens() != 3 || f.RetryAfter < 1 || f.RetryAfter > 30 {
			t.Errorf("%d mints, retry after %d", w.as.tokens(), f.RetryAfter)
		}
		if l.Status().SignInNeeded {
			t.Error("a sign-in is asked for")
		}
		time.Sleep(31 * time.Second) // one more, then twice as long
		l.Refused(take(t, l))
		time.Sleep(31 * time.Second)
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepCall, fault.Denied, "invalid_token")
		time.Sleep(30 * time.Second)
		take(t, l)
		time.Sleep(2 * time.Minute) // it has been good for a while: the count starts anew
		l.Refused(take(t, l))
		l.Refused(take(t, l))
		take(t, l)
	})
}

func TestR15_AnIDJAGThatExpiredOnTheWayIsReplacedOnce(t *testing.T) {
	for times, c := range map[int]struct {
		code  string
		mints int
	}{1: {"", 1}, 2: {"id_jag_expired", 0}} {
		inWorld(t, func(t *testing.T, w *world) {
			slept := 0
			w.idp.jagLife = 20 * time.Second
			l := w.ladder()
			l.o.Observe = func(e Event) {
				if e.Step == fault.StepExchange && slept < times {
					slept++
					time.Sleep(21 * time.Second) // the computer slept
				}
			}
			_, _, err := l.Token(t.Context())
			if codeOf(err) != c.code || w.as.tokens() != c.mints || w.idp.tokens() != 2 {
				t.Errorf("%v; %d exchanges, %d redemptions", err, w.idp.tokens(), w.as.tokens())
			}
		})
	}
}

func TestR15_AnIDJAGThatWasRefusedIsNotSentAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.refuses(http.StatusBadRequest, "invalid_grant")
		l := w.ladder()
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepJWTBearer, fault.Config, "invalid_grant")
		if w.idp.tokens() != 1 || w.as.tokens() != 1 || l.Status().SignInNeeded {
			t.Errorf("%d exchanges, %d redemptions, status %+v", w.idp.tokens(), w.as.tokens(), l.Status())
		}
		w.as.recovers()
		take(t, l)
		if a, b := w.as.forms[0].Get("assertion"), w.as.forms[1].Get("assertion"); a == b {
			t.Error("the same ID-JAG was sent twice")
		}
	})
}

func TestR16_WithoutARefreshTokenTheSessionEndsQuietly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.session.Refresh = RefreshToken{}
		l := w.ladder()
		take(t, l)
		time.Sleep(time.Hour) // the ID token is over, the access token is not
		take(t, l)
		if s := l.Status(); !s.Have || s.SignInNeeded || s.Renewable {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Hour)
		w.net.Reset()
		for range 3 {
			_, _, err := l.Token(t.Context())
			wantFault(t, err, fault.StepSignIn, fault.SignInNeeded, "session_over")
		}
		if len(w.net.Requests()) != 0 || !l.Status().SignInNeeded {
			t.Errorf("asked %v, %+v", w.net.Requests(), l.Status())
		}
		w.signInAgain()
		take(t, l)
		if l.Status().SignInNeeded {
			t.Error("a sign-in is still asked for")
		}
	})
}

// signInAgain puts a new session in the place of the old one.
func (w *world) signInAgain() {
	s := w.signedIn()
	w.idp.set(func(p *party) { p.live = s.Refresh.Reveal() })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.session = s
}

func TestR17_OnlyInvalidGrantEndsTheSession(t *testing.T) {
	for _, code := range []string{"temporarily_unavailable", "server_error", "invalid_client", "access_denied", "invalid_scope", "something_new"} {
		for _, refreshed := range []Tri{Unknown, No} {
			inWorld(t, func(t *testing.T, w *world) {
				w.plan.Provider.RefreshSubject = refreshed
				w.session.IDTokenExpiry = time.Now().Add(-time.Second)
				w.idp.refuses(http.StatusBadRequest, code)
				l := w.ladder()
				if _, _, err := l.Token(t.Context()); err == nil {
					t.Fatal("a token")
				}
				if s := l.Status(); s.SignInNeeded || !s.Renewable || len(w.saved) != 0 {
					t.Errorf("%s: %+v, saved %d", code, s, len(w.saved))
				}
				w.idp.recovers()
				take(t, l)
			})
		}
	}
	for _, refreshed := range []Tri{Unknown, No} {
		inWorld(t, func(t *testing.T, w *world) {
			w.plan.Provider.RefreshSubject = refreshed
			w.session.IDTokenExpiry = time.Now().Add(-time.Second)
			w.idp.refuses(http.StatusBadRequest, "invalid_grant")
			l := w.ladder()
			for range 3 {
				_, _, err := l.Token(t.Context())
				if f := fault.As(err); f == nil || f.Kind != fault.SignInNeeded || f.Code != "invalid_grant" {
					t.Errorf("got %v", err)
				}
			}
			if w.idp.tokens() != 1 {
				t.Errorf("the dead refresh token was sent %d times", w.idp.tokens())
			}
			if len(w.saved) != 1 || w.saved[0].Renewable() || w.saved[0].IDToken.Empty() || l.Status().Renewable || !l.Status().SignInNeeded {
				t.Errorf("saved %+v, %+v", w.saved, l.Status())
			}
			w.idp.recovers()
			w.signInAgain()
			take(t, l)
		})
	}
}

// That the provider wants to see the user says nothing against the refresh token.
func TestR17_AProviderThatAsksForTheUserEndsNoRefreshToken(t *testing.T) {
	for _, code := range []string{"insufficient_user_authentication", "interaction_required"} {
		inWorld(t, func(t *testing.T, w *world) {
			w.idp.refuses(http.StatusBadRequest, code)
			l := w.ladder()
			_, _, err := l.Token(t.Context())
			if f := fault.As(err); f == nil || f.Code != code || f.Kind != fault.SignInNeeded && f.Kind != fault.StepUp {
				t.Fatalf("%s: got %v", code, err)
			}
			if s := l.Status(); !s.Renewable {
				t.Errorf("%s: the refresh token is gone: %+v", code, s)
			}
			for _, s := range w.saved { // with what was asked for, if anything
				if !s.Renewable() {
					t.Errorf("%s: the session is saved without its refresh token", code)
				}
			}
		})
	}
}

func TestR19_AWithdrawnPolicyIsSaidOnceForEachTry(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.refuses(http.StatusBadRequest, "access_denied")
		l := w.ladder()
		for i := range 3 {
			_, _, err := l.Token(t.Context())
			wantFault(t, err, fault.StepExchange, fault.Denied, "access_denied")
			if w.idp.tokens() != i+1 || w.as.tokens() != 0 {
				t.Errorf("try %d: %d requests", i, w.idp.tokens())
			}
		}
		w.idp.recovers()
		take(t, l)
	})
}

func TestS70_AStepUpIsAskedForOnceAndTriedOnceAfterwards(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		body := `{"error":"insufficient_user_authentication","acr_values":"mfa"}`
		w.idp.body, w.idp.status = &body, http.StatusBadRequest
		l := w.ladder()
		for range 3 {
			_, _, err := l.Token(t.Context())
			if f := wantFault(t, err, fault.StepExchange, fault.StepUp, "insufficient_user_authentication"); f.Challenge["acr_values"] != "mfa" {
				t.Errorf("%v", f.Challenge)
			}
		}
		if w.idp.tokens() != 1 || len(w.saved) != 1 || !l.Status().Renewable {
			t.Fatalf("%d requests, saved %d", w.idp.tokens(), len(w.saved))
		}
		if kept := w.saved[0]; kept.Wanted == nil || kept.Wanted.ACRValues != "mfa" || kept.Wanted.MaxAge != nil || !kept.Renewable() {
			t.Errorf("for the next sign-in is kept: %+v", kept.Wanted)
		}
		w.idp.set(func(p *party) { p.live = canary("refresh-0") })
		time.Sleep(time.Second)
		w.signInAgain()
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepExchange, fault.StepUp, "insufficient_user_authentication")
		if w.idp.tokens() != 2 {
			t.Errorf("%d requests", w.idp.tokens())
		}
	})
}

func TestATokenIsMintedAnewBeforeItExpires(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		time.Sleep(2*time.Hour - 59*time.Second)
		if got := w.net.RoundTrips(func() {
			for range 100 {
				if !take(t, l).Equal(first) {
					t.Error("the old token is not used any more")
				}
			}
		}); got != 0 {
			t.Errorf("waited %v round trips", got)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if take(t, l).Equal(first) || w.as.tokens() != 2 {
			t.Errorf("%d mints", w.as.tokens())
		}
	})
}

func TestAFailedEarlyMintIsNoFailure(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		time.Sleep(2*time.Hour - 50*time.Second)
		w.idp.refuses(http.StatusServiceUnavailable, "temporarily_unavailable")
		for range 40 { // 40 s of calls: one attempt every 10 s
			if !take(t, l).Equal(first) {
				t.Error("another token")
			}
			time.Sleep(time.Second)
		}
		if n := w.idp.tokens() - 1; n < 3 || n > 5 {
			t.Errorf("%d attempts", n)
		}
		time.Sleep(20 * time.Second)
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepExchange, fault.Offline, "temporarily_unavailable")
	})
}

func TestATokenOfHalfAMinuteIsNotMintedWithoutEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.changes = map[string]any{"expires_in": 30}
		l := w.ladder()
		for range 60 {
			take(t, l)
			time.Sleep(time.Second)
		}
		if n := w.as.tokens(); n < 2 || n > 5 {
			t.Errorf("%d mints in a minute", n)
		}
	})
}

func TestOfflineIsNotSignedOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		w.net.SetOffline(true)
		planErr := fault.New("", fault.Offline, "network", "Offline.")
		l.o.Plan = func(context.Context) (*Plan, error) { return nil, planErr }
		if !take(t, l).Equal(first) {
			t.Error("the cached token is not used offline")
		}
		time.Sleep(3 * time.Hour)
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "network")
		l.o.Plan = func(context.Context) (*Plan, error) { return w.plan, nil }
		_, _, err = l.Token(t.Context())
		wantFault(t, err, fault.StepExchange, fault.Offline, "network")
		if s := l.Status(); s.SignInNeeded || s.Have || !s.Renewable {
			t.Errorf("%+v", s)
		}
		w.net.SetOffline(false)
		take(t, l)
		w.net.Reset()
	})
}

func TestACallerThatGivesUpDoesNotEndTheMint(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		ctx, cancel := context.WithTimeout(t.Context(), worldRTT)
		defer cancel()
		_, _, err := l.Token(ctx)
		wantFault(t, err, fault.StepExchange, fault.Offline, "timeout")
		gone, leave := context.WithCancel(t.Context())
		leave()
		_, _, err = l.Token(gone)
		wantFault(t, err, fault.StepExchange, fault.Canceled, "canceled")
		take(t, l)
		if w.idp.tokens() != 1 || w.as.tokens() != 1 {
			t.Errorf("%d exchanges, %d redemptions", w.idp.tokens(), w.as.tokens())
		}
	})
}

func TestForgetEndsAMintAndNothingIsSavedAfterwards(t *testing.T) {
	for _, after := range []time.Duration{0, worldRTT, 3*worldRTT - 1, 4 * worldRTT, 6*worldRTT - 1} {
		inWorld(t, func(t *testing.T, w *world) {
			w.idp.rotate = true
			w.session.IDTokenExpiry = time.Now().Add(-time.Second)
			w.plan.Provider.RefreshSubject = No
			l := w.ladder()
			failed := make(chan error)
			go func() {
				_, _, err := l.Token(t.Context())
				failed <- err
			}()
			time.Sleep(after)
			synctest.Wait()
			l.Forget()
			w.mu.Lock()
			before := len(w.saved)
			w.mu.Unlock()
			wantCanceled(t, <-failed)
			time.Sleep(time.Minute)
			if len(w.saved) != before || l.Status().Have {
				t.Errorf("after %v: saved %d more", after, len(w.saved)-before)
			}
		})
	}
}

func wantCanceled(t *testing.T, err error) {
	t.Helper()
	if f := fault.As(err); f == nil || f.Kind != fault.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestForgetDropsTheToken(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		l.Forget()
		if s := l.Status(); s.Have || s.Asked != nil {
			t.Errorf("%+v", s)
		}
		if take(t, l).Equal(first) {
			t.Error("S101: a forgotten token came back")
		}
	})
}

// S66, S102: a token is good for one user, one resource, one server, one set of
// scopes and one client.
func TestS66_ATokenIsNeverUsedWhereAnythingDiffers(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"subject":  func(w *world) { w.session.Identity.Subject = "user-2" },
		"issuer":   func(w *world) { w.session.Identity.Issuer = "https://other.example" },
		"tenant":   func(w *world) { w.session.Identity.Tenant = "t2" },
		"scopes":   func(w *world) { w.plan.Connection.Resource.Scopes = []string{"todos.read"} },
		"client":   func(w *world) { w.plan.Connection.Resource.ClientID = "client_app-at-other" },
		"resource": func(w *world) { w.plan.Resource = "https://api.example/v2" },
		"audience": func(w *world) { w.plan.Audience = "https://other.example" },
		"endpoint": func(w *world) {
			w.plan.Server = &Server{Issuer: "https://as.example", TokenEndpoint: "https://as.example/other"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				l := w.ladder()
				first := take(t, l)
				plan, session := *w.plan, *w.session
				w.plan, w.session = &plan, &session
				change(w)
				w.idp.set(func(p *party) { p.jag = map[string]any{"client_id": w.plan.Connection.Resource.ClientID} })
				token, _, err := l.Token(t.Context())
				if err == nil && token.Equal(first) {
					t.Error("the old token was used")
				}
				if moved := name == "resource" || name == "audience" || name == "endpoint"; moved {
					wantFault(t, err, fault.StepDiscovery, fault.Config, "server_changed")
				} else if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestS102_AnotherUsersTokenIsNotUsedOffline(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		take(t, l)
		l.o.Plan = func(context.Context) (*Plan, error) {
			return nil, fault.New("", fault.Offline, "network", "Offline.")
		}
		other := *w.session
		other.Identity.Subject = "user-2"
		w.session = &other
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "network")
	})
}

func TestStatusShowsTheScopesSideBySide(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.jag, w.as.changes = map[string]any{"scope": "todos.read todos.write"}, map[string]any{"scope": "todos.read extra"}
		l := w.ladder()
		if s := l.Status(); s.Have || s.Asked != nil || !s.Renewable {
			t.Errorf("%+v", s)
		}
		_, granted, err := l.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "usable", granted, []string{"todos.read"})
		s := l.Status()
		equal(t, "asked", s.Asked, []string{"todos.read", "todos.write"})
		equal(t, "in the ID-JAG", s.InIDJAG, []string{"todos.read", "todos.write"})
		equal(t, "granted", s.Granted, []string{"todos.read", "extra"})
		if left := time.Until(s.Expires); !s.Have || (left-2*time.Hour).Abs() > time.Second {
			t.Errorf("expires in %v", left)
		}
	})
}

func TestAnEmptyGrantIsNoTokenAndIsShown(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.changes = map[string]any{"scope": ""}
		l := w.ladder()
		token, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepJWTBearer, fault.Config, "empty_grant")
		s := l.Status()
		if !token.Empty() || s.Have || s.Granted == nil || len(s.Granted) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestNobodySignedIn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		w.session = nil
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepSignIn, fault.SignInNeeded, "signed_out")
		if s := l.Status(); s.Have || s.Renewable || s.SignInNeeded {
			t.Errorf("%+v", s)
		}
	})
}

// R9: the clock may jump as it likes.
func TestR9_ExpiryIsMeasuredFromReceipt(t *testing.T) {
	for name, c := range map[string]struct {
		jump time.Duration
		want bool // the token is still good
	}{
		"back five minutes": {-5 * time.Minute, true}, "back ten years": {-10 * 365 * 24 * time.Hour, true},
		"ahead five minutes": {5 * time.Minute, true}, "ahead a day": {24 * time.Hour, false}, "ahead ten years": {10 * 365 * 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				l := w.ladder()
				first := take(t, l)
				jumped := func() time.Time { return time.Now().Add(c.jump) }
				l.wall = jumped
				l.cached.born.wall = jumped
				if got := take(t, l).Equal(first); got != c.want {
					t.Errorf("still good: %v", got)
				}
				for range 100 { // no loop: the new one is measured from now
					take(t, l)
				}
				if n := w.as.tokens(); n > 2 {
					t.Errorf("%d mints", n)
				}
				if c.jump < 0 { // and it does end
					time.Sleep(3 * time.Hour)
					if take(t, l).Equal(first) {
						t.Error("a clock that was set back keeps a dead token alive")
					}
				}
			})
		})
	}
}

func TestR9_AnAgeNeverShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := time.Duration(0)
		a := bornNow(func() time.Time { return time.Now().Add(off) })
		time.Sleep(time.Minute)
		if got := a.since(); got != time.Minute {
			t.Errorf("%v", got)
		}
		off = -time.Hour
		if got := a.since(); got != time.Minute {
			t.Errorf("set back: %v", got)
		}
		off = time.Hour // asleep: the monotonic clock stood still
		if got := a.since(); got != time.Hour+time.Minute {
			t.Errorf("asleep: %v", got)
		}
		if got := (age{}).since(); got < 100*365*24*time.Hour {
			t.Errorf("a token of unknown age is %v old", got)
		}
	})
}

// After the connections are open, the two grants take a round trip each.
func TestWarmConnectionsLeaveTwoRoundTrips(t *testing.T) {
	for name, serve := range map[string]func(*virtualnet.Network, string, http.Handler){
		"HTTP/2": (*virtualnet.Network).Serve, "HTTP/1.1": (*virtualnet.Network).ServeHTTP1,
	} {
		t.Run(name, func(t *testing.T) {
			inWorldWith(t, worldRTT, serve, func(t *testing.T, w *world) {
				cache := NewPlanCache(w.transport, w.connection(), credentials(), nil)
				defer cache.Close()
				if _, err := cache.Get(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.transport.Preconnect(t.Context(), "https://api.example")
				if len(w.net.Dials()) != 3 {
					t.Errorf("warming dialled %v", w.net.Dials())
				}
				time.Sleep(4 * time.Minute) // the user types
				w.net.Reset()
				l := w.ladder()
				l.o.Plan = cache.Get
				if got := w.net.RoundTrips(func() { take(t, l) }); got != 2 || len(w.net.Dials()) != 0 {
					t.Errorf("%v round trips and %v", got, w.net.Dials())
				}
			})
		})
	}
}

func TestR5_TheFlowFinishesOnSlowNetworks(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 50 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second} {
		inWorldWith(t, rtt, (*virtualnet.Network).Serve, func(t *testing.T, w *world) {
			cache := NewPlanCache(w.transport, w.connection(), credentials(), nil)
			defer cache.Close()
			l := w.ladder()
			l.o.Plan = cache.Get
			if got := w.net.RoundTrips(func() { take(t, l) }); got != 5 {
				t.Errorf("%v: %v round trips", rtt, got)
			}
		})
	}
}

func TestEventsTellTheStepsAndNoSecret(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.session.IDTokenExpiry = time.Now().Add(-time.Second)
		w.refuseRefreshSubject("invalid_request")
		l := w.ladder()
		take(t, l)
		var steps []string
		for _, e := range w.events {
			steps = append(steps, fmt.Sprintf("%s %d %v", e.Step, e.Rung, e.Fault == nil))
			if e.Took <= 0 || strings.Contains(fmt.Sprintf("%+v", e), "canary") {
				t.Errorf("%+v", e)
			}
		}
		equal(t, "steps", steps, []string{"token exchange 1 false", "sign-in 3 true", "token exchange 3 true", "JWT bearer grant 3 true"})
	})
}
