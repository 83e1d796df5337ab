package gui

import (
	"fmt"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/flow"
	"waybill/transport"
	"waybill/wording"
)

// This file holds how the Flow page says things.

// stepTitles are what the steps are called on their cards.
func stepTitle(name fault.Step) string {
	switch name {
	case fault.StepSignIn:
		return "Sign in"
	case fault.StepExchange:
		return "Token exchange"
	case fault.StepJWTBearer:
		return "JWT bearer grant"
	case fault.StepCall:
		return "Call the resource"
	case fault.StepDiscovery:
		return "Discovery"
	default:
		return capital(string(name))
	}
}

// took says how long something lasted: "0.4 ms", "98 ms", "1.2 s", "1 min 3 s".
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	default:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// remaining says how much of a time is left to the second: "4 min 41 s", "1 h
// 59 min".
func remaining(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d s", int(max(0, d.Seconds())))
	}
}

// clockTime is the time of day, with the day where that is another.
func clockTime(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Year() != now.Year() || at.YearDay() != now.YearDay() {
		return at.Format("2 Jan 15:04:05")
	}
	return at.Format("15:04:05")
}

// summaryOf says of a run when it was, how many round trips it made and how long
// it took.
func summaryOf(r *flow.Run, last bool, now time.Time) string {
	name := "Run of "
	if last {
		name = "Last run "
	}
	words := name + clockTime(r.Began, now) + " · " + wording.Plural(r.RoundTrips, "round trip", "round trips") + " · " + took(lasted(r.Running, r.Began, r.Took, now))
	if r.Running {
		words += " so far"
	}
	return words
}

// lasted is how long something took, or takes until now.
func lasted(running bool, began time.Time, took time.Duration, now time.Time) time.Duration {
	if running && !began.IsZero() {
		return max(took, now.Sub(began))
	}
	return took
}

// runWords is how a run is called in the list of runs.
func runWords(r *flow.Run, now time.Time) string {
	words := clockTime(r.Began, now) + " · " + reasonWords(r.Reason)
	for i := range r.Steps {
		if s := &r.Steps[i]; s.State == flow.Failed {
			return words + " · failed at: " + uncapital(stepTitle(s.Name))
		}
	}
	if r.Running {
		return words + " · running"
	}
	return words + " · " + took(r.Took)
}

func reasonWords(r flow.Reason) string {
	switch r {
	case flow.ReasonSignIn:
		return "sign-in"
	case flow.ReasonMint:
		return "new access token"
	case flow.ReasonCall:
		return "call alone"
	case flow.ReasonAgain:
		return "run again"
	case flow.ReasonProbe:
		return "probe"
	case flow.ReasonExplore:
		return "call in the Explorer"
	default:
		return "run"
	}
}

// stepIcon is the sign of a state, and its colour.
func stepIcon(s flow.State) (fyne.Resource, fyne.ThemeColorName, string) {
	switch s {
	case flow.Done:
		return theme.ConfirmIcon(), theme.ColorNameSuccess, "done"
	case flow.Failed:
		return theme.CancelIcon(), theme.ColorNameError, "failed"
	case flow.Running:
		return theme.MediaPlayIcon(), theme.ColorNamePrimary, "running"
	case flow.Cached:
		return theme.HistoryIcon(), colorMuted, "not needed"
	default:
		return theme.ContentRemoveIcon(), colorMuted, "not run"
	}
}

// whatOf says what a step does, in the words of its specification.
func whatOf(s *flow.Step) string {
	last := len(s.Exchanges) - 1
	switch s.Name {
	case fault.StepSignIn:
		if last >= 0 && formValue(&s.Exchanges[last].Request, "grant_type") == "refresh_token" {
			return "refresh token"
		}
		return "code + PKCE"
	case fault.StepExchange:
		return "RFC 8693"
	case fault.StepJWTBearer:
		return "RFC 7523"
	}
	if last < 0 {
		return ""
	}
	return s.Exchanges[0].Method + " " + pathOfURL(s.Exchanges[0].URL)
}

func formValue(m *transport.Message, name string) string {
	for _, f := range m.Form {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// pathOfURL is the path alone.
func pathOfURL(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		rest = address
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "/"
	}
	path, _, _ := strings.Cut(rest[i:], "?")
	return path
}

// outcomeOf says how a step ended, or how far it is; running: its run is.
func outcomeOf(s *flow.Step, running bool, now time.Time) string {
	long := took(lasted(s.State == flow.Running, s.Began, s.Took, now))
	switch s.State {
	case flow.Done:
		words := long
		if s.Outcome != "" {
			words += " · " + show(s.Outcome, 80)
		}
		if left, counts := tokenLives(s.Token, now); counts {
			words += ", " + left
		}
		return words
	case flow.Failed:
		words := long + " · failed"
		if s.Fault != nil && s.Fault.Code != "" {
			words += ": " + show(s.Fault.Code, 60)
		}
		return words
	case flow.Running:
		return long + " · under way"
	case flow.Cached:
		return or(show(s.Why, 160), "Not needed this time.")
	default:
		if running {
			return or(show(s.Why, 160), "Not yet.")
		}
		return or(show(s.Why, 160), "Not run.")
	}
}

func or(words, other string) string {
	if words == "" {
		return other
	}
	return words
}

// tokenLives says how long a token lives yet; false: nobody knows. The ID token
// is of no use once it was exchanged, so its life is not said.
func tokenLives(t *flow.Token, now time.Time) (string, bool) {
	end := tokenEnds(t)
	if end.IsZero() || t.Kind == flow.KindIDToken {
		return "", false
	}
	if left := end.Sub(now); left > 0 {
		return remaining(left) + " left", true
	}
	return "expired", true
}

// tokenEnds is when a token expires: what its claim says, else what was said
// with it. The zero time is that nobody said.
func tokenEnds(t *flow.Token) time.Time {
	if t == nil {
		return time.Time{}
	}
	if at, ok := unixTime(t.Claims["exp"]); ok {
		return at
	}
	if t.Life > 0 {
		return t.Received.Add(t.Life)
	}
	return time.Time{}
}

// counts reports whether a token of the run is still alive.
func counts(r *flow.Run, now time.Time) bool {
	for i := range r.Steps {
		for _, t := range tokensOf(&r.Steps[i]) {
			if tokenEnds(t).After(now) {
				return true
			}
		}
	}
	return false
}

// tokensOf are the tokens that a step brought.
func tokensOf(s *flow.Step) []*flow.Token {
	if s.Token == nil {
		return s.Extra
	}
	return append([]*flow.Token{s.Token}, s.Extra...)
}
