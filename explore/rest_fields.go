package explore

import (
	"fmt"
	"net/http"
	"strings"

	"waybill/fault"
)

const (
	maxMethod = 32
	maxFields = 100
)

// method is the method of the request, GET if it names none.
func (r Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// overrides are fields by which some servers do something else than the method
// says.
var overrides = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

func (r Request) safe() bool {
	for _, p := range r.Header {
		for _, name := range overrides {
			if strings.EqualFold(p.Name, name) {
				return false
			}
		}
	}
	switch r.method() {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

// badMethod says why a method cannot be sent, "" if it can.
func badMethod(method string) string {
	switch {
	case len(method) > maxMethod || !isToken(method):
		return "A method is one word, such as GET or POST."
	case strings.EqualFold(method, http.MethodConnect):
		return "CONNECT is for proxies and not for a resource."
	case strings.EqualFold(method, http.MethodTrace):
		return "TRACE has the server send the access token back, so it is not offered."
	}
	return ""
}

func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// Reasons why a field is not the user's to set.
const (
	ofToken      = "Waybill sets it itself: it carries the access token."
	ofHost       = "every request goes to the resource itself."
	ofLength     = "it follows from the body."
	ofConnection = "it speaks of the connection and not of the request (RFC 9110 section 7.6.1)."
	ofEncoding   = "Waybill asks for gzip itself, so that it can say how much came."
)

var ownFields = map[string]string{
	"Authorization": ofToken, "Dpop": ofToken,
	"Host": ofHost, "Content-Length": ofLength, "Accept-Encoding": ofEncoding,
	"Connection": ofConnection, "Proxy-Connection": ofConnection, "Keep-Alive": ofConnection, "Te": ofConnection,
	"Trailer": ofConnection, "Transfer-Encoding": ofConnection, "Upgrade": ofConnection,
	"Proxy-Authorization": ofConnection, "Proxy-Authenticate": ofConnection, "Http2-Settings": ofConnection,
}

// badFields says why header fields cannot be sent, "" if they can.
func badFields(fields []Pair) string {
	if len(fields) > maxFields {
		return fmt.Sprintf("There are more than %d header fields.", maxFields)
	}
	size := 0
	for _, f := range fields {
		shown := fault.Clean(f.Name, 60)
		switch why := ownFields[http.CanonicalHeaderKey(f.Name)]; {
		case !isToken(f.Name):
			return fmt.Sprintf("A header field cannot be called %q: a name is one word without a colon.", shown)
		case why != "":
			return fmt.Sprintf("The header field %s cannot be set: %s", shown, why)
		case strings.ContainsFunc(f.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return fmt.Sprintf("The value of %s holds a line end or a control character.", shown)
		}
		size += len(f.Name) + len(f.Value)
	}
	if size > MaxHeader {
		return fmt.Sprintf("The header fields together are longer than %d KiB.", MaxHeader>>10)
	}
	return ""
}

// header is what is sent beside the token.
func (r Request) header() http.Header {
	h := http.Header{}
	for _, f := range r.Header {
		h.Add(f.Name, strings.TrimSpace(f.Value))
	}
	if h.Values("Accept") == nil {
		h.Set("Accept", "application/json, */*;q=0.5")
	}
	if r.Body != nil && h.Values("Content-Type") == nil {
		h.Set("Content-Type", "application/json")
	}
	return h
}
