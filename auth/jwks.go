package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/transport"
)

const (
	maxKeys      = 100              // keys of a set that are looked at
	maxTries     = 3                // keys that a signature is tried with
	refetchFloor = 60 * time.Second // between two fetches for unknown key ids
	keysMaxAge   = time.Hour        // after which the keys are fetched again before use
)

// keySet holds the public keys that an identity provider publishes. They are
// fetched at first use or by prefetch, again when a token names a key that is
// not among them (OpenID Connect Core section 10.1.1), but then at most once
// in 60 seconds whatever tokens come, and when they are an hour old. It is
// safe for concurrent use.
type keySet struct {
	transport *transport.Client
	uri       string

	mu        sync.Mutex
	keys      []jose.JSONWebKey
	fetched   time.Time // zero: never
	refetched time.Time // last fetch for an unknown key, whether it worked or not
	running   *keyFetch
}

type keyFetch struct {
	done chan struct{}
	err  error
}

var errBadSignature = errors.New("auth: no published key made this signature")

// verify returns the payload if one of the keys made the signature. Its errors
// are errBadSignature, or the Fault of fetching the keys.
func (s *keySet) verify(ctx context.Context, token *compactJWS, signed *jose.JSONWebSignature) ([]byte, error) {
	if err := s.ensure(ctx); err != nil {
		return nil, err
	}
	candidates := s.candidates(token)
	payload, err := tryKeys(candidates, signed)
	// A key id that is known and a signature that is wrong is a forgery, not a
	// rotation: it is no reason to ask again.
	if err == nil || len(candidates) > 0 && token.keyID != "" {
		return payload, err
	}
	if err := s.refetch(ctx); err != nil {
		return nil, err
	}
	return tryKeys(s.candidates(token), signed)
}

func tryKeys(keys []jose.JSONWebKey, signed *jose.JSONWebSignature) ([]byte, error) {
	for _, key := range keys {
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errBadSignature
}

// candidates are the keys that may have made the signature: by id and kind, or
// by kind alone where the token names no key; at most three.
func (s *keySet) candidates(token *compactJWS) []jose.JSONWebKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []jose.JSONWebKey
	for _, key := range s.keys {
		if token.keyID != "" && key.KeyID != token.keyID || key.Algorithm != "" && key.Algorithm != string(token.alg) {
			continue
		}
		if fits(key.Key, token.alg) && len(out) < maxTries {
			out = append(out, key)
		}
	}
	return out
}

// ensure fetches the keys if there are none or they are old.
func (s *keySet) ensure(ctx context.Context) error {
	s.mu.Lock()
	fresh := !s.fetched.IsZero() && time.Since(s.fetched) < keysMaxAge
	s.mu.Unlock()
	if fresh {
		return nil
	}
	return s.fetch(ctx)
}

// refetch fetches the keys for an unknown key id, unless that was done less
// than a minute ago.
func (s *keySet) refetch(ctx context.Context) error {
	s.mu.Lock()
	tooSoon := !s.refetched.IsZero() && time.Since(s.refetched) < refetchFloor && s.running == nil
	if !tooSoon && s.running == nil {
		s.refetched = time.Now()
	}
	s.mu.Unlock()
	if tooSoon {
		return errBadSignature
	}
	return s.fetch(ctx)
}

// fetch fetches the keys, or waits for the fetch that is under way. If the
// caller that made that one gave up, this one makes it anew.
func (s *keySet) fetch(ctx context.Context) error {
	for {
		s.mu.Lock()
		run := s.running
		if run == nil {
			run = &keyFetch{done: make(chan struct{})}
			s.running = run
			s.mu.Unlock()
			s.run(ctx, run)
			return run.err
		}
		s.mu.Unlock()
		select {
		case <-run.done:
			if !fault.Is(run.err, fault.Canceled) {
				return run.err
			}
		case <-ctx.Done():
			return fault.As(ctx.Err())
		}
	}
}

func (s *keySet) run(ctx context.Context, run *keyFetch) {
	body, err := fetchDocument(ctx, s.transport, s.uri)
	var keys []jose.JSONWebKey
	if err == nil {
		keys, err = parseKeys(body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.keys, s.fetched = keys, time.Now()
	}
	s.running, run.err = nil, err
	close(run.done)
}

// parseKeys reads a JSON web key set (RFC 7517 section 5) and keeps the keys
// that can check a signature and are strong enough; others, of kinds we do not
// know too, are left out.
func parseKeys(data []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fault.New(fault.StepDiscovery, fault.Failed, "bad_keys", "The identity provider's keys cannot be read.").
			WithRemedy("Try again in a while; if it stays so, tell whoever runs the identity provider.")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && mayVerify(raw) && strong(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// mayVerify reports whether the key's own members allow it to check
// signatures (RFC 7517 sections 4.2 to 4.4).
func mayVerify(raw json.RawMessage) bool {
	members, err := parseClaims(raw)
	if err != nil {
		return false
	}
	if use, ok := members.text("use"); members.has("use") && (!ok || use != "sig") {
		return false
	}
	if operations, ok := members.texts("key_ops"); members.has("key_ops") && (!ok || !slices.Contains(operations, "verify")) {
		return false
	}
	alg, ok := members.text("alg")
	return !members.has("alg") || ok && slices.Contains(signingAlgs, jose.SignatureAlgorithm(alg))
}

// strong reports whether the key is a public key of a kind and size that can
// be trusted with a signature. (Points off the curve are refused when the key
// is read.)
func strong(key jose.JSONWebKey) bool {
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return bits >= 2048 && bits <= 8192 && public.E >= 3 && public.E&1 == 1
	case *ecdsa.PublicKey:
		return key.Valid()
	case ed25519.PublicKey:
		return len(public) == ed25519.PublicKeySize
	}
	return false
}

// fits reports whether a key of this kind can have made a signature with alg.
func fits(key any, alg jose.SignatureAlgorithm) bool {
	switch public := key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, alg)
	case *ecdsa.PublicKey:
		curves := map[jose.SignatureAlgorithm]elliptic.Curve{jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521()}
		return public.Curve == curves[alg]
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	}
	return false
}
