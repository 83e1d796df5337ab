package form

import (
	"slices"
	"strings"
	"unicode"
)

// In characters: what may be longer than longFrom has several lines, and what may
// not be longer than shortTo has one, whatever its name is.
const (
	longFrom = 500
	shortTo  = 200
)

// longNames are the last words of the names of texts that often have several
// lines.
var longNames = []string{"text", "body", "content", "contents", "description", "message", "note", "notes", "comment", "comments", "prompt", "instructions", "markdown", "html", "script"}

// isLong reports whether a text may have several lines. What the schema says of
// it counts, and only where that says nothing, its name.
func isLong(f *Field, s *schema) bool {
	switch strings.ToLower(f.Format) {
	case "":
	case "textarea", "multiline", "multi-line", "markdown", "html": // of forms, not of JSON Schema
		return true
	default:
		return false
	}
	switch {
	case f.Max != nil && *f.Max <= shortTo, s.Encoding != "":
		return false
	case s.MediaType != "", f.Max != nil && *f.Max > longFrom, f.Min != nil && *f.Min > shortTo:
		return true
	}
	return slices.Contains(longNames, lastWord(f.Name))
}

// lastWord is the last word of a name, in small letters: "notes" of releaseNotes,
// RELEASE_NOTES and release-notes-2.
func lastWord(name string) string {
	letters := []rune(strings.TrimRightFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }))
	at := len(letters)
	for at > 0 && unicode.IsLetter(letters[at-1]) {
		at--
		if unicode.IsUpper(letters[at]) && at+1 < len(letters) && unicode.IsLower(letters[at+1]) {
			break // a capital before small ones begins a word
		}
	}
	return strings.ToLower(string(letters[at:]))
}
