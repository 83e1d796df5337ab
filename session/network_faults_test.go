package session_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"waybill/fault"
	"waybill/replica"
)

// resolving is a name look-up that fails, as package net reports it.
func resolving(notFound bool) func(*far, context.Context) (net.Conn, error) {
	return func(_ *far, ctx context.Context) (net.Conn, error) {
		if notFound {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		}
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}}
	}
}

// elsewhere is a wrong answer of the name server: another machine takes the
// connection.
func elsewhere(host string, strange bool) func(*far, context.Context) (net.Conn, error) {
	return func(w *far, ctx context.Context) (net.Conn, error) {
		if strange {
			return w.strangers.DialContext(ctx, "tcp", host+":443")
		}
		return w.net.DialContext(ctx, "tcp", host+":443")
	}
}

func refused(*far, context.Context) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// page is a page of a captive portal.
func page(status int, location string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		if location != "" {
			rw.Header().Set("Location", location)
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, "<!DOCTYPE html><title>Welcome to the hotel</title><form><input name=room></form>")
	}
}

// networkTroubles are those that a network makes, with how long one try may
// take until it is given up, and what the fault is called.
func networkTroubles(host string) map[string]struct {
	trouble
	limit time.Duration
	codes string
} {
	type row = struct {
		trouble
		limit time.Duration
		codes string
	}
	const dial, rtts = 5 * time.Second, 2 * time.Second
	return map[string]row{
		"R2 name not found":        {trouble{dial: resolving(true)}, rtts, "dns"},
		"R2 name server silent":    {trouble{dial: resolving(false)}, dial, "timeout dns"},
		"R2 another server's name": {trouble{dial: elsewhere(map[string]string{idpHost: apiHost, authHost: idpHost, apiHost: authHost}[host], false)}, rtts, "tls"},
		"R2 nobody there":          {trouble{dial: refused}, rtts, "network"},
		"R3 portal's page":         {trouble{answer: page(200, "")}, rtts, "captive_portal"},
		"R3 portal's redirect":     {trouble{answer: page(302, "https://portal.example/login")}, rtts, "captive_portal redirect"},
		"R3 portal says 511":       {trouble{answer: page(511, "")}, rtts, "captive_portal"},
		"R3 portal's certificate":  {trouble{dial: elsewhere(host, true)}, rtts, "tls"},
	}
}

// R2, R3, R4: whatever the network does between the app and one of the three
// servers, at any of their addresses and for however long: it is offline and
// says so, within a limit and by name, nobody is signed out, no address that the
// network made up is ever asked, and half a minute after the trouble is over
// everything is at the server, once, with one flow for a token.
func TestR2_R3_R4_TroubleOnTheWayToEachServer(t *testing.T) {
	for _, host := range hosts {
		for name, c := range networkTroubles(host) {
			times := []time.Duration{5 * time.Minute}
			if slow() || name == "R3 portal's page" {
				times = append(times, 3*time.Hour) // outlives what is known of the servers
			}
			for _, lasts := range times {
				t.Run(strings.Join([]string{host, name, lasts.String()}, "/"), func(t *testing.T) {
					inFar(t, nil, func(w *far) {
						for _, h := range hosts {
							w.strangers.Serve(h, page(200, ""))
						}
						before := titles(w.m)
						w.befall(host, c.trouble)
						w.wait(lasts)
						if !maps.Equal(before, titles(w.m)) {
							t.Errorf("R3: what was saved has changed: %d to-dos, then %d", len(before), len(titles(w.m)))
						}
						w.m.Replica().Wake(replica.WakeFocus) // the user comes
						w.add("Typed on the train")
						w.expectOffline(c.limit, c.codes)
						w.heal()
						w.net.Reset()
						took, ok := w.synced(healed)
						if !ok {
							t.Errorf("I8: after %v: %+v", took, w.status())
						}
						if n := w.asked("POST " + authHost + "/token"); n > 1 {
							t.Errorf("I7: %d access tokens were asked for", n)
						}
						// What is known of the servers is still that: nothing of it is
						// asked for again, unless it had grown old.
						for _, r := range w.net.Requests() {
							if strings.Contains(r.String(), "/.well-known/") && lasts < time.Hour {
								t.Errorf("R3: metadata was asked for again: %v", r)
							}
						}
						if n := w.asked("POST " + idpHost + "/token"); n > 2 {
							t.Errorf("I7: the identity provider was asked %d times", n)
						}
						if n := w.atServer("Typed on the train"); n != 1 {
							t.Errorf("I2: %d at the server", n)
						}
						w.onlyKnown()
					})
				})
			}
		}
	}
}

// healed is how long the app may take to be in sync after the last fault (I8).
const healed = 30 * time.Second

func slow() bool { return os.Getenv("WAYBILL_SLOW") != "" }

// expectOffline has a sync tried now, and checks what is said of it.
func (w *far) expectOffline(limit time.Duration, codes string) {
	w.t.Helper()
	start := time.Now()
	err := w.m.Sync(w.t.Context())
	f := fault.As(err)
	if err == nil {
		w.t.Fatal("it synced")
	}
	// A try that is under way is waited for; each has a round trip or two to the
	// other servers besides.
	if took := time.Since(start); took > 2*(limit+250*time.Millisecond) {
		w.t.Errorf("given up after %v, want at most %v for each try", took, limit)
	}
	if f.Kind != fault.Offline || !strings.Contains(" "+codes+" ", " "+f.Code+" ") {
		w.t.Errorf("called %v %q: %v", f.Kind, f.Code, err)
	}
	s, st := w.status(), w.m.State()
	if s.Kind != replica.Offline || s.Waiting != 1 || !strings.Contains(s.Sentence, "1 change") {
		w.t.Errorf("I10: %+v", s)
	}
	if st.SignInNeeded || st.Account == nil {
		w.t.Errorf("offline is not signed out: %+v", st)
	}
	if n := len(w.m.Replica().Snapshot().Rows); n < 20 {
		w.t.Errorf("I9: %d to-dos are left", n)
	}
}
