package auth

import (
	"net/http"
	"testing"

	"waybill/fault"
)

func TestSessionFromIDTokenOfAFile(t *testing.T) {
	noKeys := func(s *standIn) { s.keysCode = http.StatusNotFound }
	cases := []struct {
		what       string
		change     func(*standIn)
		overrule   bool
		unverified bool
		code       string
	}{
		{"published keys", func(*standIn) {}, false, false, ""},
		{"published keys, overruled", func(*standIn) {}, true, false, ""},
		{"no keys, overruled", noKeys, true, true, ""},
		{"no jwks_uri, overruled", func(s *standIn) { s.metadata = map[string]any{"jwks_uri": nil} }, true, true, ""},
		{"no keys", noKeys, false, false, "no_document"},
		{"no jwks_uri", func(s *standIn) { s.metadata = map[string]any{"jwks_uri": nil} }, false, false, "no_keys"},
		{"keys unreachable, overruled", func(s *standIn) { s.keysCode = http.StatusBadGateway }, true, false, "unavailable"},
		{"forged, overruled", func(s *standIn) { s.keys = nil }, true, false, "id_token_signature"},
		{"no keys and for another client", func(s *standIn) { noKeys(s); s.claims = map[string]any{"aud": "other"} }, true, false, "id_token_audience"},
		{"no keys and expired", func(s *standIn) { noKeys(s); s.claims = map[string]any{"iat": 946684000, "exp": 946684100} }, true, false, "id_token_expired"},
		{"no keys and an ID-JAG", func(s *standIn) { noKeys(s); s.header = map[string]any{"typ": "oauth-id-jag+jwt"} }, true, false, "id_token_type"},
	}
	for _, c := range cases {
		inBubble(t, func(v *verification) {
			v.idp.change(c.change)
			idp := v.idp.connection().IdP
			if c.overrule {
				idp.TokenEndpoint = idp.Issuer + "/token"
			}
			p, err := DiscoverProvider(v.Context(), v.transport, idp)
			if err != nil {
				t.Fatal(err)
			}
			s, err := SessionFromIDToken(v.Context(), v.transport, p, standInClient, rawIDToken(v.idp.idToken(nil)))
			switch {
			case c.code != "":
				if f := fault.As(err); f == nil || f.Code != c.code {
					t.Errorf("%s: %v, want %s", c.what, err, c.code)
				}
			case err != nil || s.Unverified != c.unverified || s.Identity.Subject != "user-1" || s.Renewable() || s.IDToken.Empty():
				t.Errorf("%s: %+v, %v", c.what, s, err)
			}
		})
	}
}
