package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"unicode/utf8"

	"waybill/todo"
)

// lists are the members of a JSON file that its to-dos may stand in: Waybill's
// own, and those that to-do APIs use.
var lists = []string{"todos", "data", "items", "results"}

// wanted are the other members that are looked at.
var wanted = []string{"format", "unsent", "title"}

// readJSON reads to-dos in any of these shapes: an array, an object with the
// array in one of its members, a single to-do, or a backup.
func readJSON(data []byte) (*File, error) {
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	f := &File{Format: JSON}
	array, at, err := f.readObject(data)
	if err != nil {
		return nil, err
	}
	take := newTaker(f)
	lines := lineCounter{data: data}
	err = eachElement(array, func(element []byte, offset int) error {
		return take.element(element, lines.at(at+offset))
	})
	if err != nil {
		return nil, err
	}
	take.finish()
	return f, nil
}

// checkSyntax says where the data stops being JSON.
func checkSyntax(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var whole json.RawMessage
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, &whole); !errors.As(err, &syntax) {
		return unreadable("The file is not valid JSON.").Because(err)
	}
	line, column := position(data, int(syntax.Offset)-1)
	if int(syntax.Offset) >= len(data) {
		return unreadable("The file ends in the middle, in line %d, column %d: it may have been cut off.", line, column)
	}
	return unreadable("Line %d, column %d is not valid JSON.", line, column)
}

// readObject finds the array of to-dos, and where it begins, and reads what
// stands around it.
func (f *File) readObject(data []byte) (array []byte, at int, err error) {
	if at = skipBlank(data, 0); data[at] == '[' {
		return data[at:], at, nil
	}
	members, err := objectMembers(data)
	if err != nil {
		return nil, 0, err
	}
	if name := members["format"].text(); name == backupFormat {
		if err := f.readPreamble(data, members); err != nil {
			return nil, 0, err
		}
	}
	for _, name := range lists {
		if m := members[name]; len(m.value) > 0 && m.value[0] == '[' {
			return m.value, m.at, nil
		}
	}
	if members["title"].value != nil {
		// A single to-do is a list of one: the bracket takes no place in a line.
		return append(append([]byte{'['}, data...), ']'), -1, nil
	}
	return nil, 0, unreadable("The file is JSON, but no to-dos are in it: an array of them is expected, or an object with one named %q.", lists[0])
}

func (f *File) readPreamble(data []byte, members map[string]member) error {
	var p preamble
	if err := json.Unmarshal(data, &p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			line, _ := position(data, int(wrong.Offset)-1)
			return unreadable("Line %d of the backup is not as Waybill writes it: %q is of another kind.", line, wrong.Field)
		}
		return unreadable("The beginning of the backup is not as Waybill writes it.")
	}
	switch {
	case p.Version > backupVersion:
		return unreadable("This backup was made by a newer Waybill: its format has version %d, and this Waybill reads %d.", p.Version, backupVersion)
	case p.Version < 1:
		return unreadable("The backup does not say which version of the format it has.")
	case len(members[lists[0]].value) == 0 || members[lists[0]].value[0] != '[':
		return unreadable("The backup has no to-dos: the array %q is missing.", lists[0])
	}
	f.Format = Backup
	f.Header = Header{p.Made, p.By, p.Connection, p.Resource, p.Account.Issuer, p.Account.Subject, p.Account.Email}
	if unsent := members["unsent"]; unsent.value != nil {
		return f.readUnsent(data, unsent)
	}
	return nil
}

func (f *File) readUnsent(data []byte, list member) error {
	lines := lineCounter{data: data}
	return eachElement(list.value, func(element []byte, offset int) error {
		var u Unsent
		if len(f.Unsent) >= todo.MaxList || json.Unmarshal(element, &u) != nil {
			return unreadable("Line %d: the change is not as Waybill writes it.", lines.at(list.at+offset))
		}
		f.Unsent = append(f.Unsent, u)
		return nil
	})
}

// element takes one element of the array.
func (k *taker) element(element []byte, line int) error {
	var t todo.Todo
	if element[0] != '{' {
		return unreadable("Line %d: a to-do is expected, and something else is there.", line)
	}
	if err := t.UnmarshalJSON(element); err != nil {
		return unreadable("Line %d: the to-do is too large.", line)
	}
	var unclear []todo.Field
	for _, field := range todo.PatchOf(t).Fields() {
		if _, kept := t.Extra[string(field)]; kept {
			unclear = append(unclear, field)
		}
	}
	return k.add(t, line, unclear)
}

// member is one member of an object and where its value begins.
type member struct {
	value json.RawMessage
	at    int
}

func (m member) text() (s string) {
	_ = json.Unmarshal(m.value, &s) // "" for anything else
	return s
}

// objectMembers finds the members of an object, given valid JSON; of members
// with the same name the last one counts. It takes no more than the text's own
// room, however large the values are.
func objectMembers(data []byte) (map[string]member, error) {
	i := skipBlank(data, 0)
	if data[i] != '{' {
		return nil, unreadable("The file is JSON, but neither an array nor an object.")
	}
	members := map[string]member{}
	for i = skipBlank(data, i+1); data[i] != '}'; {
		end := valueEnd(data, i)
		name := member{value: data[i:end]}.text()
		i = skipBlank(data, skipBlank(data, end)+1) // over the colon
		end = valueEnd(data, i)
		if slices.Contains(lists, name) || slices.Contains(wanted, name) {
			members[name] = member{data[i:end], i}
		}
		if i = skipBlank(data, end); data[i] == ',' {
			i = skipBlank(data, i+1)
		}
	}
	return members, nil
}

// eachElement calls use with each element of an array that is valid JSON, and
// where it begins.
func eachElement(array []byte, use func(element []byte, at int) error) error {
	if array[0] != '[' {
		return unreadable("The file is JSON, and something else than an array is where one is expected.")
	}
	for i := skipBlank(array, 1); array[i] != ']'; {
		end := valueEnd(array, i)
		if err := use(array[i:end], i); err != nil {
			return err
		}
		if i = skipBlank(array, end); array[i] == ',' {
			i = skipBlank(array, i+1)
		}
	}
	return nil
}

func skipBlank(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the index behind the value that starts at i, in valid JSON.
func valueEnd(data []byte, i int) int {
	for depth := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // behind a number or a word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// position is the line and the column, both from 1, of a byte; the column
// counts characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:max(0, min(offset, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// lineCounter tells the lines of places that come one after the other, without
// counting from the beginning each time.
type lineCounter struct {
	data []byte
	upTo int
	line int // ends before upTo
}

func (c *lineCounter) at(offset int) int {
	if offset > c.upTo {
		c.line += bytes.Count(c.data[c.upTo:offset], []byte{'\n'})
		c.upTo = offset
	}
	return c.line + 1
}
