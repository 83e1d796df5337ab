package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// witness makes proofs that say in clear words what they were made for.
type witness struct {
	client *transport.Client
	mu     sync.Mutex
	made   int
	err    error
}

func (w *witness) Proof(token secret.Text, method, address string) (secret.Text, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	return secret.New(fmt.Sprintf("%d %s %s %s nonce=%s", w.made, method, address, token.Fingerprint(), w.client.DPoPNonce(address))), w.err
}

// resource is a peer's resource of one kind, over which bound tokens are used.
type bound struct {
	*peer
	witness *witness
	client  Client
}

func (p *peer) bound(t *testing.T, kind connection.ResourceKind, version string) bound {
	t.Helper()
	b := bound{peer: p, witness: &witness{client: p.client}}
	o := Options{Transport: p.client, Tokens: p.mint, Prover: b.witness,
		Resource: connection.Resource{Kind: kind, URL: p.URL, Scopes: p.mint.scopes, MCPVersion: version}}
	if kind == connection.MCP {
		o.Resource.URL += "/mcp"
		b.client = NewMCP(o)
	} else {
		b.client = NewREST(o)
	}
	t.Cleanup(func() { _ = b.client.Close() })
	return b
}

// overBoth runs f over REST and over MCP of both generations, at a server that
// may answer each request itself, by returning true.
func overBoth(t *testing.T, first func(w http.ResponseWriter, r *http.Request) bool, f func(t *testing.T, b bound)) {
	t.Helper()
	t.Run("REST", func(t *testing.T) {
		p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
			if !first(w, r) {
				sends(200, jsonType, listJSON(t, milk))(w, r)
			}
		})
		f(t, p.bound(t, connection.REST, ""))
	})
	for _, version := range []string{legacy, modern} {
		t.Run("MCP "+version, func(t *testing.T) {
			p := newMCPPeer(t, nil)
			inner := p.Config.Handler
			p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					inner.ServeHTTP(w, r)
					return
				}
				kept := record(p, r)
				if !first(w, r) {
					p.drop(kept)
					inner.ServeHTTP(w, r)
				}
			})
			f(t, p.bound(t, connection.MCP, version))
		})
	}
}

// record notes a request that the inner handler may not see.
func record(p *peer, r *http.Request) int {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, seen{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
	return len(p.seen) - 1
}

func (p *peer) drop(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen[:i:i], p.seen[i+1:]...)
}

// asks answers 401 use_dpop_nonce with this nonce; "": none is given.
func asks(w http.ResponseWriter, nonce string) bool {
	if nonce != "" {
		w.Header().Set("DPoP-Nonce", nonce)
	}
	sends(401, jsonType, `{"error":"use_dpop_nonce"}`, "WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="needs a nonce", algs="ES256"`)(w, nil)
	return true
}

func hasNonce(r *http.Request, nonce string) bool {
	return strings.HasSuffix(r.Header.Get("DPoP"), "nonce="+nonce)
}

func TestS71_EveryCallHasAProofOfItsOwn(t *testing.T) {
	overBoth(t, func(http.ResponseWriter, *http.Request) bool { return false }, func(t *testing.T, b bound) {
		if _, err := b.client.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		_, _ = b.client.Update(t.Context(), "a b", todo.Patch{}, "")
		_ = b.client.Close()
		proofs := map[string]bool{}
		for _, r := range b.requests() {
			token, ok := strings.CutPrefix(r.header.Get("Authorization"), "DPoP ")
			path, _, _ := strings.Cut(r.uri, "?")
			want := fmt.Sprintf(" %s %s%s %s nonce=", r.method, b.URL, path, secret.New(token).Fingerprint())
			if proof := r.header.Get("DPoP"); !ok || !strings.HasSuffix(proof, want) || proofs[proof] {
				t.Errorf("%s %s was sent with %q and the proof %q, want %q", r.method, r.uri, r.header.Get("Authorization"), proof, want)
			}
			proofs[r.header.Get("DPoP")] = true
		}
		if len(proofs) < 2 {
			t.Fatalf("%d requests", len(proofs))
		}
	})
}

func TestS71_WithoutAProverTokensAreBearerTokens(t *testing.T) {
	p := newPeer(t, readWrite, sends(200, jsonType, "[]"))
	if _, err := p.rest(t).List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for _, r := range p.requests() {
		if !strings.HasPrefix(r.header.Get("Authorization"), "Bearer ") || r.header.Values("DPoP") != nil {
			t.Errorf("%v", r.header)
		}
	}
}

// One repetition with the nonce, which is no refusal of the token; from then on
// the nonce is there.
func TestS71_ANonceCostsTheCallOneRepetition(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		return !hasNonce(r, "n1") && asks(w, "n1")
	}, func(t *testing.T, b bound) {
		for range 3 {
			if _, err := b.client.List(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		without := 0
		for _, r := range b.requests() {
			if r.method == http.MethodPost || r.method == http.MethodGet {
				if !strings.HasSuffix(r.header.Get("DPoP"), "nonce=n1") {
					without++
				}
			}
		}
		if without != 1 || b.mint.count() != 1 || len(b.mint.refused) != 0 {
			t.Errorf("%d requests without the nonce, %d tokens, %d refused", without, b.mint.count(), len(b.mint.refused))
		}
	})
}

// The newest nonce counts, also one that comes with a success (RFC 9449 section
// 8.2).
func TestS71_TheNonceOfASuccessIsTheNextOfTheCalls(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("DPoP-Nonce", "fresh")
		return false
	}, func(t *testing.T, b bound) {
		for range 2 {
			if _, err := b.client.List(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
		}
		all := b.requests()
		if last := all[len(all)-1]; !strings.HasSuffix(last.header.Get("DPoP"), "nonce=fresh") {
			t.Errorf("the last proof is %q", last.header.Get("DPoP"))
		}
	})
}

