package auth

import (
	"context"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/transport"
)

// SessionFromIDToken makes a session of an ID token that was obtained
// elsewhere. It is checked like any other, except that there is no nonce. Only
// where the connection itself says where tokens are issued, and the issuer
// publishes no keys, is the signature left unchecked: the session is then
// marked Unverified, and the identity provider's token endpoint alone decides
// what the token is worth. Errors are Faults.
func SessionFromIDToken(ctx context.Context, t *transport.Client, p *Provider, clientID string, raw IDToken) (*Session, error) {
	verified, err := VerifyIDToken(ctx, t, p, clientID, raw, Expect{})
	unverified := err != nil && p.Overruled && publishesNoKeys(err)
	if unverified {
		verified, err = checkUnsigned(t, p, clientID, raw)
	}
	if err != nil {
		return nil, at(fault.StepSignIn, err)
	}
	return &Session{
		Identity: verified.Identity, IDToken: raw, IDTokenExpiry: verified.Expiry,
		SignedInAt: time.Now(), Unverified: unverified,
	}, nil
}

// publishesNoKeys reports whether err says for certain that there are no keys,
// rather than that they could not be fetched.
func publishesNoKeys(err error) bool {
	return errors.Is(err, errNoDocument) || fault.As(err).Code == "no_keys"
}

// checkUnsigned checks everything but the signature.
func checkUnsigned(t *transport.Client, p *Provider, clientID string, raw IDToken) (*Verified, error) {
	token, err := parseIDToken(raw)
	if err != nil {
		return nil, err
	}
	// Parsed as the verified ones are, so that nothing passes here that would
	// be refused with keys.
	if _, err := jose.ParseSignedCompact(raw.Reveal(), signingAlgs); err != nil {
		return nil, idTokenFault("id_token_malformed", "it is not a signed token of the right form")
	}
	check := idTokenCheck{provider: p, clientID: clientID, alg: token.alg, transport: t, now: time.Now()}
	return check.run(token.payload)
}
