package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// proof is a DPoP proof, taken apart and verified by hand. The zero value is
// none.
type proof struct {
	header, claims map[string]any
	thumbprint     string // "" unless the signature is good
}

func readProof(raw string) proof {
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		return proof{}
	}
	var p proof
	decode := func(text string) []byte {
		data, _ := base64.RawURLEncoding.DecodeString(text)
		return data
	}
	if json.Unmarshal(decode(part[0]), &p.header) != nil || json.Unmarshal(decode(part[1]), &p.claims) != nil {
		return proof{}
	}
	jwk, _ := p.header["jwk"].(map[string]any)
	x, _ := jwk["x"].(string)
	y, _ := jwk["y"].(string)
	signature := decode(part[2])
	if len(signature) != 64 {
		return p
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, decode(x), decode(y)))
	if err != nil {
		return p
	}
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	if ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		// RFC 7638 section 3: the required members in the order of their names.
		hash := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, x, y))
		p.thumbprint = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	return p
}

// confirmed are the claims of a token that is bound to the key.
func confirmed(thumbprint string) map[string]any {
	if thumbprint == "" {
		return nil
	}
	return map[string]any{"cnf": map[string]any{"jkt": thumbprint}}
}

// inBoundWorld is inWorld at a connection that asks for DPoP.
func inBoundWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		w.plan.Connection.DPoP = true
		w.session.ProofKey = NewProofKey()
		f(t, w)
	})
}

// all are the proofs that a party has seen.
func (p *party) all() (out []proof) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, raw := range p.proofs {
		out = append(out, readProof(raw))
	}
	return out
}

// checkProof: RFC 9449 section 4.2, member by member.
func checkProof(t *testing.T, p proof, key ProofKey, method, address string) {
	t.Helper()
	jwk, _ := p.header["jwk"].(map[string]any)
	if p.header["typ"] != "dpop+jwt" || p.header["alg"] != "ES256" || len(p.header) != 3 || jwk["kty"] != "EC" || jwk["crv"] != "P-256" || len(jwk) != 4 {
		t.Errorf("the header of the proof is %v", p.header)
	}
	if p.thumbprint == "" || p.thumbprint != key.Thumbprint() {
		t.Errorf("the proof is signed by %q, the key is %q", p.thumbprint, key.Thumbprint())
	}
	if p.claims["htm"] != method || p.claims["htu"] != address {
		t.Errorf("the proof is for %v %v, not %s %s", p.claims["htm"], p.claims["htu"], method, address)
	}
	if id, _ := p.claims["jti"].(string); len(id) < 22 { // 96 bits and more
		t.Errorf("the proof has the id %q", id)
	}
	if iat, _ := p.claims["iat"].(float64); time.Since(time.Unix(int64(iat), 0)).Abs() > 2*time.Second {
		t.Errorf("the proof was made at %v", p.claims["iat"])
	}
}

func TestS71_TheWholeChainProvesPossessionOfOneKey(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.plan.Provider.TokenEndpoint += "?tenant=1" // a query is no part of htu
		l, key := w.ladder(), w.session.ProofKey
		token := take(t, l)
		exchange, redeem := w.idp.all(), w.as.all()
		if len(exchange) != 1 || len(redeem) != 1 {
			t.Fatalf("%d and %d requests", len(exchange), len(redeem))
		}
		checkProof(t, exchange[0], key, "POST", "https://idp.example/token")
		checkProof(t, redeem[0], key, "POST", "https://as.example/token")
		if exchange[0].claims["jti"] == redeem[0].claims["jti"] {
			t.Error("two proofs have one id")
		}
		for _, p := range slices.Concat(exchange, redeem) {
			if p.claims["ath"] != nil || p.claims["nonce"] != nil {
				t.Errorf("the proof has %v", p.claims)
			}
		}
		raw, err := l.Proof(token, "PATCH", "https://api.example/api/todos/1?x=y#z")
		if err != nil {
			t.Fatal(err)
		}
		call := readProof(raw.Reveal())
		checkProof(t, call, key, "PATCH", "https://api.example/api/todos/1")
		sum := sha256.Sum256([]byte(token.Reveal()))
		if call.claims["ath"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
			t.Errorf("ath is %v", call.claims["ath"])
		}
		if again, _ := l.Proof(token, "PATCH", "https://api.example/api/todos/1"); again.Equal(raw) {
			t.Error("a proof was given twice")
		}
		equal(t, "grants", w.as.grants(), []string{"jwt-bearer"})
	})
}

