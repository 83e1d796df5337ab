package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/transport"
)

func (p *peer) raw(t *testing.T, prover Prover) *Raw {
	t.Helper()
	r, err := NewRaw(Options{Transport: p.client, Tokens: p.mint, Prover: prover, Resource: connection.Resource{Kind: connection.REST, URL: p.URL, Scopes: readWrite}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// ask sends a request that has to be answered.
func ask(t *testing.T, r *Raw, q RawRequest) *RawAnswer {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = maxItem
	}
	a, err := r.Do(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if a.Problem != nil {
		checkFault(t, a.Problem)
	}
	return a
}

var staleToken = func(token string) bool { return !strings.Contains(token, "000001") }

func TestRaw_ASafeRequestGoesOutAgainWithANewToken(t *testing.T) {
	p := newPeer(t, readWrite, refusing(staleToken, sends(200, jsonType, "[]")))
	a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL + "/a", Again: true})
	if a.Status != 200 || a.Sent != 2 || a.Problem != nil || p.mint.count() != 2 || len(p.requests()) != 2 {
		t.Errorf("%+v, %d tokens", a, p.mint.count())
	}
}

func TestRaw_WhatMayChangeSomethingIsSentOnce(t *testing.T) {
	p := newPeer(t, readWrite, refusing(staleToken, sends(200, jsonType, "[]")))
	r := p.raw(t, nil)
	a := ask(t, r, RawRequest{Method: "DELETE", URL: p.URL + "/a"})
	if a.Status != 401 || a.Sent != 1 || len(p.requests()) != 1 || a.Problem.Code != "invalid_token" || !strings.Contains(a.Problem.Error(), "nothing was sent a second time") {
		t.Errorf("%+v %v", a, a.Problem)
	}
	if a := ask(t, r, RawRequest{Method: "DELETE", URL: p.URL + "/a"}); a.Status != 200 || p.mint.count() != 2 || len(p.requests()) != 2 {
		t.Errorf("the next one: %+v, %d tokens", a, p.mint.count())
	}
}

func TestRaw_ATentative401IsNotHeldAgainstTheToken(t *testing.T) {
	p := newPeer(t, readWrite, refusing(never, nil))
	a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL + "/a", Again: true, Tentative: true})
	if a.Status != 401 || p.mint.count() != 1 || len(p.requests()) != 1 || len(p.mint.refused) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestS73_RawRefusedForEverMintsFewTokens(t *testing.T) {
	for _, again := range []bool{true, false} {
		p := newPeer(t, readWrite, refusing(never, nil))
		r := p.raw(t, nil)
		var a *RawAnswer
		for range 100 {
			a = ask(t, r, RawRequest{Method: "POST", URL: p.URL + "/a", Again: again})
		}
		if p.mint.count() > 1+backOffAfter || len(p.requests()) > 100+backOffAfter || a.Problem.RetryAfter <= 0 || a.Problem.RetryAfter > 30 {
			t.Errorf("again %t: %d tokens, %d requests, %+v", again, p.mint.count(), len(p.requests()), a.Problem)
		}
	}
}

func TestRaw_ANonceIsGivenOnceMore(t *testing.T) {
	for _, method := range []string{"GET", "DELETE"} {
		p := newPeer(t, readWrite, nil)
		w := &witness{client: p.client}
		p.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("DPoP"), "nonce=n1") {
				sends(401, jsonType, "", "WWW-Authenticate", `DPoP error="use_dpop_nonce"`, "DPoP-Nonce", "n1")(rw, r)
				return
			}
			sends(200, jsonType, fmt.Sprintf("%q", r.Header.Get("DPoP")))(rw, r)
		})
		a := ask(t, p.raw(t, w), RawRequest{Method: method, URL: p.URL + "/a?b=c"})
		if a.Status != 200 || a.Sent != 2 || w.made != 2 || !a.Bound {
			t.Errorf("%s: %+v, %d proofs", method, a, w.made)
		}
		if strings.Contains(string(a.Body), "nonce=") {
			t.Errorf("the proof comes back: %s", a.Body)
		}
	}
}

