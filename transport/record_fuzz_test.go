package transport

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whatever a server answers, what it was sent in confidence is not left in the
// text, and JSON stays JSON.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","error_description":"you sent %"}`, `{"a":"%`, `["%",{"b":{"%":["%"]}}]`, "token=%&x=y", "data: {\"a\":\"%\"}\n\ndata: %",
		`{"t":"{\"a\":\"{\\\"b\\\":\\\"%\\\"}\"}"}`, "%", `"\\%"`, `{"password":1,"x":%}`, "Bearer %", "eyJ.%", `{"id":"%","access_token":"%%"}`, "%2f%", "\\u0025%",
	} {
		f.Add(seed, "text/event-stream", false)
		f.Add(seed, "application/json", true)
	}
	const secret = "Canary/7+short"
	f.Fuzz(func(t *testing.T, body, contentType string, cut bool) {
		body = strings.ReplaceAll(body, "%", secret)
		var r redactor
		placeholder := r.hide("refresh_token", secret)
		var m Message
		r.message(&m, contentType, body, cut)
		got := m.Body
		for _, field := range m.Form {
			got += field.Name + "=" + field.Value + "\n"
		}
		if strings.Contains(got, secret) {
			t.Errorf("%q became %q", body, got)
		}
		if m.Body != "" && !cut && contentType == "application/json" && json.Valid([]byte(body)) && !json.Valid([]byte(m.Body)) {
			t.Errorf("%q is no JSON any more: %q", body, m.Body)
		}
		if placeholder != "«refresh_token»" || strings.Contains(unescaped(unescaped(got)), secret) && !strings.Contains(body, `\`) {
			t.Errorf("%q", got)
		}
	})
}

func TestEscapesAreReadAndWrittenAsJSONDoes(t *testing.T) {
	for _, text := range []string{"", "plain", "q\"uo\\te", "tab\tline\nend", "«ü» 😀", "\x00\x1f"} {
		quoted, _ := json.Marshal(text)
		if got := unescaped(string(quoted[1 : len(quoted)-1])); got != text {
			t.Errorf("%s is read as %q", quoted, got)
		}
		var back string
		if err := json.Unmarshal([]byte(`"`+escaped(text)+`"`), &back); err != nil || back != text {
			t.Errorf("%q is written as %q", text, escaped(text))
		}
	}
	if got := unescaped(`\ud83d\ude00\/\ud83d\u0041\q\u00zz`); got != "😀/\ufffdAqu00zz" {
		t.Error(got)
	}
}

// A server cannot make recording dear.
func TestAnAnswerFullOfSecretsIsRecordedInNoTime(t *testing.T) {
	for _, part := range []string{`"token":"%",`, `{"token":[`, `{"a":"\"token\":\"%`, "token=%&", "Bearer %0123456789abcdef ", `\`, `""`, "eyJ.", "="} {
		var b strings.Builder
		for i := 0; b.Len() < keptSmall; i++ {
			b.WriteString(strings.ReplaceAll(part, "%", strconv.Itoa(1e6+i)))
		}
		for _, contentType := range []string{"application/json", "text/event-stream", "text/plain", "application/x-www-form-urlencoded"} {
			for _, before := range []string{"", "{"} {
				var r redactor
				var m Message
				start := time.Now()
				r.message(&m, contentType, before+b.String(), true)
				if took := time.Since(start); took > time.Second {
					t.Errorf("%s of %q took %v", contentType, before+part, took)
				}
				if len(r.hidden) > maxKept {
					t.Errorf("%d secrets are kept", len(r.hidden))
				}
			}
		}
	}
}

// Without a Recorder recording costs no memory at all.
func TestWithoutARecorderNothingIsCopied(t *testing.T) {
	c := New(Options{})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://as.example/token", strings.NewReader("client_secret=x"))
	if err != nil {
		t.Fatal(err)
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}}
	var body io.ReadCloser = http.NoBody
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() {
		tape := c.newTape(req, Token, req.GetBody, now)
		tape.headers(resp)
		if tape.reading(body) != body {
			t.Error("the body is wrapped")
		}
		tape.end(nil)
		tape.refuse(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
