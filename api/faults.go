package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// asking is what a request was about; the same status means different things
// for different requests.
type asking int

const (
	listing  asking = iota // the whole list, or what the server offers
	reading                // one to-do
	creating               // a new to-do
	changing               // a to-do that is there
	anything               // whatever the user named
)

func (a asking) change() bool { return a == creating || a == changing }

// answer is one HTTP answer, read whole up to a limit.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	token   secret.Text // that was sent with the request
	bound   bool        // token is bound to a key, of which the request held a proof
	granted []string    // scopes of token
}

// ok reports whether the answer is a success with which something can be done.
func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// portal reports whether the answer looks like that of a network that wants
// its user to sign in first: a page where JSON belongs. Its redirects and the
// status made for it are the transport's to find.
func (a *answer) portal() bool { return a.ok() && isPage(a.header, a.body) }

// contentType is the media type of an answer, in lower case, without parameters.
func contentType(h http.Header) string {
	kind, _, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	return strings.TrimSpace(kind)
}

// isPage reports whether an answer is a web page rather than JSON.
func isPage(h http.Header, body []byte) bool {
	kind := contentType(h)
	head := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n\ufeff")
	return kind == "text/html" || kind == "application/xhtml+xml" || strings.HasPrefix(head, "<")
}

// refusal turns an answer that is no success into a Fault. The 401 is the
// second one, after which nothing is tried again.
func (s scopes) refusal(a *answer, about asking) *fault.Fault {
	ch := readChallenge(a)
	code, words := errorWords(a)
	if ch.code != "" {
		code = ch.code
	}
	if ch.words != "" {
		words = ch.words
	}
	f := s.byStatus(a, about, ch, code)
	if f.Code == "" {
		f.Code = fmt.Sprintf("http_%d", a.status)
	}
	f = f.WithServer(a.status, words)
	f.RetryAfter = transport.RetryAfter(a.header)
	return f
}

func (s scopes) byStatus(a *answer, about asking, ch challenge, code string) *fault.Fault {
	switch status := a.status; {
	case a.portal():
		return transport.CaptivePortal(fault.StepCall)
	case status == http.StatusUnauthorized:
		return unauthorised(ch, code)
	case status == http.StatusForbidden:
		return s.forbidden(a, about, ch, code)
	case status == http.StatusNotFound || status == http.StatusGone:
		return notThere(about, code)
	case status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented:
		return notOffered(about, code)
	case status == http.StatusPreconditionFailed || status == http.StatusPreconditionRequired:
		return conflict(code)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.StepCall, fault.Offline, code, "The to-do service asks to wait before the next request.")
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusLocked,
		status == http.StatusTooEarly, status == http.StatusProxyAuthRequired:
		return troubled(code)
	case status == http.StatusNotAcceptable || status == http.StatusUnsupportedMediaType:
		return fault.New(fault.StepCall, fault.Failed, code, "The to-do service did not understand this app's request.").
			WithRemedy("This is a fault of the app or of the service; please report it.")
	case status == http.StatusPaymentRequired || status == http.StatusUnavailableForLegalReasons:
		return notAllowed(code)
	case about.change():
		return fault.New(fault.StepCall, fault.Invalid, code, "The to-do service does not accept this change.").
			WithRemedy("Change it and try again, or discard it.")
	default:
		return fault.New(fault.StepCall, fault.Failed, code, "The to-do service refused the request.")
	}
}

func troubled(code string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Offline, code, "The to-do service cannot answer at the moment.").
		WithRemedy("Try again later.")
}

func notAllowed(code string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Denied, code, "The to-do service does not allow this.").
		WithRemedy("Ask your administrator whether you and this app are entitled to it.")
}