func TestRaw_EveryStatusIsExplained(t *testing.T) {
	for status, want := range map[int]struct {
		kind fault.Kind
		says string
	}{
		302: {fault.Failed, "not followed"}, 400: {fault.Invalid, "not accept"}, 402: {fault.Denied, "not allow"}, 403: {fault.Denied, "not allow"},
		404: {fault.NotFound, "not have"}, 405: {fault.Invalid, "It offers: GET, PUT."}, 410: {fault.NotFound, "not have"}, 412: {fault.Conflict, "precondition"},
		415: {fault.Invalid, "not accept"}, 429: {fault.Offline, "wait"}, 451: {fault.Denied, "not allow"}, 500: {fault.Offline, "failed"}, 503: {fault.Offline, "failed"}, 599: {fault.Offline, "failed"},
	} {
		p := newPeer(t, readWrite, sends(status, jsonType, `{"error":"its_code","error_description":"its words"}`, "Allow", "GET,\tPUT", "Location", "https://evil.example/", "Retry-After", "7"))
		a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL + "/a", Again: true})
		if a.Status != status || a.Problem == nil || a.Problem.Kind != want.kind || !strings.Contains(a.Problem.Error(), want.says) || a.Problem.Server != "its words" || a.Problem.RetryAfter != 7 || a.Problem.Status != status {
			t.Errorf("%d: %+v", status, a.Problem)
		}
		if len(p.requests()) != 1 {
			t.Errorf("%d: %d requests", status, len(p.requests()))
		}
	}
	for _, status := range []int{200, 201, 204, 206, 304} {
		p := newPeer(t, readWrite, sends(status, jsonType, ""))
		if a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL + "/a"}); a.Status != status || a.Problem != nil {
			t.Errorf("%d: %+v", status, a.Problem)
		}
	}
}

