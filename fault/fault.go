// Package fault is the one way in which Waybill says that something went
// wrong: what happened, at which step, and what to do about it.
//
// Invariant: a Fault's Error text is one plain sentence that is safe to show
// and to log; it holds no secret, no server text and no control characters.
// What a server said stands in Server, cleaned and cut, and is always shown as
// the server's own words.
package fault

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Step names the part of the flow in which something failed.
type Step string

// The steps, in the order in which they run. StepKeyring, StepStore and
// StepSetup lie outside the flow.
const (
	StepDiscovery   Step = "discovery"
	StepSignIn      Step = "sign-in"
	StepExchange    Step = "token exchange"
	StepJWTBearer   Step = "JWT bearer grant"
	StepCall        Step = "call to the resource"
	StepKeyring     Step = "keyring"
	StepStore       Step = "local copy"
	StepSetup       Step = "set-up"
	StepPlayground  Step = "built-in playground"
	StepInteraction Step = "interaction"
)

// Kind says what a caller can do about a Fault, and so decides the exit code
// of the command line and the reaction of the window.
type Kind int

// The kinds. The zero Kind is Failed.
const (
	Failed       Kind = iota // it failed; trying the same again may or may not help
	Offline                  // the network or the server could not be reached, or answered 5xx, 429 or with a captive portal; the session is kept
	SignInNeeded             // the session is over; a new sign-in helps
	StepUp                   // a new sign-in with the parameters in Challenge helps (RFC 9470)
	Denied                   // the user or the app is not entitled; asking again does not help
	Config                   // the connection is wrong; Remedy says which field
	Canceled                 // the user or a newer attempt cancelled it
	Conflict                 // the item was changed at the server meanwhile (HTTP 412)
	NotFound                 // the item is not there (any more)
	Invalid                  // this edit will never be accepted as it is (HTTP 400, 409, 422 …)
	ReadOnly                 // the resource cannot be written
	Hostile                  // the peer's answer broke a rule that protects the user; nothing of it was used
)

// Fault is an error with its step, its kind and its remedy. Make it with New
// and the With methods; it is immutable afterwards and safe to share.
type Fault struct {
	Step    Step
	Kind    Kind
	Code    string // the OAuth or RFC 6750 error code, or an own short one such as "port_in_use"; may be empty
	Message string // one plain sentence without a final full stop missing, ours, in the user's words
	Remedy  string // one plain sentence: what to do; may be empty
	Server  string // the server's own words, cleaned by Clean; may be empty
	Status  int    // HTTP status, 0 if none
	Field   string // the field of the connection file that has most to do with it, such as "resource.client_secret"; may be empty

	// Challenge carries what a step-up asks for: "max_age", "acr_values",
	// "scope". Nil if there is none.
	Challenge map[string]string

	// RetryAfter is what the server asked for, in seconds, -1 if nothing.
	RetryAfter int

	err error
}

// New makes a Fault. The message is one sentence with its full stop.
func New(step Step, kind Kind, code, message string) *Fault {
	return &Fault{Step: step, Kind: kind, Code: code, Message: message, RetryAfter: -1}
}

// Because returns a copy that wraps cause, for errors.Is and errors.As. The
// cause's text is never part of Error.
func (f *Fault) Because(cause error) *Fault {
	g := *f
	g.err = cause
	return &g
}

// WithRemedy returns a copy with what to do.
func (f *Fault) WithRemedy(remedy string) *Fault {
	g := *f
	g.Remedy = remedy
	return &g
}

// About returns a copy that names the field of the connection file that has
// most to do with it.
func (f *Fault) About(field string) *Fault {
	g := *f
	g.Field = field
	return &g
}

// WithServer returns a copy with the server's words, cleaned, and its status.
func (f *Fault) WithServer(status int, words string) *Fault {
	g := *f
	g.Status, g.Server = status, Clean(words, MaxServerRunes)
	return &g
}

// Error is the message and, if there is one, the remedy.
func (f *Fault) Error() string {
	if f.Remedy == "" {
		return f.Message
	}
	return f.Message + " " + f.Remedy
}

// Unwrap gives the cause to errors.Is and errors.As.
func (f *Fault) Unwrap() error { return f.err }

// As returns the first Fault in err's chain. An error that holds none becomes
// one: cancellation is Canceled, everything else Failed with a neutral
// sentence, so that no foreign error text is ever shown. As(nil) is nil.
func As(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) {
		return New("", Canceled, "canceled", "Cancelled.").Because(err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return New("", Offline, "timeout", "It took too long and was given up.").Because(err)
	}
	return New("", Failed, "internal", "Something went wrong inside Waybill.").
		WithRemedy("Please report it with the steps that led here.").Because(err)
}

// Is reports whether err holds a Fault of this kind.
func Is(err error, kind Kind) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == kind
}

// MaxServerRunes is how much of a server's words is kept.
const MaxServerRunes = 256

// Clean makes foreign text fit to show on one line: invalid UTF-8, control,
// bidirectional, zero-width, tag and line-separating characters become a
// visible placeholder, runs of white space one blank, and the text is cut after
// limit runes with an ellipsis. Clean is idempotent.
func Clean(text string, limit int) string {
	var b strings.Builder
	runes, blank := 0, false
	for _, r := range text {
		if unicode.IsSpace(r) && r != '\u2028' && r != '\u2029' && r != '\u0085' {
			blank = b.Len() > 0
			continue
		}
		if blank {
			if runes++; runes > limit {
				break
			}
			b.WriteByte(' ')
			blank = false
		}
		if runes++; runes > limit {
			break
		}
		if r == utf8.RuneError || hidden(r) {
			r = '\u25a1' // a visible square, so that nothing is hidden silently
		}
		b.WriteRune(r)
	}
	out := strings.TrimRight(b.String(), " ")
	if runes > limit && !strings.HasSuffix(out, "…") {
		out = cutRunes(out, limit-1) + "…"
	}
	return out
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return strings.TrimRight(s[:i], " ")
		}
		n--
	}
	return s
}

// hidden reports whether r changes how text is shown without being seen: C0 and
// C1 controls, format characters (bidirectional overrides, zero-width, tags),
// private use, surrogates and the Unicode line separators (CWE-150).
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}
