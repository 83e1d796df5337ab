package auth

import (
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

const (
	maxToken    = 64 << 10         // bytes of any one token
	maxScopes   = 200              // scopes in an answer
	defaultLife = 5 * time.Minute  // of a token whose answer does not say
	longestLife = 24 * time.Hour   // of a token, whatever its answer says
	renewBefore = 60 * time.Second // an access token is minted anew when less is left
)

// tokenAnswer is a successful answer of a token endpoint (RFC 6749 section 5.1,
// RFC 8693 section 2.2.1), its members checked for their form only.
type tokenAnswer struct {
	born            age
	token           secret.Text // access_token, whatever it is
	tokenType       string
	issuedTokenType string        // "" if missing
	life            time.Duration // never zero
	scopes          []string
	scopesKnown     bool // there is a scope member; it may be empty
	refresh         RefreshToken
	idToken         IDToken
	resources       []string // nil if missing
}

// refusal is what a token endpoint says when it gives no token.
type refusal struct {
	status     int
	code       string // "" if it gives none that can be read
	words      string // error_description; the server's words
	retryAfter int    // seconds, -1: nothing
	challenge  map[string]string
	nonce      bool // a nonce for the next DPoP proof came along
}

// Error names the code only. A refusal is made a Fault before it leaves the
// package.
func (r *refusal) Error() string { return "auth: the token endpoint refused: " + r.code }

// readTokenAnswer sorts an answer. Exactly one of the results is not nil; the
// error is a Fault without a step.
func readTokenAnswer(status int, h http.Header, content []byte) (*tokenAnswer, *refusal, error) {
	media, _, mediaErr := mime.ParseMediaType(h.Get("Content-Type"))
	if status != http.StatusOK {
		return nil, readRefusal(status, h, content), nil
	}
	if mediaErr == nil && (media == "text/html" || media == "application/xhtml+xml") {
		return nil, nil, transport.CaptivePortal("")
	}
	if mediaErr != nil || media != "application/json" {
		return nil, nil, badAnswer("it is not marked as JSON")
	}
	said, err := parseClaims(content)
	if err != nil {
		return nil, nil, badAnswer("it is not one plain JSON object")
	}
	if said.has("error") { // some servers refuse with status 200
		return nil, readRefusal(status, h, content), nil
	}
	a, err := readToken(said)
	return a, nil, err
}

func badAnswer(why string) *fault.Fault {
	return fault.New("", fault.Hostile, "bad_token_answer", "The server's answer holds no token that can be used: "+why+".").
		WithRemedy("Tell whoever runs that server.")
}

func readToken(said claims) (*tokenAnswer, error) {
	a := &tokenAnswer{born: bornNow(nil), life: readLife(said["expires_in"])}
	token, ok := said.text("access_token")
	if !ok || !plainToken(token) {
		return nil, badAnswer("the token is missing or malformed")
	}
	a.token = secret.New(token)
	for name, field := range map[string]*string{"token_type": &a.tokenType, "issued_token_type": &a.issuedTokenType} {
		if *field, ok = said.text(name); !ok && said.has(name) {
			return nil, badAnswer("its " + name + " is malformed")
		}
	}
	for name, keep := range map[string]func(string){
		"refresh_token": func(s string) { a.refresh = RefreshToken{secret.New(s)} },
		"id_token":      func(s string) { a.idToken = IDToken{secret.New(s)} },
	} {
		if isNull(said[name]) {
			continue
		}
		s, ok := said.text(name)
		if !ok || !plainToken(s) {
			return nil, badAnswer("its " + name + " is malformed")
		}
		keep(s)
	}
	if a.scopes, a.scopesKnown, ok = readScopes(said["scope"]); !ok {
		return nil, badAnswer("its scope is malformed")
	}
	if !isNull(said["resource"]) {
		if a.resources, ok = said.texts("resource"); !ok {
			return nil, badAnswer("its resource is malformed")
		}
	}
	return a, nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// plainToken reports whether s can stand in a header as it is: visible ASCII
// without blanks.
func plainToken(s string) bool {
	return s != "" && len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// readLife reads expires_in: seconds. Servers write it as a number or as a
// string of digits. What is missing, not positive or unreadable counts as five
// minutes, since a 401 will correct it; more than a day counts as a day.
func readLife(raw json.RawMessage) time.Duration {
	text := strings.Trim(string(raw), `"`)
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(seconds, 1) || math.IsNaN(seconds) || seconds < 1 {
		return defaultLife
	}
	return time.Duration(math.Min(seconds, longestLife.Seconds())) * time.Second
}

// readScopes reads scope (RFC 6749 section 3.3): names with blanks between
// them, or, as some servers write it, an array of names. known is false if it is
// missing, ok false if it is anything else.
func readScopes(raw json.RawMessage) (scopes []string, known, ok bool) {
	if isNull(raw) {
		return nil, false, true
	}
	if text, isText := (claims{"": raw}).text(""); isText {
		scopes = strings.Split(text, " ")
	} else if json.Unmarshal(raw, &scopes) != nil {
		return nil, false, false
	}
	kept := []string{}
	for _, s := range scopes {
		if s == "" {
			continue
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
			return nil, false, false
		}
		kept = append(kept, s)
	}
	return kept, true, len(kept) <= maxScopes
}

// readRefusal reads what can be read of a refusal; it never fails.
func readRefusal(status int, h http.Header, content []byte) *refusal {
	r := &refusal{status: status, retryAfter: transport.RetryAfter(h), nonce: h.Get(transport.HeaderDPoPNonce) != ""}
	if !isJSON(h.Get("Content-Type")) {
		return r
	}
	said, err := parseClaims(content)
	if err != nil {
		return r
	}
	if code, _ := said.text("error"); len(code) <= 64 && code != "" && !strings.ContainsFunc(code, func(r rune) bool { return !inToken(r) && r != '.' }) {
		r.code = code
	}
	r.words, _ = said.text("error_description")
	for _, name := range []string{"max_age", "acr_values", "scope"} {
		value, ok := said.text(name)
		if n, isNumber := said.number(name); isNumber {
			value, ok = strconv.FormatInt(n, 10), true
		}
		if !ok || value == "" || len(value) > 512 || fault.Clean(value, 512) != value {
			continue
		}
		if r.challenge == nil {
			r.challenge = map[string]string{}
		}
		r.challenge[name] = value
	}
	return r
}
