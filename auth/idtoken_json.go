package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"
	"unicode/utf8"
)

// maxNesting is how deep the JSON of a token may be nested; real ones need
// four or five levels.
const maxNesting = 16

var errNotStrict = errors.New("auth: not one plain JSON object")

// claims are the members of one JSON object by their exact names. (Structs of
// encoding/json would take "SUB" for "sub".)
type claims map[string]json.RawMessage

// parseClaims reads one JSON object as RFC 8725 section 2.4 and RFC 7519
// section 4 ask: valid UTF-8, no name twice at any level, bounded nesting, and
// nothing after it.
func parseClaims(data []byte) (claims, error) {
	if !utf8.Valid(data) {
		return nil, errNotStrict
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, errNotStrict
	}
	if err := members(d, 1); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotStrict
	}
	var out claims
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, errNotStrict
	}
	return out, nil
}

// members reads an object's members after its brace, and the closing one.
func members(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, isName := token.(string)
		if err != nil || !isName || seen[name] {
			return errNotStrict
		}
		seen[name] = true
		if err := value(d, depth); err != nil {
			return err
		}
	}
	return closing(d)
}

func value(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil || depth >= maxNesting {
		return errNotStrict
	}
	switch token {
	case json.Delim('{'):
		return members(d, depth+1)
	case json.Delim('['):
		for d.More() {
			if err := value(d, depth+1); err != nil {
				return err
			}
		}
		return closing(d)
	}
	return nil
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errNotStrict
	}
	return nil
}

// text returns a string member; ok is false if it is missing or no string.
func (c claims) text(name string) (value string, ok bool) {
	raw, found := c[name]
	if !found || len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return "", false
	}
	return value, true
}

// number returns a member that is a whole number; ok is false if it is
// missing, or anything else: a string, a fraction, out of range.
func (c claims) number(name string) (n int64, ok bool) {
	raw, found := c[name]
	if !found || json.Unmarshal(raw, &n) != nil || string(raw) == "null" {
		return 0, false
	}
	return n, true
}

// date returns a NumericDate (RFC 7519 section 2) between the years 1970 and
// 9998, in whole seconds.
func (c claims) date(name string) (time.Time, bool) {
	n, ok := c.number(name)
	if !ok || n <= 0 || n >= 253370764800 {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// texts returns a member that is a string or an array of strings, as "aud" is
// (RFC 7519 section 4.1.3).
func (c claims) texts(name string) (values []string, ok bool) {
	if one, ok := c.text(name); ok {
		return []string{one}, true
	}
	raw, found := c[name]
	if !found || len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	var parts []json.RawMessage
	if json.Unmarshal(raw, &parts) != nil {
		return nil, false
	}
	for _, part := range parts {
		one, ok := claims{"": part}.text("")
		if !ok {
			return nil, false
		}
		values = append(values, one)
	}
	return values, len(values) > 0
}

// has reports whether there is such a member at all.
func (c claims) has(name string) bool {
	_, found := c[name]
	return found
}
