package transport_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"waybill/transport"
)

// S71: the newest nonce of each server counts, with whatever answer it comes, and
// what is none is not kept.
func TestS71_EachServersNewestNonceIsKept(t *testing.T) {
	c := transport.New(transport.Options{})
	defer c.CloseIdle()
	var header http.Header
	status := http.StatusOK
	serve := func() *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, values := range header {
				w.Header()[name] = values
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(s.Close)
		return s
	}
	one, two := serve(), serve()
	ask := func(at string, h http.Header) {
		t.Helper()
		header = h
		resp, err := c.HTTP(transport.Resource, at).Get(at + "/path?query")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	nonce := func(n ...string) http.Header { return http.Header{"Dpop-Nonce": n} }
	if c.DPoPNonce(one.URL) != "" || c.DPoPNonce("no address") != "" {
		t.Error("a nonce of nobody")
	}
	ask(one.URL, nonce("first"))
	ask(two.URL, nonce("other"))
	status = http.StatusUnauthorized
	ask(one.URL, nonce("second"))
	for name, h := range map[string]http.Header{
		"none": nil, "empty": nonce(""), "two": nonce("a", "b"), "a blank in it": nonce("a b"), "a quote in it": nonce(`a"b`),
		"beyond ASCII": nonce("a\u00e9"), "without end": nonce(strings.Repeat("n", 513)), "out of a cache": {"Dpop-Nonce": {"old"}, "Age": {"5"}},
	} {
		ask(one.URL, h)
		if got := c.DPoPNonce(one.URL + "/token"); got != "second" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := c.DPoPNonce(two.URL); got != "other" {
		t.Errorf("the other server's is %q", got)
	}
}

func TestS71_TheDPoPChallengeIsReadBesideOthers(t *testing.T) {
	h := http.Header{"Www-Authenticate": {`Bearer error="invalid_token", DPoP error="use_dpop_nonce", algs="ES256 PS256"`}}
	params, ok := transport.DPoPChallenge(h)
	if !ok || params["error"] != "use_dpop_nonce" || params["algs"] != "ES256 PS256" {
		t.Errorf("%v", params)
	}
	if bearer, _ := transport.BearerChallenge(h); bearer["error"] != "invalid_token" {
		t.Errorf("%v", bearer)
	}
	if _, ok := transport.DPoPChallenge(http.Header{"Www-Authenticate": {`Bearer`}}); ok {
		t.Error("a Bearer challenge was taken for one of DPoP")
	}
}
