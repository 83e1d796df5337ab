package transport

import (
	"net/http"
	"net/url"
	"strings"
)

// HeaderDPoPNonce is the field in which a server gives the nonce of the next
// DPoP proof (RFC 9449 section 8).
const HeaderDPoPNonce = "DPoP-Nonce"

// maxNonce is the longest nonce that is kept, in bytes.
const maxNonce = 512

// DPoPNonce returns the nonce that the server at origin gave last for DPoP
// proofs, with whatever answer (RFC 9449 section 8.2), or "" if it gave none. A
// nonce is for the server that gave it and for no other.
func (c *Client) DPoPNonce(origin string) string {
	pinned, err := Origin(origin)
	if err != nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nonces[pinned]
}

// noteNonce keeps the nonce of an answer. One that is malformed, given twice or
// out of a cache is no nonce.
func (c *Client) noteNonce(u *url.URL, resp *http.Response) {
	given := resp.Header.Values(HeaderDPoPNonce)
	if len(given) != 1 || given[0] == "" || len(given[0]) > maxNonce || resp.Header.Get("Age") != "" ||
		strings.ContainsFunc(given[0], notInNonce) {
		return
	}
	origin, err := Origin(u.String())
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nonces[origin] = given[0]
}

// notInNonce reports whether r is outside of NQCHAR (RFC 9449 section 8.1).
func notInNonce(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' }
