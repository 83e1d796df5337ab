package xaadev_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"waybill/internal/virtualnet"
	"waybill/internal/xaadev"
)

// client is a program that knows nothing of the app.
func client(t *testing.T) (*xaadev.World, func(method, address, accept, token, body string) (int, http.Header, string)) {
	t.Helper()
	n := virtualnet.New(0)
	w := xaadev.Start(n)
	c := &http.Client{
		Transport:     &http.Transport{DialContext: n.DialContext, TLSClientConfig: &tls.Config{RootCAs: n.CertPool()}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() { c.CloseIdleConnections(); n.Close() })
	return w, func(method, address, accept, token, body string) (int, http.Header, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		if strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/json")
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		data, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, string(data)
	}
}

func TestTheQuirksOfDiscovery(t *testing.T) {
	_, do := client(t)
	for _, c := range []struct {
		address string
		status  int
		says    string
	}{
		{xaadev.IdP + "/.well-known/oauth-authorization-server", 404, ""},
		{xaadev.IdP + "/.well-known/openid-configuration", 200, `"issuer":"https://idp.xaa.dev"`},
		{xaadev.Server + "/.well-known/oauth-authorization-server", 200, "grant-profile:id-jag"},
		{"https://mcp.xaa.dev/.well-known/oauth-protected-resource", 404, ""},
		{"https://mcp.xaa.dev/.well-known/oauth-protected-resource/mcp", 200, `"resource":"https://mcp.xaa.dev/mcp"`},
		{xaadev.API + "/.well-known/oauth-protected-resource", 200, `"authorization_servers":["https://auth.resource.xaa.dev"]`},
		{"https://mcp.xaa.dev/.well-known/oauth-authorization-server", 200, `"issuer":"http://`},
		{xaadev.API + "/.well-known/oauth-authorization-server", 200, `"issuer":"http://`},
		{xaadev.API + "/api/todos", 401, "invalid_token"},
	} {
		if status, _, body := do("GET", c.address, "application/json", "", ""); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.address, status, body)
		}
	}
	if _, _, body := do("GET", xaadev.Server+"/.well-known/openid-configuration", "", "", ""); strings.Contains(body, "grant-profile") {
		t.Error("the openid-configuration of the authorization server lists grant profiles")
	}
}

func TestClientsAuthenticateInTheBodyOfTheirOwnServer(t *testing.T) {
	w, do := client(t)
	app := w.Register("http://127.0.0.1:8765/callback")
	form := func(id, secret string) string {
		return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {id}, "client_secret": {secret}}.Encode()
	}
	for _, c := range []struct{ id, secret, code string }{
		{app.ClientID, app.Secret, "invalid_grant"}, {app.ClientID, app.RESTPair, "invalid_client"}, {app.RESTClientID, app.RESTPair, "invalid_client"},
	} {
		if _, _, body := do("POST", xaadev.IdP+"/token", "", "", form(c.id, c.secret)); !strings.Contains(body, c.code) {
			t.Errorf("%+v: %s", c, body)
		}
	}
	for _, redirect := range []string{"http://127.0.0.1:8765/callback/", "http://localhost:8765/callback", "http://127.0.0.1:8766/callback"} {
		q := url.Values{"client_id": {app.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "code_challenge_method": {"S256"}}
		if status, _, body := do("GET", xaadev.IdP+"/authorize?"+q.Encode(), "", "", ""); status != 400 || !strings.Contains(body, "redirect_uri") {
			t.Errorf("%s: %d %s", redirect, status, body)
		}
	}
}
