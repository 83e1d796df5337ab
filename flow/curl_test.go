package flow_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

// shell runs a command by sh with its variables set, and returns what it prints.
func shell(t interface {
	Helper()
	Fatalf(string, ...any)
}, c flow.Command) string {
	t.Helper()
	run := exec.Command("sh", "-c", c.Text)
	run.Env = os.Environ()
	for _, v := range c.Variables {
		run.Env = append(run.Env, v.Name+"="+v.Value.Reveal())
	}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, c.Text)
	}
	return string(out)
}

// Issue 5, 2: the curl of each step gets the same answer.
func TestEachStepsCurlGetsTheSameAnswer(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	for _, method := range []connection.AuthMethod{connection.ClientSecretPost, connection.ClientSecretBasic} {
		t.Run(string(method), func(t *testing.T) {
			w := newWorld(t)
			odd := `p%ss+w:ö rd'"$(id)` + "`\\"
			w.idpSecret, w.plan.Credentials.IdP = odd, secret.New(odd)
			w.plan.Connection.IdP.AuthMethod, w.plan.Connection.Resource.AuthMethod = method, method
			r := w.run(false)
			for _, name := range []fault.Step{fault.StepExchange, fault.StepJWTBearer, fault.StepCall} {
				s := r.Step(name)
				if s.Fault != nil || len(s.Exchanges) == 0 {
					t.Fatalf("%s: %v", name, s.Fault)
				}
				w.forgetSeen() // the strict server takes an ID-JAG once
				x := s.Exchanges[len(s.Exchanges)-1]
				c := flow.Curl(x)
				for _, h := range x.Secrets {
					if strings.Contains(c.Text, h.Value.Reveal()) {
						t.Errorf("%s: the command holds the %s", name, h.Name)
					}
				}
				out := shell(t, c)
				status, _, _ := strings.Cut(out, "\r\n")
				_, body, _ := strings.Cut(out, "\r\n\r\n")
				if !strings.Contains(status, " 200") || shape(body) != shape(x.Response.Body) {
					t.Errorf("%s: %s\n%s\nand not\n%s\n%s", name, status, body, x.Response.Body, c.Text)
				}
			}
		})
	}
}

// shape is JSON without its strings.
func shape(body string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(body); i++ {
		if body[i] == '"' && (i == 0 || body[i-1] != '\\') {
			inside = !inside
		}
		if !inside && body[i] != ' ' && body[i] != '\n' {
			b.WriteByte(body[i])
		}
	}
	return b.String()
}

// Whatever stands in a request, the shell hands exactly that to curl.
func TestTheShellTakesEveryWordAsItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z'"$\x60\\! \n;&|<>(){}*?\[\]~#=%äöü«»-]{0,20}`)
		value := rapid.StringMatching(`[a-z'"$\x60\\! \n;&|<>(){}*?\[\]~#=%äöü-]{1,20}`).Draw(t, "secret")
		hidden := transport.Hidden{Name: "subject_token", Value: secret.New(value)}
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		x := transport.Recording{
			Method: http.MethodPost, URL: "http://127.0.0.1:1/", Secrets: []transport.Hidden{hidden},
			Request: transport.Message{Form: []transport.Field{{Name: "a", Value: before + hidden.Placeholder() + after}, {Name: "b", Value: before}}},
		}
		c := flow.Curl(x)
		c.Text = "curl() { for a in \"$@\"; do printf '%s\\0' \"$a\"; done; }\n" + c.Text
		words := strings.Split(strings.TrimSuffix(shell(t, c), "\x00"), "\x00")
		want := []string{"--silent", "--show-error", "--include", "http://127.0.0.1:1/", "--data-urlencode", "a=" + before + value + after, "--data-urlencode", "b=" + before}
		if strings.Join(words, "\x00") != strings.Join(want, "\x00") {
			t.Fatalf("%q and not %q", words, want)
		}
	})
}

func TestCurlOfRequestsWithoutAForm(t *testing.T) {
	x := transport.Recording{Method: http.MethodPatch, URL: "https://[::1]/a?x=1", Request: transport.Message{
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"waybill"}, "If-Match": {`"7"`}, "X-Empty": {""}},
		Body:   `{"title":"it's"}`, Cut: true,
	}}
	c := flow.Curl(x)
	want := `curl --silent --show-error --include --globoff --request PATCH \
  'https://[::1]/a?x=1' \
  --header 'Content-Type: application/json' \
  --header 'If-Match: "7"' \
  --header 'X-Empty;' \
  --data-raw '{"title":"it'\''s"}'
`
	if c.Text != want || !c.Cut || len(c.Variables) != 0 {
		t.Errorf("%+v\n%s", c, c.Text)
	}
}