// An ID-JAG that is bound to a key is redeemed in the way that the server lists.
func TestS71_TheGrantTypeOfItsOwnIsUsedWhereItIsListed(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.plan.Server.JWTDPoP = Yes
		take(t, w.ladder())
		equal(t, "grants", w.as.grants(), []string{"jwt-dpop"})
	})
}

func TestS71_WithoutDPoPNoProofIsSent(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.session.ProofKey = NewProofKey() // left over from a time when the connection asked for it
		take(t, w.ladder())
		equal(t, "proofs", slices.Concat(w.idp.proofs, w.as.proofs), []string{"", ""})
	})
}

// A binding that is left out or changed is a downgrade, and the ID-JAG stays here.
func TestS71_AnIDJAGWithoutOurKeyIsNotSentOn(t *testing.T) {
	for name, c := range map[string]struct {
		cnf  any
		says string
	}{
		"none":            {nil, "has no cnf"},
		"null":            {json.RawMessage("null"), "has no cnf"},
		"another key":     {map[string]any{"jkt": NewProofKey().Thumbprint()}, "another key"},
		"another kind":    {map[string]any{"x5t#S256": "x"}, "another key"},
		"a number as key": {map[string]any{"jkt": 1}, "another key"},
		"empty":           {map[string]any{}, "another key"},
		"a word":          {"x", "another key"},
		"a list":          {[]any{}, "another key"},
	} {
		inBoundWorld(t, func(t *testing.T, w *world) {
			w.idp.jag = map[string]any{"cnf": c.cnf}
			_, _, err := w.ladder().Token(t.Context())
			f := wantFault(t, err, fault.StepExchange, fault.Hostile, "bad_id_jag")
			if !strings.Contains(f.Message, c.says) || w.as.tokens() != 0 || w.idp.tokens() != 1 {
				t.Errorf("%s: %q, %d requests at the authorization server", name, f.Message, w.as.tokens())
			}
			g, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, RefreshTokenSubject(w.session.Refresh).Bound(w.session.ProofKey))
			if err == nil || g == nil {
				t.Fatalf("%s: %v %v", name, g, err)
			}
			if _, err := RedeemIDJAG(t.Context(), w.transport, w.plan, g); err == nil || w.as.tokens() != 0 {
				t.Errorf("%s: it was redeemed", name)
			}
			if last := g.Checks[len(g.Checks)-1]; last.Name != "key" || last.Verdict != No || !last.Must {
				t.Errorf("%s: the check says %+v", name, last)
			}
		})
	}
}

// A key that nobody proved possession of cannot be ours.
func TestS71_AnIDJAGBoundToAKeyThatNobodyAskedForIsNotSentOn(t *testing.T) {
	for _, cnf := range []any{map[string]any{"jkt": "x"}, map[string]any{"x5t#S256": "x"}, "x", map[string]any{}} {
		inWorld(t, func(t *testing.T, w *world) {
			w.idp.jag = map[string]any{"cnf": cnf}
			_, _, err := w.ladder().Token(t.Context())
			f := wantFault(t, err, fault.StepExchange, fault.Hostile, "bad_id_jag")
			if !strings.Contains(f.Message, "does not use DPoP") || w.as.tokens() != 0 {
				t.Errorf("%v: %q", cnf, f.Message)
			}
		})
	}
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.jag = map[string]any{"cnf": json.RawMessage("null")}
		take(t, w.ladder())
	})
}

