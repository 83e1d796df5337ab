package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"waybill/fault"
	"waybill/todo"
)

// The columns that are always written. Two more follow where a to-do has them.
var columns = []string{"id", "title", "description", "completed", "priority", "tags", "due"}

// stamp is a column for when something happened to a to-do, with the members
// that APIs keep that in.
type stamp struct {
	column  string
	members []string
}

var stamps = []stamp{
	{"created", []string{"createdAt", "created_at", "created"}},
	{"updated", []string{"updatedAt", "updated_at", "updated"}},
}

// writeCSV writes a table with the line ends of RFC 4180.
func writeCSV(out *bytes.Buffer, todos []todo.Todo, o Options) error {
	if o.ForSpreadsheets {
		out.Write(bom)
	}
	stamped := slices.ContainsFunc(todos, func(t todo.Todo) bool { return stamps[0].of(t) != "" || stamps[1].of(t) != "" })
	header := slices.Clone(columns)
	if stamped {
		header = append(header, stamps[0].column, stamps[1].column)
	}
	writeRecord(out, header)
	for _, t := range todos {
		began := out.Len()
		cells := []string{t.ID, t.Title, t.Description, strconv.FormatBool(t.Completed), string(t.Priority), joinTags(t.Tags), dueCell(t.Due)}
		if stamped {
			cells = append(cells, stamps[0].of(t), stamps[1].of(t))
		}
		if writeRecord(out, cells); out.Len()-began > todo.MaxItemBytes {
			return tooLarge(t)
		}
	}
	return nil
}

func tooLarge(t todo.Todo) error {
	return problem("too_large", fmt.Sprintf("The to-do %q is too large for a file.", fault.Clean(t.Title, 80)))
}

func writeRecord(out *bytes.Buffer, cells []string) {
	for i, cell := range cells {
		if i > 0 {
			out.WriteByte(',')
		}
		cell = guard(strings.ToValidUTF8(cell, "\ufffd"))
		if strings.ContainsAny(cell, ",;\"\t\r\n") || strings.TrimSpace(cell) != cell {
			cell = quoted(cell)
		}
		out.WriteString(cell)
	}
	out.WriteString("\r\n")
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func (s stamp) of(t todo.Todo) string {
	for _, name := range s.members {
		var at string
		if json.Unmarshal(t.Extra[name], &at) == nil && at != "" {
			return at
		}
	}
	return ""
}

// dueCell is a date alone where a whole day is meant.
func dueCell(due time.Time) string {
	u := due.UTC()
	switch {
	case due.IsZero():
		return ""
	case u.Equal(u.Truncate(24 * time.Hour)):
		return u.Format(time.DateOnly)
	default:
		return u.Format(time.RFC3339Nano)
	}
}

// joinTags writes tags into one cell: commas between them, quotes around a tag
// that would be read otherwise.
func joinTags(tags []string) string {
	cells := make([]string, len(tags))
	for i, tag := range tags {
		if tag == "" || strings.ContainsAny(tag, ",;\"") || strings.TrimSpace(tag) != tag {
			tag = quoted(tag)
		}
		cells[i] = tag
	}
	return strings.Join(cells, ", ")
}

// splitTags reads what joinTags writes, and what people write: commas or
// semicolons between tags, blanks around them.
func splitTags(cell string) (tags []string) {
	for rest := strings.TrimSpace(cell); rest != ""; {
		tag, after, closed := cutQuoted(rest)
		if !closed {
			end := strings.IndexAny(rest, ",;")
			if end < 0 {
				end = len(rest)
			}
			tag, after = strings.TrimSpace(rest[:end]), rest[end:]
		}
		if closed || tag != "" {
			tags = append(tags, tag)
		}
		rest = strings.TrimSpace(strings.TrimLeft(after, ",;"))
	}
	return tags
}

// cutQuoted takes a text in quotes off the beginning of s, if one is there and a
// separator or the end follows it.
func cutQuoted(s string) (text, after string, ok bool) {
	if s[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
		case strings.HasPrefix(s[i+1:], `"`):
			i++
		default:
			after = strings.TrimLeftFunc(s[i+1:], unicode.IsSpace)
			ok = after == "" || after[0] == ',' || after[0] == ';'
			return strings.ReplaceAll(s[1:i], `""`, `"`), after, ok
		}
	}
	return "", "", false
}

// guard keeps a spreadsheet from taking a cell for a formula: it puts an
// apostrophe before what begins one, which unguard takes away. A program that
// splits the file at semicolons or tabs, as Excel does in half of Europe, sees
// cells begin inside of texts and at the beginning of their lines; there it is
// put too.
func guard(s string) string {
	return atFormulas(s, func(out *strings.Builder, apostrophes int) {
		out.WriteString(strings.Repeat("'", apostrophes+1))
	})
}

// unguard takes away what guard put there.
func unguard(s string) string {
	return atFormulas(s, func(out *strings.Builder, apostrophes int) {
		out.WriteString(strings.Repeat("'", max(0, apostrophes-1)))
	})
}

// atFormulas copies s, and has write write the apostrophes that stand before
// each character that would begin a formula.
func atFormulas(s string, write func(out *strings.Builder, apostrophes int)) string {
	if !strings.ContainsAny(s, "=+-@＝＋－＠\t\r\n") {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 8)
	begins := true // a cell begins here, for some program
	for i := 0; i < len(s); {
		run := 0
		for begins && i+run < len(s) && s[i+run] == '\'' {
			run++
		}
		i += run
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case begins && i < len(s) && (strings.ContainsRune("=+-@＝＋－＠", r) || i == run && strings.ContainsRune("\t\r\n", r)):
			write(&out, run)
		default:
			out.WriteString(s[i-run : i])
		}
		out.WriteString(s[i : i+size])
		i += size
		begins = strings.ContainsRune(";\t\n\v\f\r\u0085\u2028\u2029", r) ||
			begins && run == 0 && (r == '"' || unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf))
	}
	return out.String()
}
