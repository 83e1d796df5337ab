package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"waybill/fault"
)

// Claim is a header parameter or a claim of a token, for people.
type Claim struct {
	Name   string // one clean line
	Header bool
	Value  string    // one clean line: a text as it is, a time as When says it, anything else as JSON
	At     time.Time // zero: it is no time

	// Meaning is in plain words, and Section where they come from. Of a name that
	// no specification known here defines, Meaning says so and Section is "".
	Meaning, Section string
}

// longestClaim is how much of a value is shown, in characters.
const longestClaim = 1000

// notKnown is the Meaning of what is the issuer's own.
const notKnown = "the issuer's own: no specification known here defines it"

// Explain takes a token apart: its header, then its claims, each in the order in
// which one reads them. It is empty for an opaque token, of which only its issuer
// can say anything. now is what times are told from.
func Explain(t *Token, now time.Time) []Claim {
	var out []Claim
	for _, part := range []struct {
		values map[string]json.RawMessage
		header bool
	}{{t.Header, true}, {t.Claims, false}} {
		for _, name := range slices.SortedFunc(maps.Keys(part.values), readingOrder) {
			c := Claim{Name: fault.Clean(name, 120), Header: part.header}
			if c.Meaning, c.Section = Meaning(t.Kind, name, part.header); c.Meaning == "" {
				c.Meaning = notKnown
			}
			raw := part.values[name]
			if c.At = timeOf(name, raw); !c.At.IsZero() {
				c.Value = When(c.At, now)
			} else {
				c.Value = fault.Clean(shownValue(raw), longestClaim)
			}
			out = append(out, c)
		}
	}
	return out
}

// firstClaims come first, in this order, and the others by their names.
var firstClaims = [...]string{"typ", "alg", "kid", "iss", "sub", "aud", "azp", "client_id", "resource", "scope", "jti", "iat", "nbf", "exp"}

func readingOrder(a, b string) int {
	rank := func(name string) int {
		if i := slices.Index(firstClaims[:], name); i >= 0 {
			return i
		}
		return len(firstClaims)
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// timeOf is the time that a claim is (RFC 7519 section 2, NumericDate), zero if it
// is none.
func timeOf(name string, raw json.RawMessage) time.Time {
	var seconds float64
	switch name {
	case "exp", "iat", "nbf", "auth_time", "updated_at":
		if len(raw) > 0 && raw[0] != 'n' && json.Unmarshal(raw, &seconds) == nil && math.Abs(seconds) <= 1e11 {
			return time.Unix(int64(seconds), 0)
		}
	}
	return time.Time{}
}

func shownValue(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"' {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// When says a time by the clock, in now's place, and how far it is from now:
// "12:09:18 (in 4 min 41 s)", "2 Jan 09:00:00 (26 h 3 min ago)".
func When(at, now time.Time) string {
	at = at.In(now.Location())
	words := at.Format("15:04:05")
	switch {
	case at.Year() != now.Year():
		words = at.Format("2 Jan 2006 15:04:05")
	case at.YearDay() != now.YearDay():
		words = at.Format("2 Jan 15:04:05")
	}
	if d := at.Sub(now); d > 0 {
		return words + " (in " + apart(d) + ")"
	}
	return words + " (" + apart(now.Sub(at)) + " ago)"
}

// apart is written with its two greatest units, to the second below an hour.
func apart(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