// S54 with DPoP on: a bearer token is a downgrade, anything else unknown.
func TestS54_WithDPoPOnlyABoundTokenIsTaken(t *testing.T) {
	for value, code := range map[any]string{
		"DPoP": "", "dpop": "", "Bearer": "dpop_downgrade", "bearer": "dpop_downgrade",
		"mac": "bad_token_answer", "N_A": "bad_token_answer", "": "bad_token_answer", nil: "bad_token_answer", 1: "bad_token_answer",
	} {
		inBoundWorld(t, func(t *testing.T, w *world) {
			w.as.changes = map[string]any{"token_type": value}
			token, _, err := w.ladder().Token(t.Context())
			if code == "" {
				if err != nil || token.Empty() {
					t.Errorf("%v: %v", value, err)
				}
				return
			}
			f := wantFault(t, err, fault.StepJWTBearer, fault.Hostile, code)
			if !token.Empty() || w.as.tokens() != 1 {
				t.Errorf("%v: %v, %d requests", value, f, w.as.tokens())
			}
		})
	}
}

// S54 with DPoP off: a bound token is refused, in words of its own.
func TestS54_WithoutDPoPABoundTokenIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.changes = map[string]any{"token_type": "DPoP"}
		_, _, err := w.ladder().Token(t.Context())
		if f := wantFault(t, err, fault.StepJWTBearer, fault.Hostile, "bad_token_answer"); !strings.Contains(f.Message, "does not use DPoP") {
			t.Errorf("%q", f.Message)
		}
	})
}

// A server that wants its nonce is asked once more and gets it; from then on it
// is there at once. Each server has its own.
func TestS71_ANonceCostsOneRepetitionOnce(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.idp.nonce, w.as.nonce = "idp-nonce", "as-nonce"
		l := w.ladder()
		l.Refused(take(t, l))
		equal(t, "nonces of the first chain", nonces(w.idp, w.as), []string{"none", "idp-nonce", "none", "as-nonce"})
		take(t, l)
		equal(t, "nonces of both", nonces(w.idp), []string{"none", "idp-nonce", "idp-nonce"})
		equal(t, "nonces of both", nonces(w.as), []string{"none", "as-nonce", "as-nonce"})
		for _, p := range []*party{w.idp, w.as} {
			ids := map[any]bool{}
			for _, proof := range p.all() {
				ids[proof.claims["jti"]] = true
			}
			if len(ids) != 3 {
				t.Errorf("%d proofs have %d ids", 3, len(ids))
			}
			if first, second := p.forms[0], p.forms[1]; first.Encode() != second.Encode() {
				t.Errorf("the repetition asks for something else: %v, %v", first, second)
			}
		}
		if w.saved != nil {
			t.Errorf("%d sessions were saved for a nonce", len(w.saved))
		}
	})
}

func nonces(parties ...*party) (out []string) {
	for _, p := range parties {
		for _, proof := range p.all() {
			nonce, ok := proof.claims["nonce"].(string)
			if !ok {
				nonce = "none"
			}
			out = append(out, nonce)
		}
	}
	return out
}

// The newest nonce counts, also one that comes with a success (RFC 9449 section
// 8.2).
func TestS71_TheNonceOfASuccessIsTheNext(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.idp.header = http.Header{"Dpop-Nonce": {"from-a-success"}}
		l := w.ladder()
		l.Refused(take(t, l))
		take(t, l)
		equal(t, "nonces", nonces(w.idp), []string{"none", "from-a-success"})
	})
}

// S71, use_dpop_nonce ×100: the second refusal is the last.
func TestS71_EndlessNoncesEndAfterTheSecond(t *testing.T) {
	for name, c := range map[string]struct {
		silent bool
		want   int
		says   string
	}{
		"another each time": {false, 2, "another nonce each time"},
		"given by nobody":   {true, 1, "gives none"},
	} {
		for step, at := range map[fault.Step]func(w *world) *party{
			fault.StepExchange:  func(w *world) *party { return w.idp },
			fault.StepJWTBearer: func(w *world) *party { return w.as },
		} {
			inBoundWorld(t, func(t *testing.T, w *world) {
				p, n := at(w), 0
				p.nonce, p.silent = "nonce-0", c.silent
				p.next = func() { n++; p.nonce = fmt.Sprint("nonce-", n) }
				_, _, err := w.ladder().Token(t.Context())
				f := wantFault(t, err, step, fault.Failed, "use_dpop_nonce")
				if p.tokens() != c.want || !strings.Contains(f.Message, c.says) {
					t.Errorf("%s at the %s: %d requests, %q", name, step, p.tokens(), f.Message)
				}
			})
		}
	}
}

