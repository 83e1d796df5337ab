package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/fault"
)

func TestR18_ARotatedRefreshTokenIsSavedBeforeAnythingElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.rotate = true
		w.plan.Provider.RefreshSubject = No
		w.session.IDTokenExpiry = time.Now().Add(-time.Second)
		l := w.ladder()
		w.onSave = func() {
			if n := w.idp.tokens(); n != 1 {
				t.Errorf("saved after %d requests", n)
			}
			time.Sleep(2 * time.Second) // a slow keyring
		}
		take(t, l)
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-1") || !w.saved[0].IDTokenExpiry.After(time.Now()) {
			t.Errorf("saved %+v", w.saved)
		}
		equal(t, "grants", w.idp.grants(), []string{"refresh_token", "id_token"})
	})
}

func TestR18_ATokenThatCouldNotBeSavedIsNotUsed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.rotate = true
		w.plan.Provider.RefreshSubject = No
		w.session.IDTokenExpiry = time.Now().Add(-time.Second)
		w.saveErr = errors.New("disk full of canary")
		l := w.ladder()
		for range 3 {
			_, _, err := l.Token(t.Context())
			f := fault.As(err)
			if f == nil || f.Step != fault.StepKeyring || f.Code != "not_saved" || strings.Contains(f.Error(), "canary") {
				t.Errorf("got %v", err)
			}
		}
		if w.idp.tokens() != 1 {
			t.Errorf("the identity provider was asked %d times", w.idp.tokens())
		}
		w.saveErr = nil
		take(t, l)
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-1") {
			t.Errorf("saved %v", w.saved)
		}
		// The old refresh token was sent once, the new one not yet.
		equal(t, "grants", w.idp.grants(), []string{"refresh_token", "id_token"})
	})
}

func TestR18_ARefreshTokenThatRotatesAtTheExchangeIsSaved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.changes = map[string]any{"refresh_token": canary("refresh-9")}
		l := w.ladder()
		take(t, l)
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-9") || w.saved[0].IDToken.Empty() {
			t.Errorf("saved %+v", w.saved)
		}
		w.idp.set(func(p *party) { p.live, p.changes = canary("refresh-9"), nil })
		l.Refused(take(t, l))
		take(t, l)
		if got := w.idp.form().Get("subject_token"); got != canary("refresh-9") {
			t.Error("the old refresh token was used again")
		}
	})
}

// R18: whatever the point at which the program is killed, there is a refresh
// token on disk that the identity provider takes, as long as it lets the old
// one live until the new one is used (RFC 9700 section 4.14.2); and none is
// used that is not on disk, so that reuse is never detected.
func TestR18_KilledAnywhereTheSessionSurvives(t *testing.T) {
	const points, lives = 7, 210
	kills := 0
	defer func() {
		if t.Logf("%d kills at %d points", kills, points); kills < 1000 {
			t.Errorf("%d kills", kills)
		}
	}()
	for point := range points {
		inWorld(t, func(t *testing.T, w *world) {
			w.plan.Provider.RefreshSubject = No
			idp := &rotatingIdP{live: map[string]bool{canary("refresh-0"): true}}
			w.idp.rotates = idp
			disk := *w.session
			disk.IDTokenExpiry = time.Now().Add(-time.Second)
			for range lives { // of the program
				steps, killed := 0, false
				step := func() bool { steps++; killed = killed || steps > point; return killed }
				session := disk
				l := NewLadder(LadderOptions{
					Plan:      func(context.Context) (*Plan, error) { return w.plan, nil },
					Transport: w.transport,
					Session:   func() *Session { return &session },
					Save: func(_ context.Context, s *Session) error {
						if step() {
							return errors.New("killed before the write")
						}
						disk = *s
						if step() {
							return errors.New("killed after the write")
						}
						session = *s
						return nil
					},
					Observe: func(Event) {
						if step() {
							w.net.SetOffline(true) // a dead program sends nothing
						}
					},
				})
				_, _, err := l.Token(t.Context())
				synctest.Wait()
				w.net.SetOffline(false)
				l.Forget()
				if err != nil && !killed {
					t.Fatalf("point %d: %v", point, err)
				}
				if killed {
					kills++
				}
				disk.IDTokenExpiry = time.Now().Add(-time.Second)
			}
			w.net.Reset()
			if idp.reused {
				t.Errorf("point %d: a dead refresh token was used", point)
			}
			if !idp.live[disk.Refresh.Reveal()] {
				t.Errorf("point %d: no living refresh token is on disk", point)
			}
		})
	}
}

// rotatingIdP rotates at every use; the old token lives until the new one is
// used.
type rotatingIdP struct {
	live   map[string]bool
	count  int
	reused bool
}

func (r *rotatingIdP) refresh(token string) (next string, ok bool) {
	if !r.live[token] {
		r.reused = true
		return "", false
	}
	for other := range r.live {
		if other != token {
			delete(r.live, other)
		}
	}
	r.count++
	next = canary(fmt.Sprintf("refresh-%d", r.count))
	r.live[next] = true
	return next, true
}

// renewing is a world in which the ID token has to be renewed, and the refresh
// token rotates.
func renewing(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.rotate = true
		w.plan.Provider.RefreshSubject = No
		w.session.IDTokenExpiry = time.Now().Add(-time.Second)
		f(t, w)
	})
}

