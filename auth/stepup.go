package auth

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"waybill/fault"
)

// StepUp is what a server asks of a sign-in beyond the usual (RFC 9470 section
// 3, draft-ietf-oauth-identity-assertion-authz-grant section 9.2).
type StepUp struct {
	MaxAge    *int   `json:"max_age,omitempty"`    // how old the user's proof may be, in seconds; nil: any
	ACRValues string `json:"acr_values,omitempty"` // of how strong a sign-in, alternatives with blanks between; "": any
}

// StepUpOf reads what a Fault of kind StepUp asks for. A server that asks for a
// step-up and does not say which is offered a fresh sign-in.
func StepUpOf(f *fault.Fault) StepUp {
	s := StepUp{ACRValues: strings.Join(strings.Fields(f.Challenge["acr_values"]), " ")}
	if n, err := strconv.ParseInt(f.Challenge["max_age"], 10, 32); err == nil && n >= 0 {
		seconds := int(n)
		s.MaxAge = &seconds
	}
	if s.MaxAge == nil && s.ACRValues == "" {
		s.MaxAge = new(int)
	}
	return s
}

// Equal reports whether both ask for the same.
func (s *StepUp) Equal(other *StepUp) bool {
	if s == nil || other == nil {
		return s == other
	}
	sameAge := s.MaxAge == other.MaxAge || s.MaxAge != nil && other.MaxAge != nil && *s.MaxAge == *other.MaxAge
	return sameAge && s.ACRValues == other.ACRValues
}

// StepUpAgain returns f, or, where f asks for what this very sign-in was made
// for, a Fault of kind Denied in its place: one step-up is answered with one
// sign-in, and one that does not satisfy the server is not repeated.
func (s *Session) StepUpAgain(f *fault.Fault) *fault.Fault {
	if f == nil || f.Kind != fault.StepUp || !s.answers(StepUpOf(f)) {
		return f
	}
	again := fault.New(f.Step, fault.Denied, f.Code,
		"You have just signed in as strictly as was asked, and the same is asked for again.").
		WithRemedy("Ask your administrator; signing in once more does not help.").Because(f)
	again.Server, again.Status, again.Challenge = f.Server, f.Status, f.Challenge
	return again
}

// answers reports whether the sign-in was made for what asked asks for, and is
// still young enough for it, as far as can be told here.
func (s *Session) answers(asked StepUp) bool {
	made := s.SteppedUp
	if made == nil || made.ACRValues != asked.ACRValues && asked.ACRValues != "" {
		return false
	}
	if asked.MaxAge == nil {
		return true
	}
	limit := time.Duration(*asked.MaxAge)*time.Second + maxClockAhead
	return made.MaxAge != nil && *made.MaxAge <= *asked.MaxAge && time.Since(s.SignedInAt) <= limit
}

// stepUp is what the sign-in asks for, nil if nothing.
func (o SignInOptions) stepUp() *StepUp {
	if o.MaxAge == nil && o.ACRValues == "" {
		return nil
	}
	return &StepUp{MaxAge: o.MaxAge, ACRValues: o.ACRValues}
}

// strength checks how strongly the user proved who they are, where that was
// asked for and the token says it (OpenID Connect Core section 2).
func (c *idTokenCheck) strength(said claims, _ *Verified) error {
	if c.expect.ACRValues == "" || !said.has("acr") {
		return nil
	}
	acr, ok := said.text("acr")
	if !ok || !slices.Contains(strings.Fields(c.expect.ACRValues), acr) {
		return fault.New(fault.StepSignIn, fault.Denied, "id_token_acr", "The identity provider signed you in, but not as strictly as was asked.").
			WithRemedy("Ask the administrator which kind of sign-in your account needs.")
	}
	return nil
}
