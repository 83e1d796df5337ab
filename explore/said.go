package explore

import "waybill/todo"

// Said is a text as a server sent it, whatever it holds. It is sent back and
// compared as it is, and shown only through Line or Text.
type Said string

// Line returns s for one line of a screen or terminal: bounded, and with
// everything visible that would otherwise be hidden or obeyed.
func (s Said) Line() string { return todo.Line(string(s)) }

// Text is Line with line ends kept and a wider bound.
func (s Said) Text() string { return todo.Text(string(s)) }
