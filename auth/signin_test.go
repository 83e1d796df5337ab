package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// localSignIn is a sign-in over real sockets at a stand-in on loopback.
type localSignIn struct {
	t         *testing.T
	idp       *standIn
	transport *transport.Client
	options   SignInOptions
	opened    chan string // addresses that the browser was asked to open
}

func newLocalSignIn(t *testing.T) *localSignIn {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	idp := newStandIn("")
	server := httptest.NewServer(idp)
	idp.issuer = server.URL
	client := transport.New(transport.Options{})
	t.Cleanup(func() {
		client.CloseIdle()
		server.Close()
		goleak.VerifyNone(t, ignore)
	})
	s := &localSignIn{t: t, idp: idp, transport: client, opened: make(chan string, 10)}
	c := idp.connection()
	c.RedirectURI = ""
	s.options = SignInOptions{
		Connection: c, Credentials: connection.Credentials{IdP: secret.New("idp-secret")}, Transport: client,
		OpenURL: func(u string) error { s.opened <- u; return nil },
	}
	return s
}

// begin starts an attempt; its port is closed and its goroutines gone when the
// test ends.
func (s *localSignIn) begin() *Attempt {
	s.t.Helper()
	a, err := Begin(s.t.Context(), s.options)
	if err != nil {
		s.t.Fatalf("Begin: %v", err)
	}
	s.t.Cleanup(a.Cancel)
	return a
}

