package flow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

// traceSchema is the documented format.
func traceSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	data, err := os.ReadFile("../docs/trace.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func written(t interface {
	Helper()
	Fatal(...any)
}, write func(w *bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func traceOf(t interface {
	Helper()
	Fatal(...any)
}, o flow.Export, runs ...*flow.Run) string {
	t.Helper()
	return written(t, func(b *bytes.Buffer) error { return flow.WriteJSON(b, runs, o) })
}

func harOf(t interface {
	Helper()
	Fatal(...any)
}, o flow.Export, runs ...*flow.Run) string {
	t.Helper()
	return written(t, func(b *bytes.Buffer) error { return flow.WriteHAR(b, runs, o) })
}

func TestATraceFileIsAsItsSchemaSays(t *testing.T) {
	schema := traceSchema(t)
	good, bad, none := newWorld(t), newWorld(t), newWorld(t)
	bad.jag = map[string]any{"aud": "https://other.example"}
	none.as.Close()
	for name, r := range map[string]*flow.Run{"success": good.run(false), "failure": bad.run(false), "no answer": none.run(false), "nothing": flow.NewRun(3, "x", flow.ReasonSignIn, time.Now())} {
		var v any
		text := traceOf(t, flow.Export{By: "Waybill 0"}, flow.Examine(r, nil))
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if err := schema.Validate(map[string]any{"format": "waybill-trace"}); err == nil {
		t.Error("the schema takes anything")
	}
}

// secretsOf are all secret values of a world's run.
func secretsOf(r *flow.Run) (out []string) {
	for i := range r.Steps {
		for _, x := range r.Steps[i].Exchanges {
			for _, h := range x.Secrets {
				out = append(out, h.Value.Reveal())
			}
		}
		if t := r.Steps[i].Token; t != nil {
			out = append(out, t.Value.Reveal())
		}
	}
	return out
}

func TestS91_NoSecretGoesIntoAFileUnlessAskedForTwice(t *testing.T) {
	w := newWorld(t)
	r := flow.Examine(w.run(false), nil)
	secrets := secretsOf(r)
	if len(secrets) < 5 {
		t.Fatalf("only %d secrets", len(secrets))
	}
	for _, text := range []string{traceOf(t, flow.Export{}, r), harOf(t, flow.Export{}, r), traceOf(t, flow.Export{Todos: true}, r), fmt.Sprintf("%v %+v %#v", r, r, r)} {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Error("a secret is in the file")
			}
		}
	}
	for _, o := range []flow.Export{{Reveal: true}, {RevealAgain: true}} {
		var b bytes.Buffer
		if err := flow.WriteJSON(&b, []*flow.Run{r}, o); !fault.Is(err, fault.Config) || b.Len() != 0 {
			t.Errorf("JSON, asked for once: %v, %d bytes", err, b.Len())
		}
		if err := flow.WriteHAR(&b, []*flow.Run{r}, o); !fault.Is(err, fault.Config) || b.Len() != 0 {
			t.Errorf("HAR, asked for once: %v, %d bytes", err, b.Len())
		}
	}
	twice := traceOf(t, flow.Export{Reveal: true, RevealAgain: true}, r)
	if !strings.Contains(twice, secrets[0]) || !strings.Contains(twice, `"redacted": false`) {
		t.Error("asked for twice it is there, and said so")
	}
}

func TestOnlyTheShapeOfTheToDosGoesIntoAFile(t *testing.T) {
	w := newWorld(t)
	r := w.run(false)
	for _, text := range []string{traceOf(t, flow.Export{}, r), harOf(t, flow.Export{}, r)} {
		if strings.Contains(text, "Water the plants") || !strings.Contains(text, "(16 characters)") {
			t.Errorf("what the to-do says is in the file:\n%s", text)
		}
	}
	if !strings.Contains(traceOf(t, flow.Export{Todos: true}, r), "Water the plants") {
		t.Error("asked for, it is not there")
	}
	r.Step(fault.StepCall).Exchanges[0].Response.Cut = true
	if strings.Contains(traceOf(t, flow.Export{}, r), "Water the plants") {
		t.Error("a body that was cut is there")
	}
}

// Whatever is secret in a Recording, it is in no export, no command and no
// cause.
func TestS91_NoPlacedSecretComesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := "canary-" + rapid.StringMatching(`[A-Za-z0-9_-]{20,60}`).Draw(t, "value")
		name := rapid.SampledFrom([]string{"client_secret", "subject_token", "access_token", "code_2", "odd name", "9"}).Draw(t, "name")
		h := transport.Hidden{Name: name, Value: secret.New(value), Token: true}
		x := transport.Recording{
			Step: fault.StepJWTBearer, Role: rapid.SampledFrom([]transport.Role{transport.Token, transport.Resource}).Draw(t, "role"),
			Method: http.MethodPost, URL: "https://as.example/token?x=" + h.Placeholder(), Status: 400, Start: time.Now(), Secrets: []transport.Hidden{h},
			Request:  transport.Message{Header: http.Header{"Authorization": {"Bearer " + h.Placeholder()}}, Form: []transport.Field{{Name: name, Value: h.Placeholder()}}},
			Response: transport.Message{Body: `{"error":"invalid_grant","x":"` + h.Placeholder() + `"}`},
		}
		r := flow.NewRun(1, "c", flow.ReasonMint, time.Now())
		s := r.Step(fault.StepJWTBearer)
		s.Exchanges, s.State = []transport.Recording{x}, flow.Failed
		s.Fault = fault.New(fault.StepJWTBearer, fault.Config, "invalid_grant", "Refused.")
		s.Token = &flow.Token{Kind: flow.KindAccessToken, Opaque: true, Value: secret.New(value)}
		r.Plan = &auth.Plan{Provider: &auth.Provider{}, Server: &auth.Server{}}
		r = flow.Examine(r, nil)
		all := traceOf(t, flow.Export{}, r) + harOf(t, flow.Export{}, r) + flow.Curl(x).Text + fmt.Sprintf("%v%+v%#v", r, s, flow.Curl(x))
		if strings.Contains(all, value) {
			t.Fatalf("it is in\n%s", all)
		}
	})
}

func TestAHARHoldsEveryExchangeInTheOrderOfTime(t *testing.T) {
	w := newWorld(t)
	r := w.run(false)
	var file struct {
		Log struct {
			Version string
			Pages   []struct{ ID string }
			Entries []struct {
				Pageref, Comment string
				Request          struct{ Method, URL string }
				Response         struct{ Status int }
				Time             float64
				Timings          struct{ DNS, Connect, Send, Wait, Receive float64 }
			}
		}
	}
	if err := json.Unmarshal([]byte(harOf(t, flow.Export{By: "0"}, r)), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Log.Entries) != 3 || len(file.Log.Pages) != 1 || file.Log.Version != "1.2" {
		t.Fatalf("%+v", file)
	}
	for i, want := range []string{"token exchange", "JWT bearer grant", "call to the resource"} {
		e := file.Log.Entries[i]
		if e.Comment != want || e.Pageref != file.Log.Pages[0].ID || e.Response.Status != 200 {
			t.Errorf("entry %d: %+v", i, e)
		}
		sum := max(0, e.Timings.DNS) + max(0, e.Timings.Connect) + e.Timings.Send + e.Timings.Wait + e.Timings.Receive
		if sum > e.Time+0.01 || sum < e.Time-0.01 {
			t.Errorf("entry %d: the parts are %f ms of %f", i, sum, e.Time)
		}
	}
}
