package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
)

// printJSON writes v to standard output, indented.
func (c *call) printJSON(v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err == nil {
		_, err = c.env.Stdout.Write(escapeHidden(out.Bytes()))
	}
	if err != nil {
		return unwritten("The result could not be written.", err)
	}
	return nil
}

// escapeHidden writes the characters that a terminal would obey rather than
// show as \uXXXX (CWE-150). In JSON they stand in strings only, so a program
// that reads the result sees no difference.
func escapeHidden(data []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(data) {
		if r < 0x80 && r != 0x7f || !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			out.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.Bytes()
}
