package auth

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
)

const virtualRTT = 100 * time.Millisecond

// virtualSignIn is a sign-in in a bubble: network and port are in memory, so
// that time is exact.
type virtualSignIn struct {
	*testing.T
	idp     *standIn
	network *virtualnet.Network
	options SignInOptions
}

func virtually(t *testing.T, f func(s *virtualSignIn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		idp, network := newStandIn("https://idp.example"), virtualnet.New(virtualRTT)
		s := &virtualSignIn{T: t, idp: idp, network: network}
		s.options = SignInOptions{
			Connection: idp.connection(), Credentials: connection.Credentials{IdP: secret.New("x")}, Transport: idp.serve(t, network),
			Listen: func(_, address string) (net.Listener, error) { return network.Listen(address) },
		}
		f(s)
	})
}

func (s *virtualSignIn) begin() *Attempt {
	s.Helper()
	a, err := Begin(s.Context(), s.options)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(a.Cancel)
	return a
}

// navigate sends the browser back, over a connection of its own, and returns
// when the answer is there.
func (s *virtualSignIn) navigate(address string) *http.Response {
	s.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.Fatal(err)
	}
	conn, err := s.network.DialContext(s.Context(), "tcp", u.Host)
	if err != nil {
		return nil
	}
	defer conn.Close()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.Fatal(err)
	}
	if err := r.Write(conn); err != nil {
		return nil
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return nil
	}
	_ = response.Body.Close()
	return response
}

// comeBack answers the attempt as the provider would.
func (s *virtualSignIn) comeBack(a *Attempt) *http.Response {
	s.Helper()
	address, err := a.URL(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	u, _ := url.Parse(address)
	q := u.Query()
	s.idp.change(func(idp *standIn) { idp.nonce = q.Get("nonce") })
	return s.navigate(q.Get("redirect_uri") + "?" + url.Values{"code": {"c"}, "state": {q.Get("state")}, "iss": {s.idp.issuer}}.Encode())
}

func TestPortIsBoundFirstAndTheBrowserOpensWhenDiscoveryIsDone(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		start := time.Now()
		var opened, warmed time.Duration
		s.options.OpenURL = func(string) error { opened = time.Since(start); return nil }
		s.options.Warm = func(context.Context) { warmed = time.Since(start) }
		a := s.begin()
		if took := time.Since(start); took != 0 || a.RedirectURI() != "http://127.0.0.1:8765/callback" {
			t.Errorf("Begin took %v", took)
		}
		if r := s.navigate(a.RedirectURI()); r == nil || r.StatusCode != http.StatusNotFound {
			t.Error("the port does not answer yet")
		}
		if !a.Deadline().Equal(start.Add(5 * time.Minute)) {
			t.Errorf("gives up at %v", a.Deadline())
		}
		if _, err := a.URL(s.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if cold := 3 * virtualRTT; opened != cold || warmed != cold { // connect, TLS, metadata
			t.Errorf("opened after %v, warmed after %v", opened, warmed)
		}
	})
}

// After the callback only the code exchange is left: one request, one round
// trip, on a connection that is open.
func TestCodeExchangeCostsExactlyOneRoundTrip(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		if _, err := a.URL(s.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second) // the user types
		synctest.Wait()
		s.network.Reset()
		var arrived, done time.Time
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			if _, err := a.Wait(s.Context()); err != nil {
				t.Error(err)
			}
			done = time.Now()
		}()
		if r := s.comeBack(a); r == nil || r.StatusCode != http.StatusSeeOther {
			t.Error("the callback was not taken")
		}
		// The browser has its answer half a round trip after the callback came.
		arrived = time.Now().Add(-virtualRTT / 2)
		<-finished
		if trips := float64(done.Sub(arrived)) / float64(virtualRTT); trips != 1 {
			t.Errorf("took %.4f round trips", trips)
		}
		var requests []string
		for _, r := range s.network.Requests() {
			requests = append(requests, r.String())
		}
		if !slices.Equal(requests, []string{"POST idp.example:443/token"}) {
			t.Errorf("requests after the callback: %v", requests)
		}
		if dials := s.network.Dials(); !slices.Equal(dials, []string{"127.0.0.1:8765"}) { // the browser's own
			t.Errorf("connections after the callback: %v", dials)
		}
	})
}

func TestS19_AttemptWaitsFiveMinutesAndNoLonger(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		start := time.Now()
		a := s.begin()
		_, err := a.Wait(s.Context())
		f := fault.As(err)
		if took := time.Since(start); took != 5*time.Minute || f == nil || f.Code != "sign_in_timeout" || f.Message != "No answer came from the browser within 5 minutes." {
			t.Errorf("after %v: %v", took, err)
		}
		if r := s.comeBack(a); r != nil {
			t.Errorf("a late callback gets %d", r.StatusCode)
		}
		if n := s.idp.count("/token"); n != 0 {
			t.Errorf("%d token requests", n)
		}
	})
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		if _, err := a.URL(s.Context()); err != nil {
			t.Fatal(err)
		}
		s.idp.change(func(idp *standIn) { idp.delay = 10 * time.Second }) // a slow exchange past the deadline
		time.Sleep(5*time.Minute - time.Second)
		s.comeBack(a)
		if _, err := a.Wait(s.Context()); err != nil {
			t.Errorf("an answer in time is lost: %v", err)
		}
	})
}

