package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// validator is what List.ETag holds: the server's entity tag, byte for byte,
// and a hash of the list. The hash recognises an unchanged list without decoding
// it where a server gives no entity tag or ignores If-None-Match. Either part
// may be empty.
type validator struct{ etag, sum string }

const (
	sumMark  = " sha256:"
	maxETags = 1 << 10
)

func parseValidator(s string) validator {
	if i := strings.LastIndex(s, sumMark); i >= 0 {
		return validator{etag: s[:i], sum: s[i+len(sumMark):]}
	}
	return validator{etag: s}
}

func (v validator) String() string {
	if v.sum == "" {
		return v.etag
	}
	return v.etag + sumMark + v.sum
}

// validatorOf describes an answer of one or several pages.
func validatorOf(pages []*answer) validator {
	h := sha256.New()
	for _, page := range pages {
		h.Write(page.body)
	}
	return validator{etag: entityTag(pages[0].header), sum: base64.RawURLEncoding.EncodeToString(h.Sum(nil))}
}

// entityTag is the ETag of an answer. One that is none by its syntax (RFC 9110
// section 8.8.3) cannot be sent back and is left out.
func entityTag(h http.Header) string {
	tag := h.Get("ETag")
	opaque := strings.TrimPrefix(tag, "W/")
	if len(tag) > maxETags || len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	for _, r := range []byte(opaque[1 : len(opaque)-1]) {
		if r <= ' ' || r == '"' || r == 0x7f {
			return ""
		}
	}
	return tag
}

// strongTag reports whether an item's entity tag can be sent in If-Match: not
// a weak one, which never matches there (RFC 9110 section 13.1.1), and nothing
// that is no header value.
func strongTag(tag string) bool {
	return tag != "" && len(tag) <= maxETags && !strings.HasPrefix(tag, "W/") &&
		!strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f })
}
