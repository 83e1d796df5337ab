package archive

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"waybill/fault"
	"waybill/todo"
)

// File is what was in a file.
type File struct {
	Format Format
	Header Header   // of a backup
	Unsent []Unsent // of a backup

	// Todos are in the file's order. An id that is there is in no other one; ""
	// stands for a to-do that is new wherever the file is read.
	Todos []todo.Todo

	// Notices are sentences about what was left out.
	Notices []string

	absent   []todo.Field         // what a table has no column for
	absentIn map[int][]todo.Field // what was not understood, by the place in Todos
	days     dayOrder             // of a table
}

// Item is a to-do as it is to be brought in.
type Item struct {
	ID     string     // "" if the file has none
	Fields todo.Patch // those that the file names; the others stay as they are
}

// Items returns what is to be brought in of each of Todos.
func (f *File) Items() []Item {
	out := make([]Item, len(f.Todos))
	for i, t := range f.Todos {
		out[i] = Item{t.ID, todo.PatchOf(t).Without(f.absent...).Without(f.absentIn[i]...)}
	}
	return out
}

var bom = []byte("\ufeff")

// Read reads a file of any of the formats, told apart by how they begin. Its
// error is a Fault whose sentence names the line, and where there is one the
// column, that is wrong.
func Read(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, unreadable("The file could not be read to its end.").Because(err)
	}
	if len(data) > MaxBytes {
		return nil, unreadable("The file is larger than %d MiB.", MaxBytes>>20)
	}
	if err := checkText(data); err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, bom)
	switch text := bytes.TrimLeft(data, " \t\r\n"); {
	case len(text) == 0:
		return nil, unreadable("The file is empty.")
	case text[0] == '{' || text[0] == '[':
		return readJSON(data)
	default:
		return readCSV(data)
	}
}

// checkText refuses what is no UTF-8: read all the same, it would change every
// letter beyond ASCII.
func checkText(data []byte) error {
	if utf8.Valid(data) && !bytes.HasPrefix(data, []byte{0}) {
		return nil
	}
	const remedy = "Save it again as UTF-8; Excel calls that \"CSV UTF-8\"."
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			return unreadable("The file is written in UTF-16.").WithRemedy(remedy)
		}
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	line, column := position(data, at)
	return unreadable("Line %d, column %d is not UTF-8 text.", line, column).WithRemedy(remedy)
}

// taker takes the to-dos of a file in, one after the other.
type taker struct {
	f        *File
	ids      map[string]int // the line in which each stands
	extra    int            // members that are not known
	untitled count
	unclear  map[todo.Field]*count
}

// count is how many to-dos something is so for, and the line of the first.
type count struct{ n, line int }

func (c *count) add(line int) {
	if c.n++; c.n == 1 {
		c.line = line
	}
}

func newTaker(f *File) *taker {
	return &taker{f: f, ids: map[string]int{}, unclear: map[todo.Field]*count{}}
}

// add takes a to-do that begins in this line. unclear are the fields whose
// values were not understood.
func (k *taker) add(t todo.Todo, line int, unclear []todo.Field) error {
	if len(k.f.Todos)+k.untitled.n >= todo.MaxList {
		return unreadable("Line %d: a file holds at most %d to-dos.", line, todo.MaxList)
	}
	if strings.TrimSpace(t.Title) == "" {
		k.untitled.add(line)
		return nil
	}
	if first, twice := k.ids[t.ID]; twice && t.ID != "" {
		return unreadable("Line %d: the id %q stands in line %d already.", line, fault.Clean(t.ID, 60), first)
	}
	if k.extra += len(t.Extra); k.extra > maxExtra {
		return unreadable("Line %d: too much that Waybill does not know stands beside the to-dos.", line)
	}
	k.ids[t.ID] = line
	if len(unclear) > 0 {
		if k.f.absentIn == nil {
			k.f.absentIn = map[int][]todo.Field{}
		}
		k.f.absentIn[len(k.f.Todos)] = unclear
	}
	for _, field := range unclear {
		if k.unclear[field] == nil {
			k.unclear[field] = &count{}
		}
		k.unclear[field].add(line)
	}
	k.f.Todos = append(k.f.Todos, t)
	return nil
}

// finish says what was left out.
func (k *taker) finish() {
	say := func(c count, what string) {
		verb, first := "to-do "+what+" (line", ""
		if c.n > 1 {
			verb, first = "to-dos "+what+" (the first in line", ""
		}
		k.f.Notices = append(k.f.Notices, fmt.Sprintf("%d %s %d)%s.", c.n, verb, c.line, first))
	}
	if k.untitled.n > 0 {
		say(k.untitled, "without a title left out")
	}
	for _, field := range todo.PatchOf(todo.Todo{}).Fields() {
		if c := k.unclear[field]; c != nil {
			say(*c, "read without the "+fieldNames[field]+", which is not understood")
		}
	}
}

var fieldNames = map[todo.Field]string{
	todo.FieldTitle: "title", todo.FieldDescription: "description", todo.FieldCompleted: "mark for completed",
	todo.FieldPriority: "priority", todo.FieldTags: "tags", todo.FieldDue: "due date",
}

func unreadable(format string, args ...any) *fault.Fault {
	return problem("file_unreadable", fmt.Sprintf(format, args...))
}
