package archive

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"waybill/fault"
	"waybill/todo"
)

// maxColumns bounds the cells of one record.
const maxColumns = 1000

// names are what columns are called in tables of Waybill and of other programs,
// in small letters without blanks; the first that a table has counts.
var names = []struct {
	field todo.Field // "" for the id
	names []string
}{
	{"", []string{"id", "uuid", "uid"}},
	{todo.FieldTitle, []string{"title", "content", "task", "taskname", "name", "subject", "summary", "todo"}},
	{todo.FieldDescription, []string{"description", "notes", "note", "details", "body"}},
	{todo.FieldCompleted, []string{"completed", "done", "iscompleted", "complete", "checked", "status"}},
	{todo.FieldPriority, []string{"priority", "importance"}},
	{todo.FieldTags, []string{"tags", "tag", "labels", "label", "categories"}},
	{todo.FieldDue, []string{"due", "duedate", "duedatetime", "deadline", "date"}},
}

// plan says which column is what.
type plan struct {
	id      int // -1: there is none
	fields  map[todo.Field]int
	ignored []string // columns that are nothing
	width   int
}

// readCSV reads a table whose first record names its columns. Cells may be
// separated by commas, semicolons or tabs.
func readCSV(data []byte) (*File, error) {
	t := newTable(data)
	header, line, err := t.record()
	if err != nil {
		return nil, err
	}
	p, err := planOf(header, line)
	if err != nil {
		return nil, err
	}
	f := &File{Format: CSV}
	for _, field := range todo.PatchOf(todo.Todo{}).Fields() {
		if _, named := p.fields[field]; !named {
			f.absent = append(f.absent, field)
		}
	}
	if f.days, err = p.dayOrder(*t); err != nil {
		return nil, err
	}
	take := newTaker(f)
	for {
		cells, line, err := t.record()
		if err != nil {
			return nil, err
		}
		if cells == nil {
			break
		}
		if err := take.record(p, cells, line); err != nil {
			return nil, err
		}
	}
	take.finish()
	if len(p.ignored) > 0 {
		f.Notices = append(f.Notices, "Columns that are not known were left out: "+strings.Join(p.ignored, ", ")+".")
	}
	return f, nil
}

// planOf reads the names of the columns.
func planOf(header []string, line int) (*plan, error) {
	p := &plan{id: -1, fields: map[todo.Field]int{}, width: len(header)}
	plain := make([]string, len(header))
	for i, name := range header {
		plain[i] = plainName(name)
	}
	known := map[int]bool{}
	for _, column := range names {
		for _, name := range column.names {
			i := slices.Index(plain, name)
			if i < 0 {
				continue
			}
			if known[i] = true; column.field == "" {
				p.id = i
			} else {
				p.fields[column.field] = i
			}
			break
		}
	}
	if _, named := p.fields[todo.FieldTitle]; !named {
		return nil, unreadable("The file is neither JSON nor a table of to-dos: no column is called %q in line %d.", "title", max(1, line)).
			WithRemedy("The first line names the columns, as in: id,title,description,completed,priority,tags,due.")
	}
	for i, name := range header {
		ours := slices.ContainsFunc(stamps, func(s stamp) bool { return s.column == plain[i] })
		if !known[i] && !ours && plain[i] != "" && len(p.ignored) < 20 {
			p.ignored = append(p.ignored, fault.Clean(name, 40))
		}
	}
	return p, nil
}

// plainName is a name in small letters, letters and digits alone.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// record takes one record of a table.
func (k *taker) record(p *plan, cells []string, line int) error {
	if surplus := cells[min(p.width, len(cells)):]; slices.ContainsFunc(surplus, func(s string) bool { return s != "" }) {
		return unreadable("Line %d has %d cells, and there are %d columns.", line, len(cells), p.width).
			WithRemedy("A text that holds the separator needs quotes around it.")
	}
	if !slices.ContainsFunc(cells, func(s string) bool { return s != "" }) {
		return nil // what spreadsheets leave below a table
	}
	var t todo.Todo
	var unclear []todo.Field
	cell := func(i int) string {
		if i < 0 || i >= len(cells) {
			return ""
		}
		return unguard(cells[i])
	}
	t.ID = cell(p.id)
	for _, field := range todo.PatchOf(t).Fields() {
		i, named := p.fields[field]
		if named && !setField(&t, field, cell(i), k.f.days) {
			unclear = append(unclear, field)
		}
	}
	if len(t.Tags) > todo.MaxTags {
		return unreadable("Line %d: a to-do has at most %d tags.", line, todo.MaxTags)
	}
	return k.add(t, line, unclear)
}

// setField sets a field to what a cell says, and reports whether that was
// understood.
func setField(t *todo.Todo, field todo.Field, cell string, days dayOrder) (ok bool) {
	ok = true
	switch field {
	case todo.FieldTitle:
		t.Title = cell
	case todo.FieldDescription:
		t.Description = cell
	case todo.FieldTags:
		t.Tags = splitTags(cell)
	case todo.FieldCompleted:
		t.Completed, ok = parseDone(cell)
	case todo.FieldPriority:
		t.Priority, ok = parsePriority(cell)
	case todo.FieldDue:
		t.Due, ok = parseDue(cell, days)
	}
	return ok
}