// unauthorised is for a 401 that is final: a step-up (RFC 9470), or a token
// that was issued a moment ago and is refused all the same.
func unauthorised(ch challenge, code string) *fault.Fault {
	if code == codeStepUp {
		f := fault.New(fault.StepCall, fault.StepUp, code, "The to-do service asks for a stronger or more recent sign-in.").
			WithRemedy("Sign in again.")
		f.Challenge = map[string]string{}
		for name, value := range map[string]string{"max_age": ch.maxAge, "acr_values": ch.acrValues, "scope": strings.Join(ch.scopes, " ")} {
			if value != "" {
				f.Challenge[name] = value
			}
		}
		return f
	}
	switch code {
	case codeNonce:
		return fault.New(fault.StepCall, fault.Failed, code, "The to-do service asks for another nonce each time that it is given the last one (DPoP).").
			WithRemedy("Try again in a while; if it happens again, tell whoever runs it.")
	case codeProof:
		return fault.New(fault.StepCall, fault.Failed, code, "The to-do service did not accept the proof that this app has the key of its token (DPoP).").
			WithRemedy("Its own words may say why; a clock that is wrong is one reason.")
	case "":
		code = "invalid_token"
	}
	return fault.New(fault.StepCall, fault.Denied, code, "The to-do service refused a newly issued access token.").
		WithRemedy("Access may have been withdrawn by your organisation: ask your administrator, or check the resource in the connection.")
}

// codeStepUp and codeScope are the error codes of RFC 9470 section 3 and of
// RFC 6750 section 3.1.
const (
	codeStepUp = "insufficient_user_authentication"
	codeScope  = "insufficient_scope"
)

func (s scopes) forbidden(a *answer, about asking, ch challenge, code string) *fault.Fault {
	short := s.missing(a.granted, about.change())
	if code != codeScope && (code != "" || len(short) == 0) {
		return notAllowed(code)
	}
	return s.scopeFault(a.granted, about, ch.scopes)
}

// scopeFault names the scope that is missing: what the server says is needed
// without what was granted, else what this app knows to be needed. A name that
// this app does not know is the server's word and stands in Challenge only.
func (s scopes) scopeFault(granted []string, about asking, named []string) *fault.Fault {
	short := slices.DeleteFunc(slices.Clone(named), func(scope string) bool {
		return slices.Contains(s.effective(granted), scope)
	})
	if len(short) == 0 {
		short = s.missing(granted, about.change())
	}
	message := "The access token lacks a scope that the to-do service asks for."
	known := append(slices.Clone(s.asked), scopeRead, scopeWrite, scopeMCP, s.write)
	if len(short) > 0 && !slices.ContainsFunc(short, func(scope string) bool { return !slices.Contains(known, scope) }) {
		message = "The access token lacks the scope " + strings.Join(short, " and the scope ") + "."
	}
	remedy := "Add it to the scopes of the connection, and have it allowed at the identity provider."
	if len(short) > 0 && !slices.ContainsFunc(short, func(scope string) bool { return !slices.Contains(s.asked, scope) }) {
		remedy = "The connection asks for it, and it was not granted: have it allowed at the identity provider, and to this client at the resource."
	}
	f := fault.New(fault.StepCall, fault.Denied, codeScope, message).WithRemedy(remedy).About(string(connection.FieldScopes))
	if len(short) > 0 {
		f.Challenge = map[string]string{"scope": strings.Join(short, " ")}
	}
	return f
}

func notThere(about asking, code string) *fault.Fault {
	code = cmp.Or(code, "not_found")
	if about == anything {
		return fault.New(fault.StepCall, fault.NotFound, code, "The server does not have what was asked for.")
	}
	if about == reading || about == changing {
		return fault.New(fault.StepCall, fault.NotFound, code, "This to-do is not there any more.")
	}
	return fault.New(fault.StepCall, fault.Config, code, "There are no to-dos at this address.").
		WithRemedy("Check the address of the resource in the connection.")
}

func notOffered(about asking, code string) *fault.Fault {
	code = cmp.Or(code, "not_offered")
	if about.change() {
		return fault.New(fault.StepCall, fault.ReadOnly, code, whyNoWay)
	}
	if about == anything {
		return fault.New(fault.StepCall, fault.NotFound, code, "The server does not offer what was asked for.")
	}
	return fault.New(fault.StepCall, fault.Config, code, "This address does not offer to-dos.").
		WithRemedy("Check the address of the resource in the connection.")
}

func conflict(code string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Conflict, code, "This to-do was changed at the to-do service meanwhile.")
}

// codeGarbled marks an answer that was accepted but cannot be read.
const codeGarbled = "bad_answer"