// Without DPoP nobody can answer with a nonce, and nothing is repeated.
func TestS71_WithoutDPoPAWishForANonceIsARefusal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.nonce = "x"
		_, _, err := w.ladder().Token(t.Context())
		f := wantFault(t, err, fault.StepExchange, fault.Config, "use_dpop_nonce")
		if w.idp.tokens() != 1 || !strings.Contains(f.Remedy, "Turn DPoP on") {
			t.Errorf("%d requests, %q", w.idp.tokens(), f.Remedy)
		}
	})
}

// The client assertion that went with a request which only lacked a nonce is made
// anew: a server remembers its jti.
func TestS71_ARepetitionHasAClientAssertionOfItsOwn(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := jose.JSONWebKey{Key: private, KeyID: "client"}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		w.plan.Credentials.ResourceKey = secret.New(string(jwk))
		w.plan.Connection.Resource.AuthMethod = connection.PrivateKeyJWT
		w.as.nonce = "n"
		take(t, w.ladder())
		if w.as.tokens() != 2 || w.as.forms[0].Get("client_assertion") == w.as.forms[1].Get("client_assertion") {
			t.Errorf("%d requests, with one assertion", w.as.tokens())
		}
		if a, b := w.as.forms[0].Get("assertion"), w.as.forms[1].Get("assertion"); a != b || a == "" || w.idp.tokens() != 1 {
			t.Error("another ID-JAG was fetched for a nonce")
		}
	})
}

func TestS71_AProofThatIsNotTakenIsNotRepeated(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.as.refuses(http.StatusBadRequest, "invalid_dpop_proof")
		_, _, err := w.ladder().Token(t.Context())
		f := wantFault(t, err, fault.StepJWTBearer, fault.Failed, "invalid_dpop_proof")
		if w.as.tokens() != 1 || f.Server == "" || !strings.Contains(f.Remedy, "clock") {
			t.Errorf("%d requests, %+v", w.as.tokens(), f)
		}
	})
}

// A proof says when it was made by the clock of the server that reads it.
func TestS71_AProofIsDatedByTheServersClock(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		ahead := time.Now().Add(10 * time.Minute)
		w.as.header = http.Header{"Date": {ahead.UTC().Format(http.TimeFormat)}}
		w.as.set(func(p *party) { p.changes = map[string]any{"expires_in": 60} })
		l := w.ladder()
		l.Refused(take(t, l))
		take(t, l)
		second, _ := w.as.all()[1].claims["iat"].(float64)
		if off := time.Unix(int64(second), 0).Sub(ahead).Abs(); off > 5*time.Second {
			t.Errorf("the proof is off by %v", off)
		}
	})
}

// A session that began without a key gets one at first need, and has it saved
// before anything is bound to it.
func TestS71_ASessionWithoutAKeyGetsOneAndKeepsIt(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.session.ProofKey = ProofKey{}
		w.onSave = func() {
			if n := w.idp.tokens(); n != 0 && len(w.saved) == 0 {
				t.Errorf("%d requests before the key was saved", n)
			}
		}
		l := w.ladder()
		l.Refused(take(t, l))
		take(t, l)
		if len(w.saved) != 1 || w.saved[0].ProofKey.Thumbprint() == "" {
			t.Fatalf("%d sessions were saved", len(w.saved))
		}
		for _, p := range slices.Concat(w.idp.all(), w.as.all()) {
			if p.thumbprint != w.saved[0].ProofKey.Thumbprint() {
				t.Errorf("a proof is signed by %q", p.thumbprint)
			}
		}
		w.saveErr = errors.New("disk full")
		w.session = w.signedIn()
		w.session.SignedInAt = w.session.SignedInAt.Add(time.Second)
		before := w.idp.tokens()
		_, _, err := l.Token(t.Context())
		wantFault(t, err, fault.StepKeyring, fault.Failed, "not_saved")
		if w.idp.tokens() != before {
			t.Error("a key that is not saved was used")
		}
	})
}

