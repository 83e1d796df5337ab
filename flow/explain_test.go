package flow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/fault"
	"waybill/flow"
)

func raw(t interface{ Fatal(...any) }, v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryClaimIsExplained(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 4, 37, 0, time.UTC)
	token := &flow.Token{Kind: flow.KindIDJAG,
		Header: map[string]json.RawMessage{"alg": raw(t, "RS256"), "typ": raw(t, "oauth-id-jag+jwt"), "x-own": raw(t, true)},
		Claims: map[string]json.RawMessage{
			"exp": raw(t, now.Add(4*time.Minute+41*time.Second).Unix()), "iat": raw(t, now.Add(-2*time.Minute).Unix()), "auth_time": raw(t, now.Add(-26*time.Hour).Unix()),
			"nbf": raw(t, "soon"), "aud": raw(t, []string{"https://as.example"}), "sub": raw(t, "a\u202eb\nc"), "department": raw(t, map[string]any{"id": 7}), "tenant": raw(t, nil),
		}}
	var got []string
	for _, c := range flow.Explain(token, now) {
		got = append(got, fmt.Sprintf("%s|%v|%s|%v", c.Name, c.Header, c.Value, c.At.IsZero()))
		if c.Meaning == "" || (c.Section == "") != strings.Contains(c.Meaning, "issuer's own") {
			t.Errorf("%s: %q (%q)", c.Name, c.Meaning, c.Section)
		}
	}
	want := []string{
		"typ|true|oauth-id-jag+jwt|true", "alg|true|RS256|true", "x-own|true|true|true",
		"sub|false|a□b c|true", `aud|false|["https://as.example"]|true`, "iat|false|12:02:37 (2 min 0 s ago)|false", "nbf|false|soon|true",
		"exp|false|12:09:18 (in 4 min 41 s)|false", "auth_time|false|26 Nov 10:04:37 (26 h 0 min ago)|false", `department|false|{"id":7}|true`, "tenant|false|null|true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if all := flow.Explain(&flow.Token{Opaque: true}, now); len(all) != 0 {
		t.Errorf("an opaque token is explained: %+v", all)
	}
}

// Whatever an issuer writes, it is shown on one clean line of bounded length.
func TestAClaimIsOneCleanLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), raw(t, rapid.OneOf(rapid.String().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.SliceOf(rapid.String()).AsAny()).Draw(t, "value"))
		if rapid.Bool().Draw(t, "a time") {
			name = rapid.SampledFrom([]string{"exp", "iat", "nbf", "auth_time", "updated_at"}).Draw(t, "which")
		}
		token := &flow.Token{Kind: flow.KindAccessToken, Claims: map[string]json.RawMessage{name: value}}
		for _, c := range flow.Explain(token, time.Unix(1e9, 0)) {
			for _, text := range []string{c.Name, c.Value} {
				if fault.Clean(text, 1000) != text {
					t.Fatalf("%q", text)
				}
			}
		}
	})
}