// page is the authorization request that the browser opened.
func (s *localSignIn) page(a *Attempt) url.Values {
	s.t.Helper()
	address, err := a.URL(s.t.Context())
	if err != nil {
		s.t.Fatalf("URL: %v", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.idp.change(func(idp *standIn) { idp.nonce = u.Query().Get("nonce") })
	return u.Query()
}

// answer sends the browser back with these parameters; state and iss are added
// unless they are given, and left out if given as "".
func (s *localSignIn) answer(a *Attempt, parameters map[string]string) (status int, page string) {
	s.t.Helper()
	q := s.page(a)
	values := url.Values{"state": {q.Get("state")}, "iss": {s.idp.issuer}}
	for name, value := range parameters {
		values.Set(name, value)
		if value == "" {
			values.Del(name)
		}
	}
	response, err := freshClient().Get(q.Get("redirect_uri") + "?" + values.Encode())
	if err != nil {
		s.t.Fatalf("callback: %v", err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

// freshClient keeps no connection, so that none outlives the test.
func freshClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func (s *localSignIn) wait(a *Attempt) (*Session, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	return a.Wait(ctx)
}

// fails checks how the attempt ends.
func (s *localSignIn) fails(a *Attempt, kind fault.Kind, code string) *fault.Fault {
	s.t.Helper()
	session, err := s.wait(a)
	f := fault.As(err)
	if session != nil || f == nil || f.Kind != kind || f.Code != code || f.Step == "" {
		s.t.Fatalf("got %v, %+v; want kind %d, code %s", session, f, kind, code)
	}
	return f
}

// refuses checks that the port of the attempt is closed within a second.
func (s *localSignIn) refuses(a *Attempt) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
	defer cancel()
	a.Settle(ctx)
	u, _ := url.Parse(a.RedirectURI())
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		_ = conn.Close()
		s.t.Fatal("the port still answers after a second")
	}
}

func TestSignInGivesASession(t *testing.T) {
	s := newLocalSignIn(t)
	warm := make(chan struct{})
	s.options.Warm = func(context.Context) { close(warm) }
	a := s.begin()
	q := s.page(a)
	if opened := <-s.opened; !strings.HasPrefix(opened, s.idp.issuer+"/authorize?") {
		t.Errorf("opened %s", opened)
	}
	<-warm
	status, page := s.answer(a, map[string]string{"code": "the-code"})
	if status != http.StatusOK || page != string(finalPage(false)) {
		t.Errorf("the browser sees %d", status)
	}
	got, err := s.wait(a)
	if err != nil {
		t.Fatal(err)
	}
	if got.Identity.Subject != "user-1" || got.Identity.Email != "ann@example.com" || !got.Renewable() || got.Refresh.Reveal() != "refresh-1" ||
		got.IDToken.Empty() || !got.IDTokenExpiry.After(time.Now()) || time.Since(got.SignedInAt) > time.Minute {
		t.Errorf("%+v", got)
	}
	form := s.idp.forms[0]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if form.Get("grant_type") != "authorization_code" || form.Get("code") != "the-code" || form.Get("redirect_uri") != a.RedirectURI() || b64(sum[:]) != q.Get("code_challenge") {
		t.Errorf("token request %v", form)
	}
	if !strings.HasPrefix(s.idp.basic[0], "Basic ") || form.Has("client_secret") || form.Has("client_id") {
		t.Errorf("authenticates with %q and in the body", s.idp.basic[0])
	}
}

func TestSignInSendsTheSecretWhereTheConnectionSays(t *testing.T) {
	s := newLocalSignIn(t)
	s.options.Connection.IdP.AuthMethod = connection.ClientSecretPost
	a := s.begin()
	s.answer(a, map[string]string{"code": "c"})
	if _, err := s.wait(a); err != nil {
		t.Fatal(err)
	}
	if form := s.idp.forms[0]; s.idp.basic[0] != "" || form.Get("client_secret") != "idp-secret" || form.Get("client_id") != standInClient {
		t.Errorf("%q, %v", s.idp.basic[0], form)
	}
}

func TestS11_ManyEqualCallbacksCauseOneTokenRequest(t *testing.T) {
	s := newLocalSignIn(t)
	a := s.begin()
	s.page(a)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if status, _ := s.answer(a, map[string]string{"code": "c"}); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
	wg.Wait()
	if _, err := s.wait(a); err != nil {
		t.Fatal(err)
	}
	if n := s.idp.count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestS13_IssuerOfTheAnswerIsComparedByteForByte(t *testing.T) {
	for _, advertised := range []bool{true, false} {
		for what, change := range map[string]func(string) string{
			"other":   func(string) string { return "https://evil.example" },
			"slash":   func(s string) string { return s + "/" },
			"case":    func(s string) string { return strings.Replace(s, "http", "HTTP", 1) },
			"port":    func(s string) string { return s + "0" },
			"escaped": func(s string) string { return strings.Replace(s, "127", "%3127", 1) },
		} {
			s := newLocalSignIn(t)
			s.idp.metadata = map[string]any{"authorization_response_iss_parameter_supported": advertised}
			a := s.begin()
			s.answer(a, map[string]string{"code": "c", "iss": change(s.idp.issuer)})
			s.fails(a, fault.Hostile, "wrong_issuer")
			if n := s.idp.count("/token"); n != 0 {
				t.Errorf("%s: %d token requests", what, n)
			}
		}
	}
	s := newLocalSignIn(t)
	a := s.begin()
	s.answer(a, map[string]string{"code": "c", "iss": ""})
	s.fails(a, fault.Hostile, "no_issuer")
}

func TestS14_IssuerOfTheAnswerWhereNoneIsPromised(t *testing.T) {
	for _, iss := range []string{"missing", "equal"} {
		t.Run(fmt.Sprint(iss), func(t *testing.T) {
			s := newLocalSignIn(t)
			s.idp.metadata = map[string]any{"authorization_response_iss_parameter_supported": nil}
			a := s.begin()
			value := s.idp.issuer
			if iss == "missing" {
				value = ""
			}
			s.answer(a, map[string]string{"code": "c", "iss": value})
			if _, err := s.wait(a); err != nil {
				t.Errorf("%s: %v", iss, err)
			}
		})
	}
}

func TestS17_TakenPortEndsBeforeTheBrowserOpens(t *testing.T) {
	s := newLocalSignIn(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	s.options.Connection.RedirectURI = "http://127.0.0.1:" + strconv.Itoa(port) + "/callback"
	_, err = Begin(t.Context(), s.options)
	if f := fault.As(err); f == nil || f.Code != "port_in_use" || !strings.Contains(f.Message, strconv.Itoa(port)) {
		t.Errorf("got %v", err)
	}
	if len(s.opened) != 0 || s.idp.count("/.well-known/openid-configuration") != 0 {
		t.Error("something was opened or fetched")
	}
}