func TestS30_SlowCodeExchangeIsGivenUpOnce(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		if _, err := a.URL(s.Context()); err != nil {
			t.Fatal(err)
		}
		s.idp.change(func(idp *standIn) { idp.delay = time.Minute })
		s.comeBack(a)
		start := time.Now()
		_, err := a.Wait(s.Context())
		if took := time.Since(start); !fault.Is(err, fault.Offline) || took > 16*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		time.Sleep(10 * time.Minute)
		if n := s.idp.count("/token"); n != 1 {
			t.Errorf("the code was sent %d times", n)
		}
	})
}

func TestPortStaysOpenForThePageAndNoLonger(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		s.comeBack(a)
		if _, err := a.Wait(s.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pageLimit - time.Second)
		if r := s.navigate(a.RedirectURI() + "/done"); r == nil || r.StatusCode != http.StatusOK {
			t.Error("a slow browser does not get its page")
		}
		time.Sleep(pageGrace + virtualRTT)
		if r := s.navigate(a.RedirectURI() + "/done"); r != nil {
			t.Errorf("the port is still open: %d", r.StatusCode)
		}
	})
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		s.comeBack(a)
		time.Sleep(pageLimit + virtualRTT)
		if r := s.navigate(a.RedirectURI() + "/done"); r != nil {
			t.Errorf("the port is still open: %d", r.StatusCode)
		}
	})
}

// Warm goes on after a success, since the next steps need what it makes ready,
// and ends with a failure.
func TestWarmEndsWithAFailureOnly(t *testing.T) {
	for _, succeed := range []bool{true, false} {
		virtually(t, func(s *virtualSignIn) {
			var life context.Context
			s.options.Warm = func(ctx context.Context) { life = ctx }
			a := s.begin()
			if _, err := a.URL(s.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if succeed {
				s.comeBack(a)
			} else {
				a.Cancel()
			}
			_, err := a.Wait(s.Context())
			if (err == nil) != succeed || (life.Err() == nil) != succeed {
				t.Errorf("%v, warm: %v", err, life.Err())
			}
		})
	}
}

func TestS44_RotationWhileTheUserTypes(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		a := s.begin()
		if _, err := a.URL(s.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		s.idp.change(func(idp *standIn) {
			idp.signer = newSigningKey(idp.signer.alg, "new")
			idp.keys = append(idp.keys, idp.signer.jwk(nil))
		})
		s.comeBack(a)
		if _, err := a.Wait(s.Context()); err != nil {
			t.Error(err)
		}
		if n := s.idp.count("/jwks"); n != 2 {
			t.Errorf("%d fetches of the keys", n)
		}
	})
}

func TestS100_RevocationWaitsThreeSecondsAtMost(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		idp := s.idp
		idp.change(func(idp *standIn) { idp.metadata = map[string]any{"revocation_endpoint": idp.issuer + "/revoke"} })
		plan, session := s.plan(), &Session{Refresh: RefreshToken{secret.New("refresh-1")}}
		if err := Revoke(s.Context(), s.options.Transport, plan, session); err != nil {
			t.Fatal(err)
		}
		form := idp.forms[0]
		if form.Get("token") != "refresh-1" || form.Get("token_type_hint") != "refresh_token" || form.Has("grant_type") || form.Has("client_secret") {
			t.Errorf("sends %v", form)
		}
		if user, password, _ := basicAuth(idp.basic[0]); user != standInClient || password != "x" {
			t.Errorf("authenticates as %q", user)
		}
		idp.change(func(idp *standIn) { idp.delay = time.Minute })
		start := time.Now()
		err := Revoke(s.Context(), s.options.Transport, plan, session)
		if took := time.Since(start); took != revokeLimit || !fault.Is(err, fault.Offline) {
			t.Errorf("after %v: %v", took, err)
		}
		idp.change(func(idp *standIn) { idp.delay, idp.status = 0, http.StatusInternalServerError })
		if err := Revoke(s.Context(), s.options.Transport, plan, session); fault.As(err).Code != "not_revoked" {
			t.Errorf("a server error: %v", err)
		}
		s.network.SetOffline(true)
		if err := Revoke(s.Context(), s.options.Transport, plan, session); !fault.Is(err, fault.Offline) {
			t.Errorf("offline: %v", err)
		}
	})
}

func TestRevocationGoesNowhereElse(t *testing.T) {
	virtually(t, func(s *virtualSignIn) {
		session := &Session{Refresh: RefreshToken{secret.New("refresh-1")}}
		plan := s.plan()
		s.network.Reset()
		if err := Revoke(s.Context(), s.options.Transport, plan, session); err != nil {
			t.Errorf("not offered: %v", err)
		}
		plan.Provider.RevocationEndpoint = "https://idp.example/revoke"
		if err := Revoke(s.Context(), s.options.Transport, plan, &Session{}); err != nil {
			t.Errorf("nothing to revoke: %v", err)
		}
		plan.Provider.RevocationEndpoint = "https://evil.example/revoke"
		if err := Revoke(s.Context(), s.options.Transport, plan, session); err == nil {
			t.Error("the refresh token goes to another origin")
		}
		if requests, refused := s.network.Requests(), s.network.Refused(); len(requests)+len(refused) != 0 {
			t.Errorf("requests: %v %v", requests, refused)
		}
	})
}

func (s *virtualSignIn) plan() *Plan {
	s.Helper()
	p, err := DiscoverProvider(s.Context(), s.options.Transport, s.options.Connection.IdP)
	if err != nil {
		s.Fatal(err)
	}
	return &Plan{Connection: s.options.Connection, Credentials: s.options.Credentials, Provider: p}
}

func basicAuth(header string) (user, password string, ok bool) {
	return (&http.Request{Header: http.Header{"Authorization": {header}}}).BasicAuth()
}
