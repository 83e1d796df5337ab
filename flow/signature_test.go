package flow_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
)

// publish has the identity provider publish keys, the authorization server check
// signatures by them, and the app know them.
func (w *world) publish(keys ...jose.JSONWebKey) {
	w.t.Helper()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		w.t.Fatal(err)
	}
	idp, as := w.idp.Config.Handler, w.as.Config.Handler
	w.idp.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks" {
			idp.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(set)
	})
	w.as.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if !anyVerifies(keys, r.PostForm.Get("assertion")) {
			r.PostForm.Set("assertion", "what it cannot verify")
		}
		as.ServeHTTP(rw, r)
	})
	w.plan.Provider.JWKSURI = w.idp.URL + "/jwks"
}

func anyVerifies(keys []jose.JSONWebKey, token string) bool {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	return err == nil && slices.ContainsFunc(keys, func(key jose.JSONWebKey) bool {
		_, err := signed.Verify(key)
		return err == nil
	})
}

func publicKey(key *ecdsa.PrivateKey, id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig", Algorithm: "ES256"}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// The signature is checked with the keys that the identity provider publishes,
// as advice: a key that is in no key set is no failure.
func TestTheSignatureIsCheckedWithThePublishedKeys(t *testing.T) {
	for name, c := range map[string]struct {
		publish func(*world)
		fetch   bool
		verdict auth.Tri
		says    string
		cause   string // of the refusal by a server that checks it; "": it takes it
	}{
		"it verifies":          {func(w *world) { w.publish(publicKey(w.key, "one")) }, true, auth.Yes, "", ""},
		"another key":          {func(w *world) { w.publish(publicKey(newKey(w.t), "one")) }, true, auth.No, "did not make this signature", "signature"},
		"the key is not there": {func(w *world) { w.publish(publicKey(newKey(w.t), "two")) }, true, auth.Unknown, "not among those", "key_not_published"},
		"no keys":              {func(w *world) { w.publish() }, true, auth.Unknown, "not among those", "key_not_published"},
		"not fetched":          {func(w *world) { w.publish(publicKey(w.key, "one")) }, false, auth.Unknown, "were not fetched", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.publish(w)
			r := w.run(false)
			jag := auth.IDJAG{Text: r.Step(fault.StepExchange).Token.Value}
			if err := w.plan.Provider.FetchKeys(t.Context(), w.client, jag); c.fetch && err != nil {
				t.Fatal(err)
			}
			if !c.fetch {
				w.plan.Provider = &auth.Provider{Issuer: w.plan.Provider.Issuer, TokenEndpoint: w.plan.Provider.TokenEndpoint, JWKSURI: w.plan.Provider.JWKSURI}
			}
			checked := flow.Examine(r, nil)
			s := checked.Step(fault.StepExchange)
			found := signatureOf(t, s)
			if found.Verdict != c.verdict || !strings.Contains(found.Says, c.says) || !found.Advice || s.Token.Signature != c.verdict {
				t.Errorf("%+v, and the token says %v", found, s.Token.Signature)
			}
			if s.Fault != nil || c.cause == "" && checked.Step(fault.StepJWTBearer).Fault != nil {
				t.Errorf("it was not sent on: %v", s.Fault)
			}
			if c.cause != "" {
				if got := first(t, r, fault.StepJWTBearer); got.Code != c.cause {
					t.Errorf("first comes %+v", got)
				}
			}
		})
	}
}

func signatureOf(t *testing.T, s *flow.Step) flow.Check {
	t.Helper()
	for _, c := range s.Checks {
		if strings.HasPrefix(c.Name, "signature") {
			return c
		}
	}
	t.Fatalf("the signature was not looked at: %+v", s.Checks)
	return flow.Check{}
}

// What a sign-in has fetched is used, so that looking at a run asks nobody.
func TestTheKeysOfTheSignInCheckTheSignature(t *testing.T) {
	w := newWorld(t)
	w.publish(publicKey(w.key, "one"))
	r := w.run(false)
	fetched := &auth.Provider{Issuer: w.idp.URL, TokenEndpoint: w.idp.URL + "/token", JWKSURI: w.idp.URL + "/jwks"}
	w.recordMetadata(fetched)
	before := flow.NewRun(1, "test", flow.ReasonSignIn, r.Began)
	before.Discovery = w.of(fault.StepDiscovery)
	if len(before.Discovery) != 1 {
		t.Fatalf("%d exchanges", len(before.Discovery))
	}
	if got := signatureOf(t, flow.Examine(r, []*flow.Run{before}).Step(fault.StepExchange)); got.Verdict != auth.Yes {
		t.Errorf("%+v", got)
	}
	before.Connection = "another"
	if got := signatureOf(t, flow.Examine(r, []*flow.Run{before}).Step(fault.StepExchange)); got.Verdict != auth.Unknown {
		t.Errorf("another connection's keys were used: %+v", got)
	}
	r.Step(fault.StepExchange).Token.Value = secret.Text{}
	if got := signatureOf(t, flow.Examine(r, nil).Step(fault.StepExchange)); got.Verdict != auth.Unknown || !strings.Contains(got.Says, "not kept") {
		t.Errorf("without its value: %+v", got)
	}
}

// recordMetadata has the keys of p fetched and recorded.
func (w *world) recordMetadata(p *auth.Provider) {
	w.t.Helper()
	if err := p.FetchKeys(withRecorder(w), w.client, auth.IDJAG{}); err != nil {
		w.t.Fatal(err)
	}
}
