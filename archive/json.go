package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"waybill/todo"
)

// What a backup's first members say.
const (
	backupFormat  = "waybill-backup"
	backupVersion = 1
)

// preamble is what a backup has beside its lists, in this order.
type preamble struct {
	Format     string    `json:"format"`
	Version    int       `json:"version"`
	Made       time.Time `json:"made"`
	By         string    `json:"by,omitempty"`
	Connection string    `json:"connection"`
	Resource   string    `json:"resource"`
	Account    account   `json:"account"`
}

type account struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Email   string `json:"email,omitempty"`
}

// writeJSON writes one to-do a line, so that a line number says which.
func writeJSON(out *bytes.Buffer, todos []todo.Todo) error {
	fmt.Fprintf(out, "{\n  \"count\": %d,\n", len(todos))
	if err := writeTodos(out, todos); err != nil {
		return err
	}
	out.WriteString("\n}\n")
	return nil
}

func writeBackup(out *bytes.Buffer, c Contents) error {
	h := c.Header
	head := encoded(preamble{backupFormat, backupVersion, h.Made.UTC(), h.By, h.Connection, h.Resource, account{h.Issuer, h.Subject, h.Email}}, "  ")
	out.Write(bytes.TrimSuffix(head, []byte("\n}\n")))
	out.WriteString(",\n")
	if err := writeTodos(out, c.Todos); err != nil {
		return err
	}
	out.WriteString(",\n")
	writeArray(out, "unsent", len(c.Unsent), func(i int) []byte { return bytes.TrimSpace(encoded(c.Unsent[i], "")) })
	out.WriteString("\n}\n")
	return nil
}

func writeTodos(out *bytes.Buffer, todos []todo.Todo) (err error) {
	writeArray(out, "todos", len(todos), func(i int) []byte {
		line, broken := todoLine(todos[i])
		if broken != nil && err == nil {
			err = broken
		}
		return line
	})
	return err
}

// todoLine is a to-do on one line.
func todoLine(t todo.Todo) ([]byte, error) {
	raw, err := t.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	// What a server wrote into members that Waybill does not know is kept as it
	// came, with its line ends and whatever its bytes are.
	if err := json.Compact(&line, bytes.ToValidUTF8(raw, []byte("\ufffd"))); err != nil {
		return nil, err
	}
	if line.Len() > todo.MaxItemBytes {
		return nil, tooLarge(t)
	}
	return line.Bytes(), nil
}

// writeArray writes a member whose value is an array of n elements, each on a
// line of its own.
func writeArray(out *bytes.Buffer, name string, n int, element func(i int) []byte) {
	fmt.Fprintf(out, "  %q: [", name)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n    ")
		out.Write(element(i))
	}
	if n > 0 {
		out.WriteString("\n  ")
	}
	out.WriteByte(']')
}

// encoded is v as JSON, with < and > as they are.
func encoded(v any, indent string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	_ = enc.Encode(v) // what is given here always encodes
	return out.Bytes()
}
