// Package weburl holds the one rule for web addresses that tokens, secrets or
// a browser may be sent to.
//
// Invariant: an address that Check accepts is understood alike by every part
// of Waybill, by Go's HTTP client and by a browser: there is one host in it,
// and it is the one that a reader sees.
package weburl

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Check says what is wrong with an address that tokens or secrets may be
// sent to, as the end of a sentence, or "" if nothing is: it must be https, or
// http on this computer's loopback, without user information, fragment, blanks
// or control characters (RFC 9700 section 2.6, RFC 8252 section 8.3).
func Check(raw string) string {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "holds blanks or control characters"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "is no complete web address"
	case u.User != nil:
		return "holds a user name"
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return "holds a fragment (#)"
	case u.Scheme != "https" && u.Scheme != "http":
		return "is neither https nor http"
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return "is plain http, which is allowed on this computer only"
	case !plainHost(u.Hostname()):
		return "has a host name with characters other than letters, digits, dots and dashes"
	case !validPort(u.Port()):
		return "has a port out of range"
	}
	return ""
}

// IsLoopback reports whether host, without a port, is this computer's loopback:
// 127.0.0.0/8, ::1 or localhost.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// plainHost refuses what can be read as another host: internationalised names
// in Unicode (they belong in their xn-- form), and numbers that are no
// ordinary IP address, such as 0x7f.1.
func plainHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, r := range host {
		if r > 0x7e || !(r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return false
		}
	}
	last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]
	return last != "" && !(last[0] >= '0' && last[0] <= '9')
}

func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536
}

// Origin returns scheme://host:port of an address that Check accepts, in lower
// case and with the port always written, so that two addresses have the same
// origin (RFC 6454 section 5) exactly if the results are equal.
func Origin(raw string) (string, bool) {
	if Check(raw) != "" {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host + ":" + port, true
}
