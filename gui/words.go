package gui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"waybill/todo"
)

// This file holds how times and names are said in the window alone; package
// wording has what the terminal says too.

// wholeDay is the due time that means the calendar day of t: midnight UTC.
func wholeDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
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

// capital begins words with a large letter.
func capital(words string) string {
	_, n := utf8.DecodeRuneInString(words)
	return strings.ToUpper(words[:n]) + words[n:]
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