// A token that was issued before DPoP was turned on is not used after.
func TestS71_TurningDPoPOnOrOffMintsAnew(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := w.ladder()
		first := take(t, l)
		on := *w.plan
		on.Connection.DPoP = true
		w.plan = &on
		second := take(t, l)
		if first.Equal(second) || w.as.all()[1].thumbprint == "" {
			t.Error("a bearer token was used though the connection asks for DPoP")
		}
		off := *w.plan
		off.Connection.DPoP = false
		w.plan = &off
		if take(t, l).Equal(second) {
			t.Error("a bound token was used as a bearer token")
		}
	})
}

func TestS71_RenewingProvesPossessionToo(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		if _, err := Refresh(t.Context(), w.transport, w.plan, w.session); err != nil {
			t.Fatal(err)
		}
		checkProof(t, w.idp.all()[0], w.session.ProofKey, "POST", "https://idp.example/token")
	})
}

// A new sign-in has a new key, of which the code is redeemed with a proof.
func TestS71_EachSignInHasAKeyOfItsOwn(t *testing.T) {
	s := newLocalSignIn(t)
	s.options.Connection.DPoP = true
	seen := map[string]bool{}
	for range 2 {
		a := s.begin()
		s.page(a)
		s.answer(a, map[string]string{"code": "c", "iss": s.idp.issuer})
		session, err := s.wait(a)
		if err != nil {
			t.Fatal(err)
		}
		s.idp.change(func(idp *standIn) {
			sent := readProof(idp.proofs[len(idp.proofs)-1])
			checkProof(t, sent, session.ProofKey, "POST", idp.issuer+"/token")
			seen[sent.thumbprint] = true
		})
	}
	if len(seen) != 2 {
		t.Errorf("two sign-ins have %d keys", len(seen))
	}
	s.options.Connection.DPoP = false
	a := s.begin()
	s.page(a)
	s.answer(a, map[string]string{"code": "c", "iss": s.idp.issuer})
	if session, err := s.wait(a); err != nil || !session.ProofKey.Empty() {
		t.Errorf("without DPoP: %v, %v", session, err)
	}
}

func TestS71_TheKeyIsSealedWithItsSession(t *testing.T) {
	maxAge := 60
	in := &Session{Identity: Identity{Issuer: "i", Subject: "s"}, ProofKey: NewProofKey(),
		SteppedUp: &StepUp{MaxAge: &maxAge, ACRValues: "mfa"}, Wanted: &StepUp{ACRValues: "phr"}}
	data, err := in.MarshalForVault()
	if err != nil {
		t.Fatal(err)
	}
	var out Session
	if err := out.UnmarshalFromVault(data); err != nil {
		t.Fatal(err)
	}
	if !out.ProofKey.Equal(in.ProofKey.Text) || out.ProofKey.Thumbprint() == "" || !out.SteppedUp.Equal(in.SteppedUp) || !out.Wanted.Equal(in.Wanted) {
		t.Errorf("came back as %+v", out)
	}
	if err := out.UnmarshalFromVault([]byte(`{"version":1,"issuer":"i","subject":"s"}`)); err != nil || !out.ProofKey.Empty() || out.Wanted != nil {
		t.Errorf("a session from before: %+v, %v", out, err)
	}
}

