package playground

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// check says whether the origins are four different ones in their plain form.
func (o Origins) check() error {
	seen := map[string]bool{}
	for role, origin := range o.byRole() {
		if role == AuthorizationServer {
			origin = strings.TrimSuffix(origin, "/")
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || origin != u.Scheme+"://"+u.Host || origin != strings.ToLower(origin) {
			return fmt.Errorf("%q cannot be the origin of %v: it has to be scheme://host[:port] in lower case", origin, role)
		}
		if seen[origin] {
			return fmt.Errorf("the origin %q is given to two services", origin)
		}
		seen[origin] = true
	}
	return nil
}

func (o Origins) byRole() map[Role]string {
	return map[Role]string{IdP: o.IdP, AuthorizationServer: o.AuthorizationServer, API: o.API, MCP: o.MCP}
}

// cutScheme takes an address apart at "://".
func cutScheme(address string) (scheme, rest string, ok bool) { return strings.Cut(address, "://") }

// probePath is where Attach asks who is there.
const probePath = "/.well-known/waybill-playground"

// guard is what all services have in common: the Host that they answer to, so
// that no web page can reach them under a name of its own (DNS rebinding); the
// Date by the playground's clock; and the latency. The resources look at the
// Host themselves.
func (p *Playground) guard(role Role, next http.Handler) http.Handler {
	_, host, _ := cutScheme(strings.TrimSuffix(p.origins.byRole()[role], "/"))
	strict := role == IdP || role == AuthorizationServer
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := !strict || strings.EqualFold(r.Host, host)
		probed := known && role == IdP && r.URL.Path == probePath
		if !probed && !p.hold(r) {
			return
		}
		h := w.Header()
		h.Set("Date", p.o.Now().UTC().Format(http.TimeFormat))
		h.Set("X-Content-Type-Options", "nosniff")
		p.o.Log.Debug("A request arrived.", "service", role.String(), "method", r.Method, "path", r.URL.Path)
		switch {
		case !known:
			http.Error(w, "This server answers to "+host+" only.", http.StatusMisdirectedRequest)
		case probed:
			h.Set("Cache-Control", "no-store")
			h.Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(p.instance))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// hold waits for the latency, and reports whether the client is still there.
func (p *Playground) hold(r *http.Request) bool {
	if p.o.Latency <= 0 {
		return true
	}
	timer := time.NewTimer(p.o.Latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
