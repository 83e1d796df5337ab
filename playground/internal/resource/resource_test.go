package resource_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resource"
	"waybill/playground/internal/resourcetest"
	"waybill/playground/internal/todostore"
)

// serve starts a resource that needs the scope "read" and answers whose it is.
func serve(t *testing.T, path string) *resourcetest.Server {
	return resourcetest.Serve(t, path, func(origin string, v access.Verifier) http.Handler {
		protected := resource.New(resource.Options{Origin: origin, Path: path, Name: "Test", AuthorizationServer: "https://auth.example",
			Scopes: []string{"read", "write"}, Verifier: v})
		return protected.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a, ok := protected.Authenticate(w, r); ok && protected.Require(w, a, "read", "extra") {
				resource.Write(w, http.StatusOK, []byte(`"`+resource.Owner(a)+`"`))
			}
		}))
	})
}

func TestMetadataIsWhereRFC9728PutsIt(t *testing.T) {
	for path, elsewhere := range map[string]string{"": "/mcp", "/mcp": ""} {
		s := serve(t, path)
		got := s.Do(t, http.MethodGet, resource.MetadataPrefix+path, "", "")
		var doc map[string]any
		if err := json.Unmarshal([]byte(got.Body), &doc); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.Body)
		}
		want := map[string]any{
			"resource": s.Origin + path, "authorization_servers": []any{"https://auth.example"},
			"scopes_supported": []any{"read", "write"}, "bearer_methods_supported": []any{"header"}, "resource_name": "Test",
		}
		if !reflect.DeepEqual(doc, want) {
			t.Errorf("%v", doc)
		}
		if got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", got.Header)
		}
		if got := s.Do(t, http.MethodPost, resource.MetadataPrefix+path, "", ""); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d", got.StatusCode)
		}
		if got := s.Do(t, http.MethodGet, resource.MetadataPrefix+elsewhere, "", ""); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("elsewhere: %d", got.StatusCode)
		}
	}
}

func TestBearerErrorsAreThoseOfRFC6750(t *testing.T) {
	s := serve(t, "/mcp")
	metadata := `resource_metadata="` + s.Origin + `/.well-known/oauth-protected-resource/mcp"`
	for name, c := range map[string]struct {
		token     string
		headers   []string
		status    int
		code      string
		challenge string
	}{
		"no token":      {"", nil, 401, "unauthorized", "Bearer " + metadata},
		"basic":         {"", []string{"Authorization: Basic YTpi"}, 401, "unauthorized", "Bearer " + metadata},
		"empty token":   {"", []string{"Authorization: Bearer "}, 401, "invalid_token", `Bearer error="invalid_token", error_description="The access token is not well formed.", ` + metadata},
		"two tokens":    {"", []string{"Authorization: Bearer a, b"}, 401, "invalid_token", `Bearer error="invalid_token", error_description="The access token is not well formed.", ` + metadata},
		"two headers":   {"first-token", []string{"Authorization: Bearer b"}, 400, "invalid_request", `Bearer error="invalid_request", error_description="There is more than one Authorization header.", ` + metadata},
		"huge token":    {strings.Repeat("x", 17<<10), nil, 401, "invalid_token", `Bearer error="invalid_token", error_description="The access token is not well formed.", ` + metadata},
		"unknown token": {"nobody", nil, 401, "invalid_token", `Bearer error="invalid_token", error_description="the access token is not valid: it was never issued", ` + metadata},
		"other audience": {s.Issue(access.Access{Subject: "alice", Audience: s.Origin, Scopes: []string{"read", "extra"}}), nil, 401, "invalid_token",
			`Bearer error="invalid_token", error_description="The access token was issued for another resource (aud).", ` + metadata},
		"no scope": {s.Token("alice"), nil, 403, "insufficient_scope",
			`Bearer error="insufficient_scope", error_description="The access token lacks the scope: read extra.", scope="read extra", ` + metadata},
		"one scope": {s.Token("alice", "read"), nil, 403, "insufficient_scope",
			`Bearer error="insufficient_scope", error_description="The access token lacks the scope: extra.", scope="read extra", ` + metadata},
	} {
		got := s.Do(t, http.MethodGet, "/mcp", c.token, "", c.headers...)
		var body struct {
			Success bool
			Error   string
		}
		if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Success || body.Error != c.code || got.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Body)
		}
		if h := got.Header.Values("WWW-Authenticate"); len(h) != 1 || h[0] != c.challenge {
			t.Errorf("%s: %q", name, h)
		}
		if got.Header.Get("Cache-Control") != "no-store" || c.token != "" && strings.Contains(got.Body+got.Header.Get("WWW-Authenticate"), c.token) {
			t.Errorf("%s: it may be cached or repeats the token", name)
		}
	}
	if got := s.Do(t, http.MethodGet, "/mcp", "", "", "Authorization: bearer "+s.Token("alice", "read", "extra")); got.StatusCode != 200 || got.Body != `"alice@example.com"` {
		t.Errorf("a good token: %d %s", got.StatusCode, got.Body)
	}
}

func TestS3_RequestsUnderAForeignNameAreRefused(t *testing.T) {
	s := serve(t, "/mcp")
	token := s.Token("alice", "read", "extra")
	port := s.Origin[strings.LastIndex(s.Origin, ":"):]
	for host, want := range map[string]int{
		"127.0.0.1" + port: 200, "localhost" + port: 200, "[::1]" + port: 200,
		"evil.example" + port: 403, "localhost.evil.example" + port: 403, "127.0.0.1": 403, "127.0.0.1:1": 403, "evil.example": 403, "10.0.0.1" + port: 403,
	} {
		if got := s.Do(t, http.MethodGet, "/mcp", token, "", "Host: "+host); got.StatusCode != want {
			t.Errorf("Host %s: %d", host, got.StatusCode)
		}
		if got := s.Do(t, http.MethodGet, resource.MetadataPrefix+"/mcp", "", "", "Host: "+host); got.StatusCode != want {
			t.Errorf("metadata under Host %s: %d", host, got.StatusCode)
		}
	}
	for origin, want := range map[string]int{s.Origin: 200, "https://evil.example": 403, "null": 403, "http://localhost:1": 403} {
		if got := s.Do(t, http.MethodGet, "/mcp", token, "", "Origin: "+origin); got.StatusCode != want {
			t.Errorf("Origin %s: %d", origin, got.StatusCode)
		}
	}
	if got := s.Do(t, http.MethodGet, resource.MetadataPrefix+"/mcp", "", "", "Origin: https://inspector.example"); got.StatusCode != 200 {
		t.Errorf("metadata for a page of another origin: %d", got.StatusCode)
	}
}

func TestAnUnknownErrorShowsNoDetail(t *testing.T) {
	p := resource.ProblemOf(errors.New("open /secret/path: no such file"))
	if p.Status != http.StatusInternalServerError || strings.Contains(p.Error(), "secret") {
		t.Errorf("%d %s", p.Status, p.Error())
	}
	if p := resource.ProblemOf(&todostore.InvalidError{Reason: "So."}); p.Status != 422 || p.Error() != `{"success":false,"error":"invalid_todo","error_description":"So."}` {
		t.Errorf("%d %s", p.Status, p.Error())
	}
}
