package gui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"waybill/todo"
)

// This file holds how times, numbers and names are said.

// dueSentence says it in full: "Sun 22 Nov (yesterday)", "Fri 27 Nov, 17:00 (in
// 3 days)".
func dueSentence(due time.Time, today todo.Day, now time.Time) string {
	if due.IsZero() {
		return "None"
	}
	day := dueDate(due, now)
	words := day.Format("Mon 2 Jan")
	if day.Year() != now.Year() {
		words = day.Format("Mon 2 Jan 2006")
	}
	if hour, minute, ok := dueTime(due, now); ok {
		words += fmt.Sprintf(", %02d:%02d", hour, minute)
	}
	switch days := today.DaysUntil(due); {
	case days == -1:
		return words + " (yesterday)"
	case days == 0:
		return words + " (today)"
	case days == 1:
		return words + " (tomorrow)"
	case days > 1 && days <= 31:
		return fmt.Sprintf("%s (in %d days)", words, days)
	case days < -1 && days >= -31:
		return fmt.Sprintf("%s (%d days ago)", words, -days)
	default:
		return words
	}
}

// dueDate is the calendar day, as midnight UTC, on which something is due where
// now is.
func dueDate(due, now time.Time) time.Time {
	return time.Unix(todo.DueDay(due, now.Location())*86400, 0).UTC()
}

// dueTime is the time of day; not ok where a whole day is meant.
func dueTime(due, now time.Time) (hour, minute int, ok bool) {
	if u := due.UTC(); u.Equal(u.Truncate(24 * time.Hour)) {
		return 0, 0, false
	}
	local := due.In(now.Location())
	return local.Hour(), local.Minute(), true
}

// wholeDay is the due time that means the calendar day of t: midnight UTC.
func wholeDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// ago says how long ago something was: "just now", "2 min ago", "3 h ago",
// "2 Dec 10:42".
func ago(at, now time.Time) string {
	switch d := now.Sub(at); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 12*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return at.In(now.Location()).Format("2 Jan 15:04")
	}
}

// exactTime is the moment itself: "Mon 23 Nov 2026, 12:05:09".
func exactTime(at, now time.Time) string {
	return at.In(now.Location()).Format("Mon 2 Jan 2006, 15:04:05")
}

// left says how much time is left, rounded down: "1 h 53 min", "5 min", "less
// than a minute".
func left(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	default:
		return "less than a minute"
	}
}

// countdown says it to the second: "4:32".
func countdown(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// plural is "1 change", "3 changes".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// uncapital begins words with a small letter, for the middle of a sentence.
func uncapital(words string) string {
	_, n := utf8.DecodeRuneInString(words)
	return strings.ToLower(words[:n]) + words[n:]
}

// initials of whoever signed in, one or two letters: of the name if there is
// one, else of the address.
func initials(name, email string) string {
	letters := ""
	words := strings.Fields(name)
	if len(words) == 1 {
		return firstLetters(words[0])
	}
	for _, word := range words {
		if r, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(r) && utf8.RuneCountInString(letters) < 2 {
			letters += string(unicode.ToUpper(r))
		}
	}
	if letters != "" {
		return letters
	}
	local, _, _ := strings.Cut(email, "@")
	return firstLetters(local)
}

// firstLetters are the first two letters or digits of a word.
func firstLetters(word string) string {
	letters := []rune{}
	for _, r := range word {
		if len(letters) < 2 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			letters = append(letters, unicode.ToUpper(r))
		}
	}
	if len(letters) == 0 {
		return "?"
	}
	return string(letters)
}

// priorityWords names a priority.
func priorityWords(p todo.Priority) string {
	switch p {
	case todo.High:
		return "High"
	case todo.Medium:
		return "Medium"
	case todo.Low:
		return "Low"
	case todo.NoPriority:
		return "None"
	default:
		return show(string(p), 30) // one that only the server knows
	}
}

// statusWords names whether a to-do is done.
func statusWords(done bool) string {
	if done {
		return "Completed"
	}
	return "To do"
}

// matchesWords reports whether each word of the query is in the text, in
// whatever case and with whatever accents.
func matchesWords(text, query string) bool {
	text = todo.Fold(text)
	for word := range strings.FieldsSeq(todo.Fold(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
