package api

import (
	"net/http"

	"waybill/secret"
	"waybill/transport"
)

// codeNonce and codeProof are the error codes of RFC 9449 sections 9 and 7.1:
// they speak of the proof and not of the token.
const (
	codeNonce = "use_dpop_nonce"
	codeProof = "invalid_dpop_proof"
)

// headerProof is the field of a DPoP proof.
const headerProof = "DPoP"

// present puts token into req, and beside it, where the token is bound to a key,
// the proof for this very request.
func (b *bearer) present(req *http.Request, token secret.Text) error {
	if !b.bound() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
		return nil
	}
	proof, err := b.prover.Proof(token, req.Method, req.URL.String())
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "DPoP "+token.Reveal())
	req.Header.Set(headerProof, proof.Reveal())
	return nil
}

// bound reports whether tokens are bound to a key.
func (b *bearer) bound() bool { return b.prover != nil }

// asksForNonce reports whether an answer refuses a request only because the
// proof in it lacks the server's nonce, and gives one.
func (b *bearer) asksForNonce(status int, h http.Header) bool {
	if !b.bound() || status != http.StatusUnauthorized || h.Get(transport.HeaderDPoPNonce) == "" {
		return false
	}
	params, _ := transport.DPoPChallenge(h)
	return params["error"] == codeNonce
}

// final reports whether a 401 with this code is of a kind that another token does
// not help against.
func final(code string) bool { return code == codeStepUp || code == codeNonce || code == codeProof }
