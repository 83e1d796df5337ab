package cli

import (
	"bytes"
	"encoding/json"
	"testing"
)

// S84: JSON for a terminal holds nothing that the terminal would obey, and
// still means the same.
func TestS84_JSONHidesNothingFromATerminal(t *testing.T) {
	in := map[string]string{"title": "a\u202eb\u009b31mc\u2028d\U000e0041e\x7ff", "plain": "Ménage <b> 日本語 👩\u200d💻"}
	var out bytes.Buffer
	c := &call{env: Env{Stdout: &out}}
	if err := c.printJSON(in); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r == '\u202e' || r == '\u009b' || r == '\u2028' || r == '\U000e0041' || r == '\x7f' {
			t.Errorf("%U is written as it is", r)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["title"] != in["title"] || back["plain"] != in["plain"] {
		t.Errorf("read back as %q, %v", back, err)
	}
}
