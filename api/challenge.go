package api

import (
	"strconv"
	"strings"

	"waybill/transport"
)

// Limits of the scopes and codes that a server may name.
const (
	maxScopes     = 16
	maxScopeBytes = 64
)

// challenge is what a Bearer or a DPoP challenge says (RFC 6750 section 3, RFC
// 9449 section 7.1, RFC 9470 section 3). The zero value says nothing.
type challenge struct {
	code   string   // the error parameter, "" unless it is an error code
	words  string   // error_description, the server's words
	scopes []string // the scope parameter

	maxAge, acrValues string
}

// readChallenge returns the first challenge of an answer in the scheme that its
// request used: Bearer, or DPoP where the token is bound to a key, and then Bearer
// where there is no other. Other schemes, such as Basic, are never answered.
func readChallenge(a *answer) challenge {
	params, ok := map[string]string(nil), false
	if a.bound {
		params, ok = transport.DPoPChallenge(a.header)
	}
	if !ok {
		params, _ = transport.BearerChallenge(a.header)
	}
	for name, value := range params {
		params[name] = withoutToken(value, a.token)
	}
	return challenge{
		code:      errorCode(params["error"]),
		words:     params["error_description"],
		scopes:    readScopes(params["scope"]),
		maxAge:    digits(params["max_age"]),
		acrValues: strings.Join(readScopes(params["acr_values"]), " "),
	}
}

// errorCode returns code if it is one: a short word of lower-case letters,
// digits, dots, dashes and underscores. Anything else is foreign text and "", as
// is a token that was echoed and cut out.
func errorCode(code string) string {
	if len(code) > maxScopeBytes {
		return ""
	}
	for _, r := range code {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.') {
			return ""
		}
	}
	return code
}

// readScopes splits a scope value (RFC 6749 section 3.3). A value with a
// character that no scope may have, or with too many or too long scopes, names
// none.
func readScopes(value string) []string {
	if len(value) > maxScopes*(maxScopeBytes+1) {
		return nil
	}
	list := strings.Fields(value)
	if len(list) > maxScopes {
		return nil
	}
	for _, scope := range list {
		if len(scope) > maxScopeBytes || strings.ContainsFunc(scope, notInScope) {
			return nil
		}
	}
	return list
}

func notInScope(r rune) bool {
	return r < 0x21 || r > 0x7e || r == '"' || r == '\\'
}

// digits returns s if it is a number of seconds of at most nine digits.
func digits(s string) string {
	if _, err := strconv.ParseUint(s, 10, 32); err != nil || len(s) > 9 {
		return ""
	}
	return s
}
