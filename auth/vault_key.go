package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"waybill/fault"
	"waybill/internal/seal"
	"waybill/secret"
)

// argonCost is what deriving a key from a passphrase costs. It stands in the
// vault's header.
type argonCost struct {
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory_kib"`
	Threads uint8  `json:"threads"`
	Salt    []byte `json:"salt"`
}

// newArgonCost is the second recommended option of RFC 9106 section 4:
// 3 passes over 64 MiB in 4 lanes, with a salt of 128 bits.
func newArgonCost() *argonCost {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)
	return &argonCost{Time: 3, Memory: 64 << 10, Threads: 4, Salt: salt}
}

// sane refuses a header that would make the derivation weak, or cost this
// computer its memory.
func (c *argonCost) sane() bool {
	return c.Time >= 3 && c.Time <= 16 && c.Memory >= 64<<10 && c.Memory <= 1<<20 &&
		c.Threads >= 1 && c.Threads <= 16 && len(c.Salt) >= 16 && len(c.Salt) <= 64
}

func (c *argonCost) key(passphrase secret.Text) seal.Key {
	return seal.Key(argon2.IDKey([]byte(passphrase.Reveal()), c.Salt, c.Time, c.Memory, c.Threads, seal.KeySize))
}

// passphrase asks the caller for one. A file's last line end is not part of it.
func (o VaultOptions) passphrase() (secret.Text, bool) {
	if o.Passphrase == nil {
		return secret.Text{}, false
	}
	text, given := o.Passphrase()
	text = secret.New(strings.TrimRight(text.Reveal(), "\r\n"))
	return text, given && !text.Empty()
}

// Items of the keyring that belong to the vault with this id.
func keyItem(id string) string     { return "key-" + id }
func counterItem(id string) string { return "counter-" + id }

// storeKey puts a key into the keyring, in the only form that every keyring
// keeps: 43 letters and digits.
func (b *boundedKeyring) storeKey(ctx context.Context, id string, key seal.Key) error {
	return b.set(ctx, keyItem(id), base64.RawURLEncoding.EncodeToString(key[:]))
}

// loadKey takes the key out of the keyring. errWrongKey means that the item is
// there and holds no key.
func (b *boundedKeyring) loadKey(ctx context.Context, id string) (seal.Key, error) {
	text, err := b.get(ctx, keyItem(id))
	if err != nil {
		return seal.Key{}, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != seal.KeySize {
		return seal.Key{}, errWrongKey
	}
	return seal.Key(raw), nil
}

// counter returns the newest version of the vault that the keyring knows of,
// 0 if it knows none.
func (b *boundedKeyring) counter(ctx context.Context, id string) (uint64, error) {
	text, err := b.get(ctx, counterItem(id))
	if errors.Is(err, ErrKeyringNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, nil // not ours; the next change writes it anew
	}
	return n, nil
}

func (b *boundedKeyring) setCounter(ctx context.Context, id string, n uint64) error {
	_, err := b.call(ctx, func() (string, error) {
		return "", b.ring.Set(b.service, counterItem(id), strconv.FormatUint(n, 10))
	})
	return err
}

// keyFault is the Fault for a keyring that works but does not hold this
// vault's key.
func keyFault(err error) *fault.Fault {
	if errors.Is(err, ErrKeyringNotFound) {
		return fault.New(fault.StepKeyring, fault.Failed, "vault_key_missing", "The key to the saved sign-ins is no longer in this computer's keyring.").
			WithRemedy("Open the keyring that was in use before, or start afresh and sign in again; the old file is kept.").Because(err)
	}
	return fault.New(fault.StepKeyring, fault.Failed, "vault_key_wrong", "The key in this computer's keyring does not fit the saved sign-ins.").
		WithRemedy("Start afresh and sign in again; the old file is kept.").Because(err)
}
