package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"waybill/auth"
	"waybill/connection"
)

// record is what the vault keeps of the account that is signed in at one
// connection.
type record struct {
	// Account names the local copy: issuer, subject, tenant and resource,
	// hashed.
	Account string
	// Fingerprint names the settings that the session was made under; a
	// session is never used under others, since its tokens could then reach
	// another server.
	Fingerprint string
	Title       string
	Session     auth.Session
}

type sealedRecord struct {
	Version     int             `json:"version"`
	Account     string          `json:"account"`
	Fingerprint string          `json:"fingerprint"`
	Title       string          `json:"title"`
	Session     json.RawMessage `json:"session"`
}

var errRecordVersion = errors.New("session: the record is of another kind or of a newer version")

// MarshalForVault writes the record with its tokens in the open, for the vault
// alone.
func (r *record) MarshalForVault() ([]byte, error) {
	s, err := r.Session.MarshalForVault()
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealedRecord{1, r.Account, r.Fingerprint, r.Title, s})
}

// UnmarshalFromVault reads what MarshalForVault wrote.
func (r *record) UnmarshalFromVault(data []byte) error {
	var in sealedRecord
	if err := json.Unmarshal(data, &in); err != nil || in.Version != 1 {
		return errRecordVersion
	}
	r.Account, r.Fingerprint, r.Title = in.Account, in.Fingerprint, in.Title
	return r.Session.UnmarshalFromVault(in.Session)
}

// storeKey is the key of one account's local copy. It is random rather than
// derived, so that destroying it makes the copy unreadable for good.
type storeKey struct {
	key   [32]byte
	fresh bool // made just now: a copy that is there already is of an earlier life and cannot be read
}

// MarshalForVault writes the key in the open, for the vault alone.
func (k *storeKey) MarshalForVault() ([]byte, error) { return append([]byte(nil), k.key[:]...), nil }

// UnmarshalFromVault reads what MarshalForVault wrote.
func (k *storeKey) UnmarshalFromVault(data []byte) error {
	if len(data) != len(k.key) {
		return errRecordVersion
	}
	copy(k.key[:], data)
	return nil
}

// keyFor returns the key of account's local copy, made and kept at first use.
func keyFor(ctx context.Context, vault *auth.Vault, account string) (k storeKey, err error) {
	found, err := vault.Get(ctx, storeRecord(account), &k)
	if err != nil || found {
		return k, err
	}
	_, _ = rand.Read(k.key[:]) // never fails (crypto/rand)
	k.fresh = true
	return k, vault.Put(ctx, storeRecord(account), &k)
}

// accountName names the local copy of one user at one resource (S102): the
// same subject under another issuer, tenant, resource or list is another account.
func accountName(id auth.Identity, c connection.Connection) string {
	return digest(append([]string{id.Issuer, id.Subject, id.Tenant, string(c.Resource.Kind), c.Resource.URL}, listOf(c)...)...)
}

// listOf names the list of to-dos where an address alone does not: an API may
// have several.
func listOf(c connection.Connection) []string {
	if c.Resource.Todos == nil {
		return nil
	}
	return []string{"todos", c.Resource.Todos.Filled().Path}
}

// fingerprint names everything that decides where tokens go and whose copy it
// is. What was added later counts only where it is set, so that sessions from
// before go on.
func fingerprint(c connection.Connection) string {
	parts := []string{c.IdP.Issuer, c.IdP.ClientID, c.IdP.TokenEndpoint, string(c.Resource.Kind), c.Resource.URL,
		c.Resource.Identifier, c.Resource.AuthorizationServer, c.Resource.ClientID, c.Resource.TokenEndpoint}
	if c.Resource.Audience != "" {
		parts = append(parts, c.Resource.Audience)
	}
	return digest(append(parts, listOf(c)...)...)
}

// digest is injective up to collisions of SHA-256: each part is preceded by
// its end mark, which no part contains after escaping.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strings.NewReplacer("\\", "\\\\", "\n", "\\n").Replace(p) + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
