// Package archive writes to-dos to files that people keep, open in other
// programs and read back: JSON, CSV, and a plain backup.
//
// Invariant: what Encode writes Read reads, and gives the same to-dos again,
// whatever is in their texts; no cell of a CSV file is a formula to a program
// that opens it, whichever separator that looks for; and no file holds a secret,
// since none comes in. Read takes a file from anywhere: it is bounded, names the
// line of what it cannot understand, and says what it left out.
//
// JSON and the backup hold each to-do whole: what is not named is empty. CSV
// holds what its columns name. A CSV file loses the members that Waybill does
// not know (but for when a to-do was created and updated, which are written and
// not read back), the version of the to-do at its server, a priority other
// than high, medium and low, and which to-dos were not sent yet. No format keeps
// bytes that are no UTF-8, and none is read with a to-do that has no title.
package archive

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// Format is a kind of file.
type Format string

// The formats.
const (
	JSON   Format = "json"   // the to-dos in the shape of Todo0's API
	CSV    Format = "csv"    // a table for spreadsheets (RFC 4180)
	Backup Format = "backup" // JSON with a header and the changes that were not sent
)

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, bool) {
	switch f := Format(strings.ToLower(name)); f {
	case JSON, CSV, Backup:
		return f, true
	}
	return "", false
}

// FormatOf is the format that the name of a file asks for: CSV for .csv, Backup
// for .backup, JSON for everything else.
func FormatOf(path string) Format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return CSV
	case ".backup":
		return Backup
	}
	return JSON
}

// MaxBytes bounds the files that are written and read, in bytes.
const MaxBytes = 256 << 20

// maxExtra bounds the members of all to-dos of a file that Waybill does not
// know: each takes many times its own room in memory.
const maxExtra = 16 * todo.MaxList

// Header says what a backup is of. It holds nothing secret.
type Header struct {
	Made       time.Time
	By         string // the program that made it, with its version
	Connection string // its name
	Resource   string // the address of the to-dos
	Issuer     string // the account: the identity provider, and there
	Subject    string
	Email      string // "" if it is not known
}

// Who names the account for a reader: the e-mail address, else the subject.
func (h Header) Who() string {
	if h.Email != "" {
		return h.Email
	}
	return h.Subject
}

// Unsent is a change that the server did not have when a backup was made, for
// people to read. The to-dos of the backup are as they are after it.
type Unsent struct {
	Number uint64      `json:"number"`
	What   string      `json:"what"` // "Complete", "Rename" …
	ID     string      `json:"id"`   // of the to-do
	Title  string      `json:"title"`
	At     time.Time   `json:"at"`
	State  string      `json:"state"`            // "waiting", "conflict" …
	Why    string      `json:"why,omitempty"`    // one sentence
	Change *todo.Patch `json:"change,omitempty"` // what it sets; nil for a deletion
	Was    *todo.Patch `json:"was,omitempty"`    // the same fields before; nil for a new to-do
}

// NewUnsent describes an edit; the caller adds the number and the words.
func NewUnsent(e todo.Edit) Unsent {
	u := Unsent{ID: e.ID, At: e.At.UTC()}
	if e.Op != todo.Delete {
		u.Change = &e.Patch
	}
	if e.Op == todo.Update {
		was := e.Patch.Restrict(e.Base)
		u.Was = &was
	}
	return u
}

// Contents is what goes into a file: each id stands for one to-do. Header and
// Unsent go into a backup only.
type Contents struct {
	Header Header
	Todos  []todo.Todo
	Unsent []Unsent
}

// Options say how a file is written.
type Options struct {
	// ForSpreadsheets begins a CSV file with a byte order mark: without it
	// Excel takes every letter beyond ASCII for another one. Programs that read
	// CSV themselves are better off without.
	ForSpreadsheets bool
}

// Encode returns the file of the contents. It fails only if that would be too
// large to be read back.
func Encode(f Format, c Contents, o Options) ([]byte, error) {
	extra := 0
	for _, t := range c.Todos {
		extra += len(t.Extra)
	}
	if len(c.Todos) > todo.MaxList || len(c.Unsent) > todo.MaxList {
		return nil, problem("too_many", fmt.Sprintf("A file holds at most %d to-dos.", todo.MaxList))
	}
	if extra > maxExtra && f != CSV {
		return nil, problem("too_large", "The server keeps too much beside the to-dos for a file.")
	}
	var out bytes.Buffer
	var err error
	switch f {
	case CSV:
		err = writeCSV(&out, c.Todos, o)
	case Backup:
		err = writeBackup(&out, c)
	default:
		err = writeJSON(&out, c.Todos)
	}
	if err == nil && out.Len() > MaxBytes {
		err = problem("too_large", fmt.Sprintf("The file would be larger than %d MiB.", MaxBytes>>20))
	}
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func problem(code, sentence string) *fault.Fault {
	return fault.New(fault.StepSetup, fault.Failed, code, sentence)
}
