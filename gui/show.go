package gui

import (
	"unicode/utf8"

	"waybill/todo"
)

// show makes foreign text fit for one line on screen, at most limit characters
// long.
func show(text string, limit int) string {
	text = todo.Line(text)
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	for i := range text {
		if limit--; limit == 0 {
			return todo.Line(text[:i] + "…")
		}
	}
	return text
}
