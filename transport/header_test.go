package transport_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/transport"
)

func header(fields ...string) http.Header { return http.Header{"Www-Authenticate": fields} }

func TestS77_ChallengesAreReadAsTheyStand(t *testing.T) {
	type params = map[string]string
	cases := []struct {
		field string
		want  []transport.Challenge
	}{
		{`Bearer`, []transport.Challenge{{Scheme: "bearer"}}},
		{`Bearer error="invalid_token"`, []transport.Challenge{{Scheme: "bearer", Params: params{"error": "invalid_token"}}}},
		{`bEARER REALM="a, b=\"c\"", Scope="todos.read mcp.access" , resource_metadata="https://mcp.example/.well-known/x"`,
			[]transport.Challenge{{Scheme: "bearer", Params: params{"realm": `a, b="c"`, "scope": "todos.read mcp.access", "resource_metadata": "https://mcp.example/.well-known/x"}}}},
		{`Basic realm="x", Bearer error=invalid_token, DPoP algs="ES256"`, []transport.Challenge{
			{Scheme: "basic", Params: params{"realm": "x"}}, {Scheme: "bearer", Params: params{"error": "invalid_token"}}, {Scheme: "dpop", Params: params{"algs": "ES256"}}}},
		{`Negotiate abc==, Bearer a = "b"`, []transport.Challenge{{Scheme: "negotiate", Token68: "abc=="}, {Scheme: "bearer", Params: params{"a": "b"}}}},
		{`, ,Bearer ,, error="x",`, []transport.Challenge{{Scheme: "bearer", Params: params{"error": "x"}}}},
		{`NTLM`, []transport.Challenge{{Scheme: "ntlm"}}},
		{``, nil},
		// Malformed: nothing of the field is used.
		{`Bearer error="unterminated`, nil},
		{`Bearer error="a", error="b"`, nil},
		{`Bearer error="a" error_description="b"`, nil},
		{`Bearer a=b c=d`, nil},
		{`="x"`, nil},
		{`Bearer resource_metadata=https://evil.example/`, nil},
		{"Bearer error=\"a\x00b\"", nil},
		{`Bearer abc== x=y`, nil},
		{`Bearer "error"`, nil},
		{`Negotiate abc, error="x"`, nil},
	}
	for _, c := range cases {
		if got := transport.ParseChallenges(header(c.field)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.field, got, c.want)
		}
	}
}

func TestS77_HugeChallengesAreIgnored(t *testing.T) {
	good := `Bearer error="invalid_token"`
	for name, fields := range map[string][]string{
		"1 MB":               {`Bearer error="` + strings.Repeat("x", 1<<20) + `"`},
		"1000 challenges":    {strings.Repeat("Basic, ", 1000)},
		"scope with 10 k":    {`Bearer scope="` + strings.Repeat("a ", 10_000) + `"`},
		"1000 parameters":    {"Bearer " + strings.Repeat(`a="b", `, 1000)},
		"an unclosed quote":  {`Bearer error="` + strings.Repeat(`\"`, 4000)},
		"good after too big": {`Bearer error="` + strings.Repeat("x", 9000) + `"`, good},
	} {
		start := time.Now()
		if got := transport.ParseChallenges(header(fields...)); len(got) != 0 {
			t.Errorf("%s: %d challenges", name, len(got))
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if got := transport.ParseChallenges(header(`Bearer error="`, good)); len(got) != 1 {
		t.Errorf("a malformed field hides a good one: %v", got)
	}
}

func TestS77_OnlyABearerChallengeCounts(t *testing.T) {
	if p, ok := transport.BearerChallenge(header(`Basic realm="x"`)); ok {
		t.Errorf("Basic counts as Bearer: %v", p)
	}
	if p, ok := transport.BearerChallenge(header(`Basic realm="x"`, `Bearer scope="a"`)); !ok || p["scope"] != "a" {
		t.Errorf("got %v, %v", p, ok)
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, s := range []string{`Bearer error="a", scope="b c"`, `Basic realm=x, Bearer`, `Negotiate abc==`, `Bearer a="\""`, ``, `,`, `a b=c, d e=f`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for _, c := range transport.ParseChallenges(header(field)) {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) || c.Token68 != "" && c.Params != nil {
				t.Fatalf("%q gives %+v", field, c)
			}
			for name, value := range c.Params {
				if name == "" || name != strings.ToLower(name) || len(value) > len(field) || strings.ContainsAny(value, "\x00\r\n") {
					t.Fatalf("%q gives %q=%q", field, name, value)
				}
			}
		}
	})
}

func TestR7_RetryAfterIsReadAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		date := func(d time.Duration) string { return now.Add(d).UTC().Format(http.TimeFormat) }
		cases := []struct {
			field, date string
			want        int
		}{
			{"", "", -1}, {"0", "", 0}, {"120", "", 120}, {"31536000", "", 3600}, {"99999999999999999999999", "", 3600},
			{"-5", "", -1}, {"soon", "", -1}, {"1.5", "", -1},
			{date(90 * time.Second), "", 90}, {date(-time.Hour), "", 0}, {date(365 * 24 * time.Hour), "", 3600},
			{date(time.Hour + 30*time.Second), date(time.Hour), 30},
		}
		for _, c := range cases {
			h := http.Header{}
			h.Set("Retry-After", c.field)
			if c.date != "" {
				h.Set("Date", c.date)
			}
			if got := transport.RetryAfter(h); got != c.want {
				t.Errorf("%q with date %q: %d, want %d", c.field, c.date, got, c.want)
			}
		}
	})
}