// The key is in no log, no error and no JSON, and never on the wire.
func TestS71_TheKeyIsShownNowhere(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		key, err := w.session.ProofKey.open()
		if err != nil {
			t.Fatal(err)
		}
		scalar, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		private := base64.RawURLEncoding.EncodeToString(scalar)
		if !strings.Contains(w.session.ProofKey.Reveal(), private) {
			t.Fatal("the key is not written as a JWK, so this test looks for nothing")
		}
		l := w.ladder()
		token := take(t, l)
		proof, err := l.Proof(token, "GET", "https://api.example/")
		if err != nil {
			t.Fatal(err)
		}
		w.as.refuses(http.StatusBadRequest, "invalid_dpop_proof")
		l.Refused(token)
		_, _, refused := l.Token(t.Context())
		g, _ := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken).Bound(w.session.ProofKey))
		var out strings.Builder
		for _, v := range []any{w.session, *w.session, w.session.ProofKey, g, l.last, l.cached, l.key, l.Status(), w.events, refused, errors.Unwrap(refused), proof} {
			fmt.Fprintf(&out, "%v %+v %#v %s %q\n", v, v, v, v, v)
			_ = json.NewEncoder(&out).Encode(v)
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		}
		broken := ProofKey{secret.New(`{"kty":"EC","crv":"P-256","d":"` + private + `"}`)}
		_, err = broken.proof(w.transport, "GET", "https://api.example/", secret.Text{})
		fmt.Fprintf(&out, "%v %+v %#v", err, err, errors.Unwrap(err))
		for _, p := range []*party{w.idp, w.as, w.api} {
			out.WriteString(strings.Join(p.seen, "\n"))
		}
		if strings.Contains(out.String(), private) || strings.Contains(out.String(), fmt.Sprintf("%x", scalar)) || strings.Contains(out.String(), proof.Reveal()) {
			t.Error("the key or a proof is shown")
		}
		if !strings.Contains(out.String(), secret.Redacted) {
			t.Error("nothing was redacted; is the test printing anything?")
		}
	})
}

// A proof is never quoted back: servers put what they were sent into their words.
func TestS71_AServersWordsDoNotShowAProof(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		w.as.set(func(p *party) { p.status = http.StatusBadRequest })
		w.as.next = nil
		body := ""
		w.as.body = &body
		w.as.onProof = func(raw string) {
			body = jsonOf(map[string]any{"error": "invalid_dpop_proof", "error_description": "bad proof " + raw})
		}
		_, _, err := w.ladder().Token(t.Context())
		f := wantFault(t, err, fault.StepJWTBearer, fault.Failed, "invalid_dpop_proof")
		if strings.Contains(f.Server, w.as.proofs[0][:40]) || !strings.Contains(f.Server, "bad proof") {
			t.Errorf("the server's words are %q", f.Server)
		}
	})
}

func TestThumbprintOfRFC9449(t *testing.T) {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4},
		coordinate("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"), coordinate("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(sum) != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("%x, %v", sum, err)
	}
	if (ProofKey{}).Thumbprint() != "" || (ProofKey{secret.New("x")}).Thumbprint() != "" {
		t.Error("what is no key has a thumbprint")
	}
}

func coordinate(text string) []byte {
	data, _ := base64.RawURLEncoding.DecodeString(text)
	return data
}

// The ath of RFC 9449 section 7.1, and what htu leaves out.
func TestAProofNamesItsTokenAndAddressAsInRFC9449(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		raw, err := w.session.ProofKey.proof(w.transport, "GET", "https://user:pass@resource.example.org/protectedresource?q#f",
			secret.New("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"))
		if err != nil {
			t.Fatal(err)
		}
		p := readProof(raw.Reveal())
		if p.claims["ath"] != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" || p.claims["htu"] != "https://resource.example.org/protectedresource" {
			t.Errorf("%v", p.claims)
		}
	})
}

func TestS71_AnExchangeWithoutAKeyIsNotMade(t *testing.T) {
	inBoundWorld(t, func(t *testing.T, w *world) {
		_, err := ExchangeIDJAG(context.Background(), w.transport, w.plan, IDTokenSubject(w.session.IDToken))
		wantFault(t, err, fault.StepExchange, fault.SignInNeeded, "no_proof_key")
		if w.idp.tokens() != 0 {
			t.Error("it was made")
		}
	})
}
