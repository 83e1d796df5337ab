package transport_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

var redirectStatuses = []int{300, 301, 302, 303, 305, 307, 308}

// targets are where a redirect could lead to.
var targets = map[string]string{
	"same origin": "https://as.example/other",
	"relative":    "/other",
	"other port":  "https://as.example:8443/other",
	"subdomain":   "https://evil.as.example/other",
	"other host":  "https://evil.example/other",
	"plain http":  "http://as.example/other",
	"loopback":    "http://127.0.0.1:9/other",
	"file":        "file:///etc/passwd",
	"itself":      "/token",
	"none":        "",
}

// E1: net/http would send the body again on 307 and 308, and take any of their
// answers for the token. E2: the bearer would survive another port, a
// subdomain and the way from https to http.
func TestE1E2S52_NoRedirectIsFollowedWithACredential(t *testing.T) {
	for _, role := range []transport.Role{transport.Token, transport.Resource, transport.Stream} {
		for _, status := range redirectStatuses {
			for name, target := range targets {
				t.Run(fmt.Sprintf("role %d/%d/%s", role, status, name), func(t *testing.T) {
					inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
						stolen := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							body, _ := io.ReadAll(r.Body)
							t.Errorf("%s %s was asked, with %q and %q", r.Host, r.URL.Path, body, r.Header.Get("Authorization"))
							_, _ = io.WriteString(w, `{"access_token":"attacker","token_type":"Bearer"}`)
						})
						mux := http.NewServeMux()
						asked := 0
						mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
							asked++
							_, _ = io.Copy(io.Discard, r.Body)
							if target != "" {
								w.Header().Set("Location", target)
							}
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(status)
							_, _ = io.WriteString(w, `{"access_token":"attacker","token_type":"Bearer"}`)
						})
						mux.Handle("/other", stolen)
						n.Serve("as.example", mux)
						n.Serve("as.example:8443", stolen)
						n.Serve("evil.as.example", stolen)
						n.Serve("evil.example", stolen)
						n.ServePlain("as.example:80", stolen)
						n.ServePlain("127.0.0.1:9", stolen)
						_, body, err := post(t.Context(), c.HTTP(role, "https://as.example"), "https://as.example/token")
						f := wantFault(t, err, fault.Hostile, "redirect")
						if f != nil && f.Status != status || body != "" {
							t.Errorf("%v, body %q", f, body)
						}
						if d := n.Dials(); asked != 1 || len(d) != 1 {
							t.Errorf("asked %d times, dialled %v", asked, d)
						}
					})
				})
			}
		}
	}
}

func TestS52_MetadataFollowsThreeRedirectsWithinItsOrigin(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		mux := http.NewServeMux()
		for i := range 5 {
			mux.HandleFunc(fmt.Sprintf("/%d", i), func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, fmt.Sprintf("/%d", i+1), http.StatusFound)
			})
		}
		mux.Handle("/5", says(`{"ok":true}`))
		n.Serve("idp.example", mux)
		hc := c.HTTP(transport.Metadata, "")
		if status, body, err := get(t.Context(), hc, "https://idp.example/2"); status != 200 || body != `{"ok":true}` || err != nil {
			t.Errorf("three redirects: %d %q %v", status, body, err)
		}
		_, _, err := get(t.Context(), hc, "https://idp.example/1")
		wantFault(t, err, fault.Hostile, "redirect")
	})
}

func TestS52_MetadataFollowsNoRedirectElsewhere(t *testing.T) {
	for name, target := range targets {
		if name == "same origin" || name == "relative" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
				asked := 0
				n.Serve("as.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					asked++
					if target != "" {
						w.Header().Set("Location", target)
					}
					w.WriteHeader(http.StatusTemporaryRedirect)
				}))
				_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), "https://as.example/token")
				wantFault(t, err, fault.Hostile, "redirect")
				if d := n.Dials(); len(d) != 1 || asked > 4 {
					t.Errorf("asked %d times, dialled %v", asked, d)
				}
			})
		})
	}
}

func TestR3_ACaptivePortalIsNoAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("idp.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNetworkAuthenticationRequired)
			_, _ = io.WriteString(w, "<html>pay here</html>")
		}))
		for _, role := range []transport.Role{transport.Metadata, transport.Token, transport.Resource, transport.Stream} {
			_, body, err := get(t.Context(), c.HTTP(role, "https://idp.example"), "https://idp.example/")
			f := wantFault(t, err, fault.Offline, "captive_portal")
			if body != "" || f != nil && !strings.Contains(f.Remedy, "sign-in of its own") {
				t.Errorf("%q, %v", body, f)
			}
		}
	})
}

func TestNotModifiedIsAnAnswerAndNoRedirect(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("api.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		}))
		status, _, err := get(t.Context(), c.HTTP(transport.Resource, "https://api.example"), "https://api.example/todos")
		if status != http.StatusNotModified || err != nil {
			t.Errorf("%d, %v", status, err)
		}
	})
}
