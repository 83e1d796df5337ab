// Package seal is the one cipher that everything Waybill keeps on disk goes
// through: XChaCha20-Poly1305 under a 32-byte key.
//
// Invariant: what Open returns was sealed under the same key for exactly the
// same table, id and version. A record that was changed, cut, moved to another
// id or put back from an older version is refused, never returned.
//
// Nonces are 192 random bits, so that writing does not need a counter that
// survives a restored copy: after 2^64 records under one key the chance that
// any two of them share a nonce is below 2^-64.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the size of a key in bytes.
const KeySize = chacha20poly1305.KeySize

// Overhead is by how many bytes a sealed record is longer than its content.
const Overhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Prefix is how many bytes of the overhead stand before the content, see
// SealInPlace.
const Prefix = chacha20poly1305.NonceSizeX

// ErrDamaged is what Open answers for a record that was not sealed under this
// key for this table, id and version: changed, cut, moved, older, or under
// another key. These cannot be told apart.
var ErrDamaged = errors.New("seal: the record does not open under this key, table, id and version")

// Key is a 32-byte key. It is assignable to and from [32]byte, and prints
// nothing of itself.
type Key [KeySize]byte

// NewKey makes a random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // crypto/rand.Read never fails (it crashes the program instead)
	return k
}

// Subkey derives a key for one purpose by HKDF-SHA-256 (RFC 5869). Keys of
// different salt or name are independent of each other and of key. The salt
// may be nil.
func (k Key) Subkey(salt []byte, name string) Key {
	out, err := hkdf.Key(sha256.New, k[:], salt, "waybill/"+name, KeySize)
	if err != nil {
		panic("seal: HKDF cannot fail for 32 bytes: " + err.Error())
	}
	return Key(out)
}

// Format redacts under every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// Box seals and opens records under one key. It is safe for concurrent use.
type Box struct{ aead cipher.AEAD }

// New makes a Box for key.
func New(key [KeySize]byte) *Box {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("seal: a 32-byte key cannot be refused: " + err.Error())
	}
	return &Box{aead: aead}
}

// Format redacts under every verb.
func (b Box) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[redacted]") }

// Seal encrypts plain for this table, id and version. The result is Overhead
// bytes longer than plain and holds neither table, id nor version.
func (b *Box) Seal(table, id string, version uint64, plain []byte) []byte {
	out := make([]byte, Prefix, len(plain)+Overhead)
	return b.seal(table, id, version, out, plain)
}

// SealInPlace is Seal of what stands in buffer after its first Prefix bytes, and
// overwrites the content. The result shares the buffer's memory if there is room
// for Overhead-Prefix bytes more; without it the content stays where it was.
func (b *Box) SealInPlace(table, id string, version uint64, buffer []byte) []byte {
	return b.seal(table, id, version, buffer[:Prefix], buffer[Prefix:])
}

func (b *Box) seal(table, id string, version uint64, nonce, plain []byte) []byte {
	_, _ = rand.Read(nonce)
	return b.aead.Seal(nonce, nonce, plain, associated(table, id, version))
}

// Open decrypts what Seal made for the same table, id and version, else it
// answers ErrDamaged.
func (b *Box) Open(table, id string, version uint64, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrDamaged
	}
	nonce, text := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	plain, err := b.aead.Open(nil, nonce, text, associated(table, id, version))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// associated encodes its arguments so that no two different triples give the
// same bytes: lengths stand before the texts.
func associated(table, id string, version uint64) []byte {
	out := make([]byte, 0, len("waybill 1")+2*8+len(table)+len(id)+8)
	out = append(out, "waybill 1"...)
	out = binary.BigEndian.AppendUint64(out, uint64(len(table)))
	out = append(out, table...)
	out = binary.BigEndian.AppendUint64(out, uint64(len(id)))
	out = append(out, id...)
	return binary.BigEndian.AppendUint64(out, version)
}