// garbled is for an answer that is a success by its status but cannot be used.
func garbled(status int, cause error) *fault.Fault {
	f := fault.New(fault.StepCall, fault.Failed, codeGarbled, "The to-do service gave an answer that cannot be read.").
		WithRemedy("Check the address of the resource in the connection.").Because(cause)
	f.Status = status
	return f
}

// hostile is for an answer that breaks a rule which protects the user.
func hostile(code, message string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Hostile, code, message).
		WithRemedy("Nothing of it was used.")
}

// unreachable turns an error of sending a request or of reading its answer into
// a Fault. ctx is what it ran under: its end is a cancellation or a limit, not
// a failure of the network. A redirect is what a network that wants its user to
// sign in answers with.
func unreachable(ctx context.Context, err error) error {
	var f *fault.Fault
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		f = fault.As(context.Cause(ctx))
	case !errors.As(err, &f):
		f = fault.New(fault.StepCall, fault.Offline, "unreachable", "The to-do service could not be reached.").
			WithRemedy("Check the network, or try again later.").Because(err)
	case f.Code == "redirect":
		return transport.CaptivePortal(fault.StepCall).WithServer(f.Status, "").Because(err)
	}
	if f.Step == "" {
		g := *f
		g.Step = fault.StepCall
		return &g
	}
	return f
}

// errorWords finds the error code and the words in the JSON of a failed
// request: RFC 6749 section 5.2, RFC 9457, or an error member of any kind.
func errorWords(a *answer) (code, words string) {
	var said *todo.AnswerError
	if _, err := todo.DecodeList(a.body); errors.As(err, &said) {
		return a.said(said)
	}
	var problem map[string]json.RawMessage
	if json.Unmarshal(a.body, &problem) != nil {
		return "", ""
	}
	for _, name := range []string{"detail", "message", "title"} {
		if json.Unmarshal(problem[name], &words) == nil && words != "" {
			return "", withoutToken(words, a.token)
		}
	}
	return "", ""
}

// said takes an error apart into its code, if it is one, and words.
func (a *answer) said(e *todo.AnswerError) (code, words string) {
	code, words = withoutToken(e.Code, a.token), withoutToken(e.Message, a.token)
	if words == "" && errorCode(code) == "" {
		words = code
	}
	return errorCode(code), words
}

// withoutToken takes the token out of what a server said, since some echo it.
func withoutToken(words string, token secret.Text) string {
	if token.Empty() {
		return words
	}
	return string(echoes{token.Reveal()}.body([]byte(words)))
}

// statusOf is the status that stands for an error code by which servers say in
// JSON what others say by status; 0 for any other code.
func statusOf(code string) int {
	switch code {
	case "not_found", "gone":
		return http.StatusNotFound
	case "conflict", "precondition_failed", "already_exists":
		return http.StatusPreconditionFailed
	case "forbidden", "access_denied", "unauthorized":
		return http.StatusPaymentRequired
	case "invalid_todo", "invalid_request", "validation_error", "idempotency_key_reused", "too_large":
		return http.StatusUnprocessableEntity
	case "rate_limited", "too_many_requests":
		return http.StatusTooManyRequests
	case "server_error", "internal_error", "temporarily_unavailable":
		return http.StatusServiceUnavailable
	}
	return 0
}

// answerError turns an answer that is JSON but says that it failed into a
// Fault. MCP servers do so under status 200, for one when a scope is missing.
func (s scopes) answerError(said *todo.AnswerError, a *answer, about asking) *fault.Fault {
	code, words := a.said(said)
	var f *fault.Fault
	switch {
	case statusOf(code) != 0:
		f = s.byStatus(&answer{status: statusOf(code), granted: a.granted}, about, challenge{}, code)
	case code == codeScope, code == "" && strings.Contains(strings.ToLower(words), "scope"), len(s.missing(a.granted, about.change())) > 0:
		f = s.scopeFault(a.granted, about, nil)
	default:
		f = fault.New(fault.StepCall, fault.Failed, cmp.Or(code, "error"), "The to-do service answered with an error.")
	}
	return f.Because(&todo.AnswerError{Code: code, Message: words}).WithServer(a.status, words)
}
