package idp

import (
	"net/http"
	"slices"

	"waybill/playground/internal/dpop"
	"waybill/playground/internal/oauth"
)

// metadata is the discovery document (OpenID Connect Discovery 1.0 section 3,
// RFC 9207 section 3). What the identity provider does not do is not in it.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	at := func(path string) string { return s.o.Issuer + path }
	methods := s.auth.Methods(slices.ContainsFunc(s.o.Clients, func(c Client) bool { return c.Public }))
	document := map[string]any{
		"issuer":                                s.o.Issuer,
		"authorization_endpoint":                at("/authorize"),
		"token_endpoint":                        at("/token"),
		"userinfo_endpoint":                     at("/userinfo"),
		"jwks_uri":                              at("/jwks"),
		"introspection_endpoint":                at("/token/introspection"),
		"end_session_endpoint":                  at("/session/end"),
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"claims_supported":                      []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "email", "email_verified", "name"},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"grant_types_supported":                 []string{oauth.GrantCode, oauth.GrantRefresh, oauth.GrantExchange},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"acr_values_supported":                  []string{ACRCode, ACRStepUp},
		"prompt_values_supported":               []string{"none", "login", "consent", "select_account"},
		"code_challenge_methods_supported":      []string{"S256"},

		"token_endpoint_auth_methods_supported":                    methods,
		"token_endpoint_auth_signing_alg_values_supported":         oauth.Algs(),
		"introspection_endpoint_auth_methods_supported":            methods,
		"introspection_endpoint_auth_signing_alg_values_supported": oauth.Algs(),

		"authorization_response_iss_parameter_supported":    true,
		"request_parameter_supported":                       false,
		"request_uri_parameter_supported":                   false,
		"claims_parameter_supported":                        false,
		"token_exchange_subject_token_types_supported":      []string{oauth.TypeIDToken, oauth.TypeRefreshToken},
		"identity_chaining_requested_token_types_supported": []string{oauth.TypeIDJAG},
	}
	if s.o.Proofs.Verifier != nil {
		document["dpop_signing_alg_values_supported"] = dpop.Algs()
	}
	oauth.WriteDocument(w, r, document)
}

// jwks publishes the keys, retired ones included (RFC 7517 section 5).
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := s.o.Keys.Public(r.Context())
	if err != nil {
		s.fail(w, "keys", err)
		return
	}
	oauth.WriteDocument(w, r, set)
}
