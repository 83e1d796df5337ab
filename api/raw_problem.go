package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"waybill/fault"
	"waybill/transport"
)

// problem explains an answer that is no success, for any resource; nil for
// others.
func (r *Raw) problem(a *RawAnswer, method string) *fault.Fault {
	if a.Status < 300 || a.Status == http.StatusNotModified {
		return nil
	}
	seen := &answer{status: a.Status, header: a.Header, body: a.Body[:min(len(a.Body), maxRefuse)], bound: a.Bound, granted: a.Granted}
	ch := readChallenge(seen)
	code, words := errorWords(seen)
	code, words = cmp.Or(ch.code, code), cmp.Or(ch.words, words)
	f := r.refused(seen, ch, code, !safe(method))
	if f.Code == "" {
		f.Code = fmt.Sprintf("http_%d", a.Status)
	}
	f = f.WithServer(a.Status, words)
	f.RetryAfter = transport.RetryAfter(a.Header)
	return f
}

// safe reports whether a method changes nothing (RFC 9110 section 9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (r *Raw) refused(a *answer, ch challenge, code string, change bool) *fault.Fault {
	says := func(kind fault.Kind, message string) *fault.Fault {
		return fault.New(fault.StepCall, kind, code, message)
	}
	switch status := a.status; {
	case status < 400:
		code = "redirect"
		return says(fault.Failed, "The server points to another address, which was not followed: it may be anybody's.").
			WithRemedy("If it is of this resource, call it yourself.")
	case status == http.StatusUnauthorized:
		return rawUnauthorised(ch, code, change)
	case status == http.StatusForbidden && code == codeScope:
		return r.lacksScope(a, ch, change)
	case status == http.StatusForbidden, status == http.StatusPaymentRequired, status == http.StatusUnavailableForLegalReasons:
		return says(fault.Denied, "The server does not allow this.").
			WithRemedy("Ask your administrator whether you and this app are entitled to it.")
	case status == http.StatusNotFound || status == http.StatusGone:
		return says(fault.NotFound, "The server does not have what was asked for.")
	case status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented:
		return says(fault.Invalid, "The server does not offer this method at this address.").
			WithRemedy(allowed(a.header))
	case status == http.StatusPreconditionFailed || status == http.StatusPreconditionRequired:
		return says(fault.Conflict, "The server did not do it: the precondition of the request does not hold.")
	case status == http.StatusConflict:
		return says(fault.Invalid, "The server did not accept the request: it does not go with what is there.")
	case status == http.StatusTooManyRequests:
		return says(fault.Offline, "The server asks to wait before the next request.")
	case status >= 500 || status == http.StatusRequestTimeout:
		return says(fault.Offline, "The server says that it failed.").WithRemedy("Try again later.")
	default:
		return says(fault.Invalid, "The server did not accept the request.")
	}
}

// allowed says which methods an Allow field names.
func allowed(h http.Header) string {
	if allow := fault.Clean(strings.Join(h.Values("Allow"), ", "), 80); allow != "" {
		return "It offers: " + allow + "."
	}
	return ""
}

// lacksScope names the scope that is missing.
func (r *Raw) lacksScope(a *answer, ch challenge, change bool) *fault.Fault {
	about := anything
	if change {
		about = changing
	}
	f := r.scopes.scopeFault(a.granted, about, ch.scopes)
	if strings.Contains(f.Message, "to-do service") {
		f.Message = "The access token lacks a scope that the server asks for."
	}
	return f
}

// rawUnauthorised is for a 401, the second one where the request may be repeated.
func rawUnauthorised(ch challenge, code string, change bool) *fault.Fault {
	f := unauthorised(ch, code)
	switch {
	case code == codeStepUp:
		f.Message = "The server asks for a stronger or more recent sign-in."
	case code == codeNonce:
		f.Message = "The server asks for another nonce each time that it is given the last one (DPoP)."
	case code == codeProof:
		f.Message = "The server did not accept the proof that this app has the key of its token (DPoP)."
	case change:
		f.Message = "The server refused the access token, and nothing was sent a second time."
		f.Remedy = "Send it again: it then goes out with a new token."
	default:
		f.Message = "The server refused a newly issued access token."
	}
	return f
}
