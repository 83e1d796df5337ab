package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"waybill/secret"
)

type xmlHolder struct{ T secret.Text }

const canary = "canary-4f1c9a72e6"

// S92: no way of printing, logging or serialising a secret shows it, not even
// inside another type.
func TestS92_NoPrintShowsASecret(t *testing.T) {
	type token struct{ secret.Text }
	type holder struct {
		Name  string
		Token token
		Ptr   *secret.Text
		List  []secret.Text
		inner struct{ text secret.Text } // fmt cannot call methods in here
		Map   map[string]secret.Text
	}
	text := secret.New(canary)
	h := holder{"n", token{text}, &text, []secret.Text{text}, struct{ text secret.Text }{text}, map[string]secret.Text{"k": text}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
		fmt.Fprintf(&out, verb+"\n", text)
		fmt.Fprintf(&out, verb+"\n", token{text})
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "text", text, "token", token{text}, "holder", h, "ptr", &text)
	}
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	if err := xml.NewEncoder(&out).Encode(xmlHolder{text}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %v", text), text)
	hex := fmt.Sprintf("%x", canary)
	for _, bad := range []string{canary, hex, strings.ToUpper(hex)} {
		if strings.Contains(out.String(), bad) {
			t.Fatalf("a print shows the secret as %q", bad)
		}
	}
	if strings.Count(out.String(), secret.Redacted) < 20 {
		t.Fatalf("the prints hold fewer redactions than values; is the test printing anything?")
	}
}

func TestTextRevealsAndCompares(t *testing.T) {
	a, b := secret.New(canary), secret.New(canary+"x")
	if a.Reveal() != canary || a.Equal(b) || !a.Equal(secret.New(canary)) || a.Empty() || !secret.New("").Empty() {
		t.Fatal("Reveal, Equal or Empty is wrong")
	}
	if f := a.Fingerprint(); len(f) != 8 || f == b.Fingerprint() || secret.New("").Fingerprint() != "" {
		t.Fatalf("fingerprint %q", f)
	}
	if secret.New("").String() != "" {
		t.Fatal("the empty secret must print as nothing, so that a missing one is seen")
	}
}

func ExampleText() {
	token := secret.New("not for anyone's eyes")
	fmt.Println(token)
	// Output: [redacted]
}
