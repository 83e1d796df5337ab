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
	for point := range 12 {
		inWorld(t, func(t *testing.T, w *world) {
			w.plan.Provider.RefreshSubject = No
			idp := &rotatingIdP{live: map[string]bool{canary("refresh-0"): true}}
			w.idp.rotates = idp
			disk := *w.session
			disk.IDTokenExpiry = time.Now().Add(-time.Second)
			for range 20 { // lives of the program
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
