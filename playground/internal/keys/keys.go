// Package keys signs and verifies the JWTs of one issuer of the playground.
//
// Invariant: a token is signed with a key only after that key is on disk, and a
// key stays published for a day after a newer one took over, so that every
// token that was ever answered can be verified for as long as it lives.
package keys

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/state"
)

// Keep is how long a retired key stays published; no token lives longer.
const Keep = 24 * time.Hour

// Options are what a Set needs.
type Options struct {
	Store    *state.Store
	Role     string // under which the keys are kept
	Now      func() time.Time
	Generate func() (*rsa.PrivateKey, error) // nil: 2048 bits from crypto/rand
}

// Set is the keys of one issuer. It is safe for concurrent use. The first key
// is made when it is first needed, or by Warm.
type Set struct {
	o Options

	mu   sync.Mutex
	ring []entry // newest last; as in the store
}

type entry struct {
	record state.Key
	key    *rsa.PrivateKey
}

// New reads the keys that the store has for o.Role.
func New(o Options) (*Set, error) {
	if o.Generate == nil {
		o.Generate = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	s := &Set{o: o}
	var kept []state.Key
	o.Store.View(func(d *state.Data) { kept = slices.Clone(d.Keys[o.Role]) })
	for _, record := range kept {
		parsed, err := x509.ParsePKCS8PrivateKey(record.DER)
		if err != nil {
			return nil, fmt.Errorf("signing key %s cannot be read: %w", record.ID, err)
		}
		key, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("signing key %s is no RSA key", record.ID)
		}
		s.ring = append(s.ring, entry{record, key})
	}
	return s, nil
}

// Warm makes the first key if there is none, which takes some tenths of a
// second, so that no request has to wait for it.
func (s *Set) Warm() error {
	_, err := s.current()
	return err
}

// Rotate makes a new key and signs with it from then on.
func (s *Set) Rotate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add()
}

// add makes a key and retires the one before. The caller holds mu.
func (s *Set) add() error {
	key, err := s.o.Generate()
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	now := s.o.Now()
	ring := slices.DeleteFunc(slices.Clone(s.ring), func(e entry) bool {
		return !e.record.Retired.IsZero() && now.Sub(e.record.Retired) > Keep
	})
	for i := range ring {
		if ring[i].record.Retired.IsZero() {
			ring[i].record.Retired = now
		}
	}
	ring = append(ring, entry{state.Key{ID: rand.Text()[:16], DER: der, Made: now}, key})
	err = s.o.Store.Update(func(d *state.Data) error {
		records := make([]state.Key, len(ring))
		for i, e := range ring {
			records[i] = e.record
		}
		d.Keys[s.o.Role] = records
		return nil
	})
	if err == nil {
		s.ring = ring
	}
	return err
}

func (s *Set) current() (entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) == 0 {
		if err := s.add(); err != nil {
			return entry{}, err
		}
	}
	return s.ring[len(s.ring)-1], nil
}

// Sign makes a compact JWT with RS256 and the header typ.
func (s *Set) Sign(typ string, claims any) (string, error) {
	e, err := s.current()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: e.key, KeyID: e.record.ID}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// Public gives the keys to verify with, the signing one last.
func (s *Set) Public(context.Context) (jose.JSONWebKeySet, error) {
	if err := s.Warm(); err != nil {
		return jose.JSONWebKeySet{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, set := s.o.Now(), jose.JSONWebKeySet{}
	for _, e := range s.ring {
		if !e.record.Retired.IsZero() && now.Sub(e.record.Retired) > Keep {
			continue
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &e.key.PublicKey, KeyID: e.record.ID, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}

// ErrSignature says that a token is no JWT of this issuer.
var ErrSignature = errors.New("it was not signed by this server")

// Verify checks that raw is a compact JWT with this header typ that was signed
// by this Set, and reads its claims into the given values. Times are for the
// caller to check.
func (s *Set) Verify(raw, typ string, into ...any) error {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(token.Headers) != 1 {
		return ErrSignature
	}
	header := token.Headers[0]
	if got, _ := header.ExtraHeaders[jose.HeaderType].(string); got != typ {
		return ErrSignature
	}
	set, err := s.Public(context.Background())
	if err != nil {
		return err
	}
	for _, key := range set.Key(header.KeyID) {
		if token.Claims(key.Key, into...) == nil {
			return nil
		}
	}
	return ErrSignature
}
