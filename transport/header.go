package transport

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What is read of WWW-Authenticate at most.
const (
	challengeCap  = 8 << 10
	maxChallenges = 16
)

// Challenge is one challenge of a WWW-Authenticate field (RFC 9110 section
// 11.6.1). Its values are the server's words: show them through fault.Clean.
type Challenge struct {
	Scheme  string            // in lower case
	Params  map[string]string // names in lower case; nil for a token68
	Token68 string
}

// ParseChallenges reads the challenges of h's WWW-Authenticate fields. Fields
// that are malformed, or lie beyond 8 KiB or 16 challenges, are ignored as a
// whole, since where one ends could be read in more than one way.
func ParseChallenges(h http.Header) []Challenge {
	var all []Challenge
	room := challengeCap
	for _, field := range h.Values("WWW-Authenticate") {
		if room -= len(field); room < 0 {
			break
		}
		found, ok := parseField(field)
		if !ok || len(all)+len(found) > maxChallenges {
			continue
		}
		all = append(all, found...)
	}
	return all
}

// BearerChallenge returns the parameters of the first Bearer challenge
// (RFC 6750 section 3), and whether there is one.
func BearerChallenge(h http.Header) (map[string]string, bool) { return challengeOf(h, "bearer") }

// DPoPChallenge returns the parameters of the first DPoP challenge (RFC 9449
// section 7.1), and whether there is one.
func DPoPChallenge(h http.Header) (map[string]string, bool) { return challengeOf(h, "dpop") }

func challengeOf(h http.Header, scheme string) (map[string]string, bool) {
	for _, c := range ParseChallenges(h) {
		if c.Scheme == scheme {
			return c.Params, true
		}
	}
	return nil, false
}

// parseField reads one field: challenges and their parameters share the comma
// as separator, so an element begins a challenge unless it is name = value.
func parseField(field string) ([]Challenge, bool) {
	var all []Challenge
	s := scanner{rest: field}
	for {
		s.skip(" \t,")
		if s.rest == "" {
			return all, true
		}
		name := s.token()
		if name == "" {
			return nil, false
		}
		if len(all) > 0 && s.equals() {
			if !all[len(all)-1].set(name, &s) {
				return nil, false
			}
			continue
		}
		c := Challenge{Scheme: strings.ToLower(name)}
		if s.rest != "" && !strings.HasPrefix(s.rest, ",") {
			if !strings.HasPrefix(s.rest, " ") {
				return nil, false
			}
			s.skip(" ")
			if !c.first(&s) {
				return nil, false
			}
		}
		if all = append(all, c); len(all) > maxChallenges {
			return nil, false
		}
	}
}

// first reads what follows a scheme: a token68, a parameter, or nothing.
func (c *Challenge) first(s *scanner) bool {
	if s.rest == "" || strings.HasPrefix(s.rest, ",") {
		return true
	}
	before := *s
	if name := s.token(); name != "" && s.equals() && c.set(name, s) {
		return true
	}
	*s = before
	c.Params = nil
	c.Token68 = s.while(isToken68)
	c.Token68 += s.while(func(b byte) bool { return b == '=' })
	return c.Token68 != "" && s.ended()
}

// set reads a parameter's value. A name may occur once.
func (c *Challenge) set(name string, s *scanner) bool {
	name = strings.ToLower(name)
	value, ok := s.value()
	if _, twice := c.Params[name]; !ok || twice || c.Token68 != "" || !s.ended() {
		return false
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = value
	return true
}

// scanner reads the tokens of RFC 9110 section 5.6.
type scanner struct{ rest string }

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

func (s *scanner) while(ok func(byte) bool) string {
	n := 0
	for n < len(s.rest) && ok(s.rest[n]) {
		n++
	}
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

func (s *scanner) token() string { return s.while(isTokenByte) }

// equals takes an equals sign and the blanks around it, or nothing.
func (s *scanner) equals() bool {
	after, ok := strings.CutPrefix(strings.TrimLeft(s.rest, " \t"), "=")
	if ok {
		s.rest = strings.TrimLeft(after, " \t")
	}
	return ok
}

// ended reports whether an element ends here.
func (s *scanner) ended() bool {
	left := strings.TrimLeft(s.rest, " \t")
	return left == "" || left[0] == ','
}

func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		v := s.token()
		return v, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func isTokenByte(b byte) bool {
	return isAlnum(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

func isToken68(b byte) bool { return isAlnum(b) || strings.IndexByte("-._~+/", b) >= 0 }

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// maxRetryAfter is the longest wait that a server may ask for, in seconds.
const maxRetryAfter = 3600

// RetryAfter returns how many seconds h's Retry-After field asks to wait
// (RFC 9110 section 10.2.3), at most an hour, or -1 if it asks for nothing
// that can be read. A date is measured against h's own Date field where there
// is one, so that this computer's clock does not matter.
func RetryAfter(h http.Header) int {
	field := h.Get("Retry-After")
	if n, err := strconv.ParseUint(field, 10, 63); err == nil {
		return int(min(n, maxRetryAfter))
	} else if isDigits(field) {
		return maxRetryAfter
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return -1
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return int(min(max(at.Sub(now), 0)/time.Second, maxRetryAfter))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// ServerClock returns by how much the clock of the server at origin is ahead
// of this computer's, to about a second, as its last answer's Date field said,
// and whether any answer has said so.
func (c *Client) ServerClock(origin string) (skew time.Duration, ok bool) {
	pinned, err := Origin(origin)
	if err != nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	skew, ok = c.skew[pinned]
	return skew, ok
}

// noteClock keeps what an answer says of the server's clock. It was written
// half-way between request and answer, and lies anywhere in its second. An
// answer out of a cache says nothing.
func (c *Client) noteClock(u *url.URL, resp *http.Response, sent time.Time) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || resp.Header.Get("Age") != "" {
		return
	}
	origin, err := Origin(u.String())
	if err != nil {
		return
	}
	here := sent.Add(time.Since(sent) / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew[origin] = date.Add(500 * time.Millisecond).Sub(here.Round(0))
}
