// Package secret holds the one type that every secret and token in Waybill is
// made of.
//
// Invariant: nothing that formats, logs or serialises a Text shows its value.
// The value leaves only through Reveal, so that a search for that name lists
// every place where a secret crosses into the open.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every print of a Text shows in place of its value.
const Redacted = "[redacted]"

// Text is a secret string: a client secret, a token, a code, a verifier, a key.
// The zero value is the empty secret. A Text is immutable and safe for
// concurrent use. Types that must not be mixed up are defined on top of it by
// embedding, never by conversion to string. Compare with Equal: == says whether
// two are copies of one another.
type Text struct {
	// A pointer, because package fmt cannot call the methods of a Text that
	// stands in an unexported field of a struct: there it prints an address.
	value *string
}

// New wraps value.
func New(value string) Text {
	if value == "" {
		return Text{}
	}
	return Text{&value}
}

// Reveal returns the value itself. Call it only where the value is sent or
// sealed.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// Empty reports whether there is no value.
func (t Text) Empty() bool { return t.value == nil }

// Equal compares two secrets in time that does not depend on their contents.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// Fingerprint names the secret without showing it: the first eight
// hexadecimal digits of its SHA-256, or "" for the empty secret. Use it to say
// "the same token as before" in traces; only for values with at least 128 bits
// of entropy, since a short secret could be guessed from it.
func (t Text) Fingerprint() string {
	if t.Empty() {
		return ""
	}
	sum := sha256.Sum256([]byte(t.Reveal()))
	return hex.EncodeToString(sum[:4])
}

// String redacts.
func (t Text) String() string {
	if t.Empty() {
		return ""
	}
	return Redacted
}

// GoString redacts, for %#v.
func (t Text) GoString() string { return "secret.Text(" + t.String() + ")" }

// Format redacts under every verb.
func (t Text) Format(s fmt.State, verb rune) {
	if verb == 'v' && s.Flag('#') {
		_, _ = io.WriteString(s, t.GoString())
		return
	}
	_, _ = io.WriteString(s, t.String())
}

// MarshalText redacts, which covers JSON, XML and TOML alike.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue redacts, for log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }
