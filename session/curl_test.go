package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/playground/playgroundtest"
	"waybill/transport"
)

// hand is somebody who repeats a run by hand: each step's command, run by a
// shell, with what the step before has brought where a thing serves once only.
type hand struct {
	t   *testing.T
	has map[string]string // shell variables beyond those that the run holds
}

// repeat runs the commands of a step's exchanges and returns the last body. The
// stream that an MCP server may keep open is left out: it has no end.
func (h hand) repeat(r *flow.Run, step fault.Step) (body string) {
	h.t.Helper()
	sent := 0
	for _, x := range r.Step(step).Exchanges {
		if x.Role != transport.Stream || x.Method != http.MethodGet {
			sent++
			body = h.send(step, x)
		}
	}
	if sent == 0 {
		h.t.Fatalf("%s: nothing was sent", step)
	}
	return body
}

func (h hand) send(step fault.Step, x transport.Recording) (body string) {
	h.t.Helper()
	command := flow.Curl(x)
	shell := exec.CommandContext(h.t.Context(), "sh", "-c", command.Text)
	shell.Env = append(os.Environ(), "no_proxy=*")
	for _, v := range command.Variables {
		value, other := h.has[v.Name]
		if !other {
			value = v.Value.Reveal()
		}
		if v.Meaning == "" || value == "" {
			h.t.Errorf("%s: the variable %s: %q", step, v.Name, v.Meaning)
		}
		if strings.Contains(command.Text, v.Value.Reveal()) {
			h.t.Errorf("%s: the command holds the value of %s", step, v.Name)
		}
		shell.Env = append(shell.Env, v.Name+"="+value)
	}
	out, err := shell.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s\n%s", step, err, command.Text, out)
	}
	head, body, _ := strings.Cut(string(out), "\r\n\r\n")
	status, _, _ := strings.Cut(head, "\r\n")
	if want, got := shapeOf(h.t, x.Response.Body), shapeOf(h.t, body); !strings.Contains(status, fmt.Sprint(" ", x.Status)) || !reflect.DeepEqual(want, got) {
		h.t.Errorf("%s:\n%s\n%s\n%s\nand not %d\n%s", step, command.Text, status, body, x.Status, x.Response.Body)
	}
	return body
}

// shapeOf is JSON, bare or in an event stream, without what its texts and numbers
// say.
func shapeOf(t *testing.T, body string) any {
	t.Helper()
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data:"); ok {
			body = data
		}
	}
	if body == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return bare(v)
}

func bare(v any) any {
	switch v := v.(type) {
	case string:
		return ""
	case float64:
		return 0.0
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = bare(v[name])
		}
	}
	return v
}

// member is a text member of a JSON object.
func member(t *testing.T, body, name string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	text, _ := v[name].(string)
	return text
}

// Issue 5, 2: the curl of each step, the sign-in included, gets the same answer
// from the playground. What serves once only is taken anew: the code from the
// browser, the ID-JAG from the command of the step before.
func TestTheWholeFlowCanBeRepeatedWithTheCommandsOfItsSteps(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	for _, name := range []string{connection.PlaygroundName, connection.PlaygroundMCPName} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := w.open()
			w.signIn(m, name)
			r := settled(t, m, called)
			back, err := playgroundtest.NewBrowser(nil, "alice@example.com").SignIn(context.Background(), w.opened[0])
			if err != nil {
				t.Fatal(err)
			}
			h := hand{t, map[string]string{"CODE": back.Query().Get("code")}}
			answer := h.repeat(r, fault.StepSignIn)
			h.has["SUBJECT_TOKEN"] = member(t, answer, "refresh_token")
			answer = h.repeat(r, fault.StepExchange)
			h.has["ASSERTION"] = member(t, answer, "access_token")
			answer = h.repeat(r, fault.StepJWTBearer)
			h.has["ACCESS_TOKEN"] = member(t, answer, "access_token")
			h.repeat(r, fault.StepCall)
		})
	}
}
