package auth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"waybill/fault"
)

func seconds32(n int) *int { return &n }

func asksFor(challenge map[string]string) *fault.Fault {
	f := fault.New(fault.StepExchange, fault.StepUp, "insufficient_user_authentication", "A stronger sign-in is asked for.").WithServer(400, "words")
	f.Challenge = challenge
	return f
}

// S70: what a challenge asks for, and that one which asks for nothing that can be
// read means a fresh sign-in.
func TestS70_WhatAStepUpAsksFor(t *testing.T) {
	for _, c := range []struct {
		challenge map[string]string
		want      StepUp
	}{
		{map[string]string{"max_age": "300"}, StepUp{MaxAge: seconds32(300)}},
		{map[string]string{"max_age": "0"}, StepUp{MaxAge: seconds32(0)}},
		{map[string]string{"acr_values": "  mfa   phr "}, StepUp{ACRValues: "mfa phr"}},
		{map[string]string{"acr_values": "mfa", "max_age": "5", "scope": "x"}, StepUp{MaxAge: seconds32(5), ACRValues: "mfa"}},
		{map[string]string{"acr_values": "mfa", "max_age": "-1"}, StepUp{ACRValues: "mfa"}},
		{map[string]string{"acr_values": "mfa", "max_age": "99999999999"}, StepUp{ACRValues: "mfa"}},
		{map[string]string{"max_age": "soon"}, StepUp{MaxAge: seconds32(0)}},
		{map[string]string{"scope": "x"}, StepUp{MaxAge: seconds32(0)}},
		{nil, StepUp{MaxAge: seconds32(0)}},
	} {
		if got := StepUpOf(asksFor(c.challenge)); !got.Equal(&c.want) {
			t.Errorf("%v: %+v", c.challenge, got)
		}
	}
}

// S70: a sign-in that was made for what is asked is not asked for once more; one
// that was not, or has grown old since, is.
func TestS70_ASignInAnswersAStepUpOnce(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		made  *StepUp
		since time.Duration
		asks  map[string]string
		again bool
	}{
		"an ordinary sign-in":      {nil, 0, map[string]string{"max_age": "60"}, false},
		"the very same":            {&StepUp{MaxAge: seconds32(60)}, time.Second, map[string]string{"max_age": "60"}, true},
		"older than was asked":     {&StepUp{MaxAge: seconds32(60)}, 3 * time.Minute, map[string]string{"max_age": "60"}, false},
		"fresher than is asked":    {&StepUp{MaxAge: seconds32(0)}, time.Minute, map[string]string{"max_age": "300"}, true},
		"less fresh than is asked": {&StepUp{MaxAge: seconds32(300)}, time.Second, map[string]string{"max_age": "60"}, false},
		"the same strength":        {&StepUp{ACRValues: "mfa phr"}, 48 * time.Hour, map[string]string{"acr_values": "mfa  phr"}, true},
		"another strength":         {&StepUp{ACRValues: "mfa"}, time.Second, map[string]string{"acr_values": "phr"}, false},
		"strength, then age":       {&StepUp{ACRValues: "mfa"}, time.Second, map[string]string{"max_age": "60"}, false},
		"both":                     {&StepUp{MaxAge: seconds32(60), ACRValues: "mfa"}, time.Second, map[string]string{"max_age": "60", "acr_values": "mfa"}, true},
		"nothing in particular":    {&StepUp{MaxAge: seconds32(0)}, time.Second, nil, true},
		"that later":               {&StepUp{MaxAge: seconds32(0)}, time.Hour, nil, false},
	} {
		s := &Session{SignedInAt: now.Add(-c.since), SteppedUp: c.made}
		f := s.StepUpAgain(asksFor(c.asks))
		if again := f.Kind == fault.Denied; again != c.again || f.Code != "insufficient_user_authentication" || f.Server != "words" || f.Status != 400 {
			t.Errorf("%s: %+v", name, f)
		}
		if c.again && !strings.Contains(f.Remedy, "administrator") {
			t.Errorf("%s: %q", name, f.Remedy)
		}
	}
	other := fault.New(fault.StepExchange, fault.SignInNeeded, "invalid_grant", "The session is over.")
	if s := (&Session{SteppedUp: &StepUp{ACRValues: "mfa"}, SignedInAt: now}); s.StepUpAgain(other) != other || s.StepUpAgain(nil) != nil {
		t.Error("another failure was changed")
	}
}

