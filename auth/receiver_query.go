package auth

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"waybill/secret"
)

// maxParameters is how many parameters a callback may have.
const maxParameters = 32

// parseCallback reads a callback's query. It refuses what could be read in two
// ways: a parameter twice (RFC 6749 section 3.1), a code beside an error, names
// in array style, semicolons, bad escapes, control characters; and what has
// neither a code nor an error. The state is not compared here.
func parseCallback(query string) (answer callback, state string, ok bool) {
	values, ok := parseQuery(query)
	if !ok {
		return callback{}, "", false
	}
	state = values["state"]
	answer = callback{code: secret.New(values["code"]), errorCode: values["error"], words: values["error_description"]}
	answer.issuer, answer.hasIssuer = values["iss"]
	_, hasCode := values["code"]
	_, hasError := values["error"]
	if hasCode == hasError || answer.code.Empty() == (answer.errorCode == "") || state == "" {
		return callback{}, "", false
	}
	return answer, state, true
}

// parseQuery is url.ParseQuery without its leniency.
func parseQuery(query string) (map[string]string, bool) {
	if len(query) > queryLimit || strings.ContainsAny(query, ";#") || strings.Count(query, "&") >= maxParameters {
		return nil, false
	}
	values := map[string]string{}
	for _, pair := range strings.Split(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		_, twice := values[name]
		if err1 != nil || err2 != nil || twice || !plain(name) || !plain(value) || strings.ContainsAny(name, "[]") {
			return nil, false
		}
		values[name] = value
	}
	return values, true
}

// plain reports whether text is valid UTF-8 without control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
