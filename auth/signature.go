package auth

import (
	"context"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Signed is what can be seen from here of a token's signature. Whether it
// counts is for whom the token is meant: an identity provider may sign ID-JAGs
// with a key that only the authorization server knows, so nothing but a key that
// is published, is named and does not fit is a No.
type Signed struct {
	Verdict    Tri
	Says       string // why it is not Yes: one sentence; "" if it is
	KeyMissing bool   // the key that it names is not among those published
}

// SignedBy checks a token's signature with the keys of a JSON web key set (RFC
// 7517 section 5).
func SignedBy(keys []byte, raw secret.Text) Signed {
	set, err := parseKeys(keys)
	if err != nil {
		return Signed{Says: "The identity provider's keys cannot be read."}
	}
	return signedWith(&keySet{keys: set}, raw)
}

// Signed checks an ID-JAG's signature with the provider's keys as far as they
// have been fetched; it asks nobody. known is false if none have.
func (p *Provider) Signed(raw IDJAG) (s Signed, known bool) {
	p.mu.Lock()
	set := p.keys
	p.mu.Unlock()
	if set == nil || !set.known() {
		return Signed{Says: "The identity provider's keys were not fetched."}, false
	}
	return signedWith(set, raw.Text), true
}

// FetchKeys has the provider's keys at hand: it asks for them unless that was
// done within the hour, or, if none of them is the one that raw names, within
// the minute. Errors are Faults.
func (p *Provider) FetchKeys(ctx context.Context, t *transport.Client, raw IDJAG) error {
	if p.JWKSURI == "" {
		return fault.New(fault.StepDiscovery, fault.Config, "no_keys", "The identity provider does not say where its keys are.").
			WithRemedy("Set jwks_uri for the identity provider in the connection.")
	}
	set := p.keySet(t)
	if err := set.ensure(ctx); err != nil {
		return at(fault.StepDiscovery, err)
	}
	if signed, _ := p.Signed(raw); !signed.KeyMissing {
		return nil
	}
	if err := set.refetch(ctx); err != nil && !errors.Is(err, errBadSignature) {
		return at(fault.StepDiscovery, err)
	}
	return nil
}

func (s *keySet) known() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.fetched.IsZero()
}

func signedWith(set *keySet, raw secret.Text) Signed {
	token, err := parseCompact(raw.Reveal())
	if err != nil {
		return Signed{Says: "It is not signed with a public-key signature."}
	}
	signed, err := jose.ParseSignedCompact(raw.Reveal(), signingAlgs)
	if err != nil {
		return Signed{Says: "Its signature cannot be read."}
	}
	candidates := set.candidates(token)
	_, err = tryKeys(candidates, signed)
	switch {
	case err == nil:
		return Signed{Verdict: Yes}
	case token.keyID == "":
		return Signed{Says: "It names no key, and none of those that the identity provider publishes fits."}
	case len(candidates) == 0:
		return Signed{KeyMissing: true, Says: "The key “" + fault.Clean(token.keyID, 80) + "” that it names is not among those that the identity provider publishes; it may be known to the authorization server in another way."}
	}
	return Signed{Verdict: No, Says: "The key “" + fault.Clean(token.keyID, 80) + "” that it names is published, and it did not make this signature."}
}