// S71, use_dpop_nonce ×100: the second refusal is the last, and no token is
// fetched for it.
func TestS71_EndlessNoncesEndTheCallAfterTheSecond(t *testing.T) {
	var n int
	var mu sync.Mutex
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		n++
		return asks(w, fmt.Sprint("n", n))
	}, func(t *testing.T, b bound) {
		_, err := b.client.List(t.Context(), "")
		f := wantFault(t, err, fault.Failed)
		posts := 0
		for _, r := range b.requests() {
			if r.method != http.MethodDelete && r.method != http.MethodOptions {
				posts++
			}
		}
		if f.Code != "use_dpop_nonce" || posts != 2 || b.mint.count() != 1 || len(b.mint.refused) != 0 {
			t.Errorf("%s after %d requests, %d tokens: %v", f.Code, posts, b.mint.count(), f)
		}
	})
}

func TestS71_ANonceThatIsAskedForAndNotGivenIsNotWaitedFor(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool { return asks(w, "") }, func(t *testing.T, b bound) {
		_, err := b.client.List(t.Context(), "")
		if f := wantFault(t, err, fault.Failed); f.Code != "use_dpop_nonce" || len(b.requests()) != 1 || b.mint.count() != 1 {
			t.Errorf("%s after %d requests, %d tokens", f.Code, len(b.requests()), b.mint.count())
		}
	})
}

// A token that is refused under the scheme DPoP is minted anew once, as a bearer
// token is.
func TestS71_R12_ABoundTokenThatIsRefusedIsMintedAnewOnce(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("Authorization"), "000002") {
			return false
		}
		sends(401, jsonType, `{"error":"invalid_token"}`, "WWW-Authenticate", `DPoP error="invalid_token", algs="ES256"`)(w, r)
		return true
	}, func(t *testing.T, b bound) {
		if _, err := b.client.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if b.mint.count() != 2 || len(b.mint.refused) != 1 {
			t.Errorf("%d tokens, %d refused", b.mint.count(), len(b.mint.refused))
		}
	})
}

// What is wrong with the proof is not mended by another token.
func TestS71_AProofThatIsNotTakenMintsNothing(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		sends(401, jsonType, `{"error":"invalid_dpop_proof"}`, "WWW-Authenticate", `Bearer error="invalid_token", DPoP error="invalid_dpop_proof", error_description="iat"`)(w, r)
		return true
	}, func(t *testing.T, b bound) {
		_, err := b.client.List(t.Context(), "")
		if f := wantFault(t, err, fault.Failed); f.Code != "invalid_dpop_proof" || f.Server != "iat" || b.mint.count() != 1 || len(b.requests()) != 1 {
			t.Errorf("%+v, %d tokens, %d requests", f, b.mint.count(), len(b.requests()))
		}
	})
}

// Without a proof nothing is sent.
func TestS71_ACallWithoutAProofIsNotMade(t *testing.T) {
	overBoth(t, func(http.ResponseWriter, *http.Request) bool { return false }, func(t *testing.T, b bound) {
		gone := fault.New(fault.StepCall, fault.SignInNeeded, "no_proof_key", "There is no key.").WithRemedy("Sign in again.")
		b.witness.err = gone
		if _, err := b.client.List(t.Context(), ""); !errors.Is(err, gone) && fault.As(err).Code != gone.Code || len(b.requests()) != 0 {
			t.Errorf("%v, %d requests", err, len(b.requests()))
		}
	})
}

// S70: a step-up may stand in a DPoP challenge as well.
func TestS70_AStepUpInADPoPChallenge(t *testing.T) {
	overBoth(t, func(w http.ResponseWriter, r *http.Request) bool {
		sends(401, jsonType, `{}`, "WWW-Authenticate", `DPoP error="insufficient_user_authentication", acr_values="mfa", max_age="60"`)(w, r)
		return true
	}, func(t *testing.T, b bound) {
		_, err := b.client.List(t.Context(), "")
		if f := wantFault(t, err, fault.StepUp); f.Challenge["acr_values"] != "mfa" || f.Challenge["max_age"] != "60" || b.mint.count() != 1 {
			t.Errorf("%v, %d tokens", f.Challenge, b.mint.count())
		}
	})
}