func TestS40_ARenewedTokenOfAnotherUserIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		code   string
	}{
		"other user": {map[string]any{"sub": "user-2"}, "id_token_sub"}, "no user": {map[string]any{"sub": nil}, "id_token_sub"},
		"other issuer": {map[string]any{"iss": "https://evil.example"}, "id_token_issuer"}, "other app": {map[string]any{"aud": "x"}, "id_token_audience"},
		"other tenant": {map[string]any{"tenant": "t2"}, "id_token_tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			renewing(t, func(t *testing.T, w *world) {
				w.idp.changes = map[string]any{"id_token": w.idToken(c.claims)}
				_, _, err := w.ladder().Token(t.Context())
				wantFault(t, err, fault.StepSignIn, fault.Hostile, c.code)
				if len(w.saved) != 0 || w.idp.tokens() != 1 || w.as.tokens() != 0 {
					t.Errorf("O5: saved %d; %d requests", len(w.saved), w.idp.tokens())
				}
			})
		})
	}
}

func TestR18_ARotatedTokenIsKeptThoughTheRestFailed(t *testing.T) {
	renewing(t, func(t *testing.T, w *world) { // the keys cannot be fetched
		w.idp.noKeys = true
		l := w.ladder()
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "unavailable")
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-1") || w.saved[0].IDTokenExpiry.After(time.Now()) {
			t.Fatalf("saved %+v", w.saved)
		}
		w.idp.set(func(p *party) { p.noKeys = false })
		take(t, l)
		if got := w.saved[len(w.saved)-1].Refresh.Reveal(); got != canary("refresh-2") {
			t.Errorf("saved %d times", len(w.saved))
		}
	})
	renewing(t, func(t *testing.T, w *world) { // no ID token comes back
		w.idp.changes = map[string]any{"id_token": nil}
		l := w.ladder()
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepSignIn, fault.SignInNeeded, "no_id_token")
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-1") || !l.Status().SignInNeeded {
			t.Errorf("saved %+v", w.saved)
		}
	})
}

func TestARefreshTokenThatDoesNotRotateStays(t *testing.T) {
	renewing(t, func(t *testing.T, w *world) {
		w.idp.rotate = false
		take(t, w.ladder())
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != canary("refresh-0") || !w.saved[0].SignedInAt.Equal(w.session.SignedInAt) {
			t.Errorf("saved %+v", w.saved)
		}
		f := w.idp.forms[0]
		if f.Get("refresh_token") != canary("refresh-0") || len(f) != 2 {
			t.Errorf("sent %v", f)
		}
	})
}

// processes are several ladders over one saved session, as the window and the
// command line are.
type processes struct {
	w    *world
	lock chan struct{}
	disk *Session
}

func (p *processes) start() *Ladder {
	mine := *p.disk
	return NewLadder(LadderOptions{
		Plan:      func(context.Context) (*Plan, error) { return p.w.plan, nil },
		Transport: p.w.transport,
		Session:   func() *Session { return &mine }, // never looks at the disk again
		Save: func(_ context.Context, s *Session) error {
			kept := *s
			p.disk = &kept
			return nil
		},
		Exclude: func(ctx context.Context) (*Session, func(), error) {
			select {
			case p.lock <- struct{}{}:
				return p.disk, func() { <-p.lock }, nil
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		},
	})
}

// R27: of two processes that renew one session, none uses a refresh token that
// the other has replaced.
func TestR27_TwoProcessesRenewOneSession(t *testing.T) {
	renewing(t, func(t *testing.T, w *world) {
		idp := &rotatingIdP{live: map[string]bool{canary("refresh-0"): true}}
		w.idp.rotates = idp
		p := &processes{w: w, lock: make(chan struct{}, 1), disk: w.session}
		ladders := []*Ladder{p.start(), p.start(), p.start()}
		for round := range 5 {
			done := make(chan error)
			for _, l := range ladders {
				go func() {
					_, _, err := l.Token(t.Context())
					done <- err
				}()
			}
			for range ladders {
				if err := <-done; err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
			time.Sleep(3 * time.Hour) // all tokens expire
		}
		if idp.reused {
			t.Error("a refresh token was used that had been replaced")
		}
		// The ID token that one has renewed serves the others too.
		if idp.count != 5 {
			t.Errorf("%d renewals in five rounds", idp.count)
		}
	})
}

func TestR27_AnotherProcessSignsOutOrIn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := &processes{w: w, lock: make(chan struct{}, 1), disk: w.session}
		l := p.start()
		take(t, l)
		time.Sleep(3 * time.Hour)
		p.disk = nil
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepSignIn, fault.SignInNeeded, "signed_out")
		if len(p.lock) != 0 || w.idp.tokens() != 1 {
			t.Errorf("the lock is held: %d; %d requests", len(p.lock), w.idp.tokens())
		}
		p.disk = w.signedIn()
		take(t, l)
		other := w.signedIn()
		other.Identity.Subject = "user-2"
		p.disk = other
		l.Refused(take(t, l))
		_, _, err = l.Token(t.Context())
		wantFault(t, err, fault.StepSignIn, fault.SignInNeeded, "signed_out")
	})
}

func TestR27_ALockThatCannotBeHadEndsInTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		p := &processes{w: w, lock: make(chan struct{}, 1), disk: w.session}
		p.lock <- struct{}{} // the other process hangs
		start := time.Now()
		_, _, err := p.start().Token(t.Context())
		if f := fault.As(err); f == nil || f.Kind != fault.Offline || time.Since(start) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