// Spreadsheets write true and false in the language of their user.
var (
	wordsDone = []string{"true", "yes", "y", "1", "x", "✓", "✔", "done", "completed", "complete", "checked", "closed", "finished",
		"wahr", "ja", "erledigt", "vrai", "oui", "verdadero", "verdadeiro", "vero", "waar", "prawda", "sant"}
	wordsOpen = []string{"", "false", "no", "n", "0", "open", "todo", "to do", "to-do", "pending", "incomplete", "not started", "in progress",
		"falsch", "nein", "offen", "faux", "non", "falso", "onwaar", "fałsz", "falskt"}
)

func parseDone(cell string) (done, ok bool) {
	word := strings.ToLower(strings.TrimSpace(cell))
	done = slices.Contains(wordsDone, word)
	return done, done || slices.Contains(wordsOpen, word)
}

func parsePriority(cell string) (todo.Priority, bool) {
	switch word := strings.ToLower(strings.TrimSpace(cell)); word {
	case "", string(todo.Low), string(todo.Medium), string(todo.High):
		return todo.Priority(word), true
	case "none":
		return todo.NoPriority, true
	case "normal":
		return todo.Medium, true
	}
	return todo.NoPriority, false
}

// table reads the records of RFC 4180, with these liberties: any of three
// separators, any line end, and quotes inside of a cell that does not begin
// with one stand for themselves. What is between quotes is kept to the byte.
type table struct {
	data      []byte
	at, line  int // of the next record; the line from 1
	separator byte
}

func newTable(data []byte) *table {
	t := &table{data: data, line: 1, separator: ','}
	// Excel's own way to name the separator.
	if first, _, _ := bytes.Cut(data, []byte{'\n'}); len(first) < 8 && bytes.HasPrefix(first, []byte("sep=")) {
		if first = bytes.TrimRight(first, "\r"); len(first) == 5 && bytes.IndexByte([]byte(",;\t"), first[4]) >= 0 {
			t.separator, t.at = first[4], len(first)
			return t
		}
	}
	// The separator is what the names of the columns have most of.
	counts, inQuotes := [256]int{}, false
	for _, b := range bytes.TrimLeft(data, "\r\n") {
		if b == '"' {
			inQuotes = !inQuotes
		}
		if !inQuotes && (b == '\n' || b == '\r') {
			break
		}
		if !inQuotes {
			counts[b]++
		}
	}
	for _, b := range []byte(";\t") {
		if counts[b] > counts[t.separator] {
			t.separator = b
		}
	}
	return t
}

// record reads the next record and says in which line it begins; nil at the end.
// Empty lines are none.
func (t *table) record() (cells []string, line int, err error) {
	for t.at < len(t.data) && (t.data[t.at] == '\n' || t.data[t.at] == '\r') {
		t.lineEnd()
	}
	line = t.line
	for began := t.at; t.at < len(t.data); {
		cell, err := t.cell()
		if err != nil {
			return nil, line, err
		}
		cells = append(cells, cell)
		switch {
		case t.at-began > todo.MaxItemBytes:
			return nil, line, unreadable("Line %d: the to-do is too large.", line)
		case len(cells) > maxColumns:
			return nil, line, unreadable("Line %d: a table has at most %d columns.", line, maxColumns)
		case t.at >= len(t.data):
			return cells, line, nil
		case t.data[t.at] != t.separator:
			t.lineEnd()
			return cells, line, nil
		}
		if t.at++; t.at == len(t.data) {
			return append(cells, ""), line, nil
		}
	}
	return nil, line, nil
}

// lineEnd goes over a line end, which is where t is.
func (t *table) lineEnd() {
	if bytes.HasPrefix(t.data[t.at:], []byte("\r\n")) {
		t.at++
	}
	t.at++
	t.line++
}

// cell reads one cell and stops at what follows it: a separator, a line end or
// the end.
func (t *table) cell() (string, error) {
	if t.data[t.at] == '"' {
		return t.quotedCell()
	}
	began := t.at
	for t.at < len(t.data) && t.data[t.at] != t.separator && t.data[t.at] != '\n' && t.data[t.at] != '\r' {
		t.at++
	}
	return string(t.data[began:t.at]), nil
}

func (t *table) quotedCell() (string, error) {
	began, doubled := t.at+1, false
	for i := began; ; i++ {
		n := bytes.IndexByte(t.data[i:], '"')
		if n < 0 {
			return "", unreadable("Line %d: a quote is opened there and never closed.", t.line)
		}
		if i += n; i+1 < len(t.data) && t.data[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		text := t.data[began:i]
		line := t.line
		t.line += lines(text)
		t.at = i + 1
		if t.at < len(t.data) && t.data[t.at] != t.separator && t.data[t.at] != '\n' && t.data[t.at] != '\r' {
			return "", unreadable("Line %d: after the quote that closes the cell begun in line %d comes more of it.", t.line, line).
				WithRemedy("A quote inside of a cell in quotes is written twice.")
		}
		if doubled {
			text = bytes.ReplaceAll(text, []byte(`""`), []byte{'"'})
		}
		return string(text), nil
	}
}

// lines counts line ends: CR, LF, or one after the other.
func lines(text []byte) int {
	return bytes.Count(text, []byte{'\n'}) + bytes.Count(text, []byte{'\r'}) - bytes.Count(text, []byte("\r\n"))
}