func TestS79_RawNamesTheMissingScope(t *testing.T) {
	for scope, says := range map[string]string{"todos.write": "lacks the scope todos.write.", "evil.scope": "lacks a scope that the server asks for."} {
		p := newPeer(t, []string{"todos.read"}, sends(403, jsonType, "", "WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+scope+`"`))
		a := ask(t, p.raw(t, nil), RawRequest{Method: "POST", URL: p.URL + "/a"})
		if a.Problem.Kind != fault.Denied || a.Problem.Code != codeScope || !strings.Contains(a.Problem.Message, says) || len(p.requests()) != 1 {
			t.Errorf("%q: %v", scope, a.Problem)
		}
	}
}

func TestS70_RawHandsAStepUpOn(t *testing.T) {
	p := newPeer(t, readWrite, sends(401, jsonType, "", "WWW-Authenticate", `Bearer error="insufficient_user_authentication", max_age="300", acr_values="phr"`))
	a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL + "/a", Again: true})
	if a.Problem.Kind != fault.StepUp || a.Problem.Challenge["max_age"] != "300" || a.Problem.Challenge["acr_values"] != "phr" || len(p.requests()) != 1 || p.mint.count() != 1 {
		t.Errorf("%+v", a.Problem)
	}
}

func TestS59_RawGoesToItsOriginOnly(t *testing.T) {
	p := newPeer(t, readWrite, sends(307, jsonType, "", "Location", "/elsewhere"))
	other := newPeer(t, readWrite, sends(200, jsonType, "[]"))
	r := p.raw(t, nil)
	for _, address := range []string{other.URL + "/a", "https://evil.example/", strings.Replace(p.URL, "http", "https", 1), "file:///etc/passwd", "/relative"} {
		if _, err := r.Do(t.Context(), RawRequest{Method: "GET", URL: address, Limit: 1}); err == nil {
			t.Errorf("%s was called", address)
		}
	}
	if a := ask(t, r, RawRequest{Method: "POST", URL: p.URL + "/a", Body: []byte("{}")}); a.Status != 307 || a.Header.Get("Location") != "/elsewhere" {
		t.Errorf("%+v", a)
	}
	if len(p.requests()) != 1 || len(other.requests()) != 0 {
		t.Errorf("%d requests, %d at another server", len(p.requests()), len(other.requests()))
	}
	if _, err := NewRaw(Options{Transport: p.client, Tokens: p.mint, Resource: connection.Resource{URL: "http://plain.example"}}); !fault.Is(err, fault.Config) {
		t.Errorf("%v", err)
	}
}

func TestS91_RawTakesTheTokenOutOfWhatComesBack(t *testing.T) {
	var body string
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("X-Echo", token)
		w.Header().Set("Location", "/?t="+url.QueryEscape(token))
		_, _ = io.WriteString(w, body+`{"a":"`+token+`","b":"`+base64.StdEncoding.EncodeToString([]byte(token))+`","c":"`+url.QueryEscape(token)+`"}`)
	})
	r := p.raw(t, nil)
	for _, before := range []int{0, 100, maxItem - 200, maxItem - 30, maxItem - 1} {
		body = strings.Repeat(" ", before)
		a := ask(t, r, RawRequest{Method: "GET", URL: p.URL})
		plain := p.mint.held().Reveal()
		for _, text := range []string{string(a.Body), fmt.Sprintf("%v", a.Header)} {
			if strings.Contains(text, plain[:12]) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(plain))[:12]) {
				t.Errorf("%d: the token comes back: %.300s", before, text[max(0, len(text)-300):])
			}
		}
		if !strings.Contains(fmt.Sprint(a.Header), secret.Redacted) || len(a.Body) > maxItem {
			t.Errorf("%d: %v, %d bytes", before, a.Header, len(a.Body))
		}
	}
}

func TestRaw_WhatCameIsMeasured(t *testing.T) {
	text := strings.Repeat("waybill ", 10_000)
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("asks for %q", r.Header.Get("Accept-Encoding"))
		}
		if r.URL.Path == "/plain" {
			_, _ = io.WriteString(w, text)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		if r.URL.Path == "/wrong" {
			_, _ = io.WriteString(w, text)
			return
		}
		zip := gzip.NewWriter(w)
		_, _ = io.WriteString(zip, text)
		_ = zip.Close()
	})
	r := p.raw(t, nil)
	for path, zipped := range map[string]bool{"/plain": false, "/zip": true, "/wrong": false} {
		a := ask(t, r, RawRequest{Method: "GET", URL: p.URL + path})
		if string(a.Body) != text || a.Decoded != int64(len(text)) || zipped != (a.Wire < a.Decoded/10) || !zipped && a.Wire != a.Decoded || a.FirstByte <= 0 || a.Total < a.FirstByte || a.Broken != nil {
			t.Errorf("%s: %d bytes, %d on the wire, %v, %v, %v", path, a.Decoded, a.Wire, a.FirstByte, a.Total, a.Broken)
		}
	}
	a := ask(t, r, RawRequest{Method: "HEAD", URL: p.URL + "/zip"})
	if a.Status != 200 || len(a.Body) != 0 || a.Broken != nil {
		t.Errorf("HEAD: %+v", a)
	}
}

func TestS80_RawReadsNoMoreThanItsLimit(t *testing.T) {
	bomb := &bytes.Buffer{}
	zip := gzip.NewWriter(bomb)
	for range 256 {
		_, _ = zip.Write(make([]byte, 1<<20))
	}
	_ = zip.Close()
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bomb" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
			return
		}
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	r := p.raw(t, nil)
	for _, path := range []string{"/bomb", "/endless"} {
		a := ask(t, r, RawRequest{Method: "GET", URL: p.URL + path, Limit: 1 << 20})
		if len(a.Body) != 1<<20 || !a.TooLong || a.Broken != nil || a.Wire > 2<<20 {
			t.Errorf("%s: %d bytes, too long %t, %v, %d on the wire", path, len(a.Body), a.TooLong, a.Broken, a.Wire)
		}
	}
}

func TestRaw_ABodyThatBreaksOffIsShownAsFarAsItCame(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half of it")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	a := ask(t, p.raw(t, nil), RawRequest{Method: "GET", URL: p.URL})
	if string(a.Body) != "half of it" || a.Decoded != 10 || !fault.Is(a.Broken, fault.Offline) {
		t.Errorf("%q %v", a.Body, a.Broken)
	}
}

// A server that sends a byte now and then is given up all the same.
func TestRaw_ADripIsGivenUpAfterFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(0)
		n.ServePlain("127.0.0.1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write([]byte{'x'}); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-time.After(22 * time.Second):
				case <-r.Context().Done():
					return
				}
			}
		}))
		client := transport.New(transport.Options{DialContext: n.DialContext})
		r, err := NewRaw(Options{Transport: client, Tokens: &mint{}, Resource: connection.Resource{URL: "http://127.0.0.1"}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		a, err := r.Do(t.Context(), RawRequest{Method: "GET", URL: "http://127.0.0.1/", Limit: 1000})
		if err != nil || !fault.Is(a.Broken, fault.Offline) || !strings.Contains(a.Broken.Error(), "five minutes") || time.Since(began) != rawLimit || len(a.Body) != 14 {
			t.Errorf("%v %+v after %v", err, a, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(45*time.Second, func() { _ = r.Close() })
		if a, err := r.Do(ctx, RawRequest{Method: "GET", URL: "http://127.0.0.1/", Limit: 1000}); err != nil || !fault.Is(a.Broken, fault.Canceled) || len(a.Body) != 3 {
			t.Errorf("closed: %v %+v", err, a)
		}
		if _, err := r.Do(t.Context(), RawRequest{Method: "GET", URL: "http://127.0.0.1/", Limit: 1000}); !fault.Is(err, fault.Canceled) {
			t.Errorf("after closing: %v", err)
		}
		client.CloseIdle()
		n.Close()
		synctest.Wait()
	})
}
