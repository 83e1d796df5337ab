package flow

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"waybill/secret"
	"waybill/transport"
)

// Command is a request as a command for a POSIX shell. Its Text holds no secret:
// they are shell variables, which must be set before it is run.
type Command struct {
	Text      string // ends with a line feed
	Variables []Variable
	Cut       bool // the body of the request was not kept whole, so Text lacks its end
}

// Variable is one that a Command needs.
type Variable struct {
	Name    string // such as CLIENT_SECRET
	Meaning string // what to set it to
	Value   secret.Text
}

// Curl says how to send a request again with curl. A token endpoint may refuse
// what it has seen before: a code, an ID-JAG, a DPoP proof.
func Curl(x transport.Recording) Command {
	s := script{hidden: x.Secrets}
	words := []string{"curl --silent --show-error --include"}
	if strings.ContainsAny(x.URL, "[]{}") {
		words[0] += " --globoff"
	}
	body := x.Request.Form != nil || x.Request.Body != ""
	switch {
	case x.Method == http.MethodHead:
		words[0] += " --head"
	case x.Method != http.MethodGet && !(x.Method == http.MethodPost && body) || x.Method == http.MethodGet && body:
		words[0] += " --request " + quote(x.Method)
	}
	words = append(words, s.address(x.URL))
	words = append(words, s.headers(x.Request)...)
	for _, f := range x.Request.Form {
		words = append(words, "--data-urlencode "+s.word(f.Name+"="+f.Value))
	}
	if x.Request.Form == nil && x.Request.Body != "" {
		words = append(words, "--data-raw "+s.word(x.Request.Body))
	}
	return Command{Text: strings.Join(words, " \\\n  ") + "\n", Variables: s.used, Cut: x.Request.Cut}
}

// script collects the variables of a Command.
type script struct {
	hidden []transport.Hidden
	used   []Variable

	escaped bool // variables are to be escaped for a query
}

// ownHeaders are sent by curl itself or are of no use to another client.
var ownHeaders = []string{"Content-Length", "Accept-Encoding", "Host", "User-Agent", "Connection"}

func (s *script) headers(m transport.Message) []string {
	var out []string
	for _, name := range headerNames(m.Header) {
		if slices.Contains(ownHeaders, name) || name == "Content-Type" && m.Form != nil {
			continue
		}
		for _, value := range m.Header[name] {
			out = append(out, s.header(name, value))
		}
	}
	return out
}

func (s *script) header(name, value string) string {
	if pair, basic := strings.CutPrefix(value, "Basic "); basic && name == "Authorization" && strings.Contains(pair, ":") {
		return "--user " + s.basic(pair)
	}
	if value == "" {
		return "--header " + quote(name+";") // with a colon curl would leave it out
	}
	return "--header " + s.word(name+": "+value)
}

// basic are the credentials of HTTP Basic, whose parts are form-encoded first
// (RFC 6749 section 2.3.1).
func (s *script) basic(pair string) string {
	before := len(s.used)
	word := s.word(pair)
	for i := before; i < len(s.used); i++ {
		v := &s.used[i]
		v.Meaning += ", form-encoded as RFC 6749 section 2.3.1 asks for"
		v.Value = secret.New(url.QueryEscape(v.Value.Reveal()))
	}
	return word
}

// address quotes an address. What is secret in it stands there escaped, so its
// variables are others than those of the same secrets elsewhere.
func (s *script) address(text string) string {
	s.escaped = true
	defer func() { s.escaped = false }()
	return s.word(text)
}

// word quotes text as one word of the shell, with a variable for each
// placeholder.
func (s *script) word(text string) string {
	type part struct {
		text     string
		variable bool
	}
	var parts []part
	plain := true
	for text != "" {
		at, h := s.next(text)
		if h == nil {
			parts, text = append(parts, part{text, false}), ""
			continue
		}
		if at > 0 {
			parts = append(parts, part{text[:at], false})
		}
		parts = append(parts, part{s.variable(*h), true})
		plain = false
		text = text[at+len(h.Placeholder()):]
	}
	if plain {
		if len(parts) == 0 {
			return "''"
		}
		return quote(parts[0].text)
	}
	// One pair of double quotes where nothing in them needs care, else pieces.
	var b strings.Builder
	careful := slices.ContainsFunc(parts, func(p part) bool { return !p.variable && strings.ContainsAny(p.text, "$`\"\\!\n") })
	for i, p := range parts {
		switch {
		case p.variable && careful:
			b.WriteString(`"$` + p.text + `"`)
		case p.variable && i+1 < len(parts) && !parts[i+1].variable && nameGoesOn(parts[i+1].text):
			b.WriteString("${" + p.text + "}")
		case p.variable:
			b.WriteString("$" + p.text)
		case careful:
			b.WriteString(quote(p.text))
		default:
			b.WriteString(p.text)
		}
	}
	if careful {
		return b.String()
	}
	return `"` + b.String() + `"`
}

func nameGoesOn(text string) bool {
	c := text[0]
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// next finds the first placeholder in text; nil: none.
func (s *script) next(text string) (at int, h *transport.Hidden) {
	for i := range s.hidden {
		if j := strings.Index(text, s.hidden[i].Placeholder()); j >= 0 && (h == nil || j < at) {
			at, h = j, &s.hidden[i]
		}
	}
	return at, h
}

// variable is the name of the shell variable for a secret.
func (s *script) variable(h transport.Hidden) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, h.Name)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "SECRET_" + name
	}
	meaning, value := secretMeaning(h.Name), h.Value
	if s.escaped {
		name, meaning, value = name+"_URLENCODED", meaning+", percent-encoded", secret.New(url.QueryEscape(value.Reveal()))
	}
	if !slices.ContainsFunc(s.used, func(v Variable) bool { return v.Name == name }) {
		s.used = append(s.used, Variable{Name: name, Meaning: meaning, Value: value})
	}
	return name
}

// secretMeaning says what a secret parameter is.
func secretMeaning(name string) string {
	base := name
	if i := strings.LastIndexByte(name, '_'); i > 0 && strings.Trim(name[i+1:], "0123456789") == "" {
		base = name[:i]
	}
	switch strings.ToLower(base) {
	case "client_secret":
		return "the client secret"
	case "subject_token":
		return "the ID token or refresh token that is exchanged"
	case "assertion":
		return "the ID-JAG; most servers take each one once only"
	case "client_assertion":
		return "the client's signed assertion; servers may take each one once only"
	case "access_token":
		return "the access token"
	case "refresh_token":
		return "the refresh token"
	case "id_token", "id_token_hint":
		return "the ID token"
	case "code":
		return "the authorization code; it serves once"
	case "code_verifier":
		return "the code verifier (RFC 7636)"
	case "dpop":
		return "the DPoP proof; it serves once"
	}
	return "the value of " + name
}

// quote makes one word of the shell of any text.
func quote(text string) string {
	safe := text != "" && strings.IndexFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=,@%+", r))
	}) < 0
	if safe {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