// S70 at the ladder: one exchange after the sign-in that was asked for, and no
// third whatever the server says.
func TestS70_AfterTheStepUpOneTryAndThenTheEnd(t *testing.T) {
	for name, challenge := range map[string]string{
		"strength": `"acr_values":"mfa"`, "age": `"max_age":60`, "both": `"max_age":0,"acr_values":"mfa"`, "nothing": `"x":1`,
	} {
		inWorld(t, func(t *testing.T, w *world) {
			body := `{"error":"insufficient_user_authentication",` + challenge + `}`
			w.idp.body, w.idp.status = &body, http.StatusBadRequest
			l := w.ladder()
			_, _, err := l.Token(t.Context())
			wantFault(t, err, fault.StepExchange, fault.StepUp, "insufficient_user_authentication")
			wanted := w.session.Wanted
			if wanted == nil {
				t.Fatalf("%s: nothing was kept for the next sign-in", name)
			}
			w.session = w.signedIn()
			w.session.SignedInAt, w.session.SteppedUp = w.session.SignedInAt.Add(time.Second), wanted
			_, _, err = l.Token(t.Context())
			f := wantFault(t, err, fault.StepExchange, fault.Denied, "insufficient_user_authentication")
			if w.idp.tokens() != 2 || w.session.Wanted != nil || !strings.Contains(f.Message, "again") {
				t.Errorf("%s: %d requests, %q, for the next sign-in: %+v", name, w.idp.tokens(), f.Message, w.session.Wanted)
			}
			w.idp.recovers()
			take(t, l)
		})
	}
}

// S70: the sign-in asks for it, and what comes back is held against it.
func TestS70_TheSignInIsHeldAgainstWhatWasAsked(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		kind   fault.Kind
		code   string
	}{
		"as asked":                {map[string]any{"acr": "phr", "auth_time": time.Now().Unix()}, 0, ""},
		"the other one":           {map[string]any{"acr": "mfa", "auth_time": time.Now().Unix()}, 0, ""},
		"strength not said":       {map[string]any{"auth_time": time.Now().Unix()}, 0, ""},
		"weaker":                  {map[string]any{"acr": "pwd", "auth_time": time.Now().Unix()}, fault.Denied, "id_token_acr"},
		"strength is a number":    {map[string]any{"acr": 1, "auth_time": time.Now().Unix()}, fault.Denied, "id_token_acr"},
		"both in one":             {map[string]any{"acr": "mfa phr", "auth_time": time.Now().Unix()}, fault.Denied, "id_token_acr"},
		"too old":                 {map[string]any{"acr": "mfa", "auth_time": time.Now().Unix() - 300}, fault.Hostile, "id_token_auth_time"},
		"does not say since when": {map[string]any{"acr": "mfa"}, fault.Hostile, "id_token_auth_time"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLocalSignIn(t)
			s.options.MaxAge, s.options.ACRValues = seconds32(60), "mfa phr"
			s.idp.change(func(idp *standIn) { idp.claims = c.claims })
			a := s.begin()
			var page url.Values = s.page(a)
			if page.Get("max_age") != "60" || page.Get("acr_values") != "mfa phr" {
				t.Errorf("the page is asked for %v", page)
			}
			s.answer(a, map[string]string{"code": "c", "iss": s.idp.issuer})
			session, err := s.wait(a)
			if c.code == "" {
				if err != nil || session.SteppedUp == nil || *session.SteppedUp.MaxAge != 60 || session.SteppedUp.ACRValues != "mfa phr" {
					t.Errorf("%v, %v", session, err)
				}
				return
			}
			wantFault(t, err, fault.StepSignIn, c.kind, c.code)
		})
	}
}

func TestS70_AnOrdinarySignInAsksForNothing(t *testing.T) {
	s := newLocalSignIn(t)
	a := s.begin()
	page := s.page(a)
	s.answer(a, map[string]string{"code": "c", "iss": s.idp.issuer})
	session, err := s.wait(a)
	if err != nil || session.SteppedUp != nil || page.Has("max_age") || page.Has("acr_values") {
		t.Errorf("%v, %v", page, err)
	}
}

// S70: the refresh token grant may ask for it too.
func TestS70_ARenewalMayAskForAStepUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		body := `{"error":"insufficient_user_authentication","acr_values":"mfa"}`
		w.idp.body, w.idp.status = &body, http.StatusBadRequest
		_, err := Refresh(t.Context(), w.transport, w.plan, w.session)
		if f := wantFault(t, err, fault.StepSignIn, fault.StepUp, "insufficient_user_authentication"); f.Challenge["acr_values"] != "mfa" {
			t.Errorf("%v", f.Challenge)
		}
	})
}
