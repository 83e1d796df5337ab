package auth

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"waybill/fault"
	"waybill/secret"
)

func TestS48_IssuerOfTheMetadataIsComparedByteForByte(t *testing.T) {
	inBubble(t, func(v *verification) {
		for _, issuer := range []any{"https://idp.example/", "https://IDP.example", "http://idp.example", "https://evil.example", "", nil, 7} {
			v.idp.change(func(s *standIn) { s.metadata = map[string]any{"issuer": issuer} })
			_, err := DiscoverProvider(v.Context(), v.transport, v.idp.connection().IdP)
			f := fault.As(err)
			if f == nil || f.Code != "issuer_mismatch" || !strings.Contains(f.Message, "https://idp.example") {
				t.Errorf("%v: %v", issuer, err)
			}
			if issuer == "https://idp.example/" && !strings.Contains(f.Message, "differ only by a final slash") {
				t.Errorf("the slash is not pointed out: %v", err)
			}
		}
	})
}

func TestS49_UnsafeEndpointsOfTheMetadataAreRefused(t *testing.T) {
	inBubble(t, func(v *verification) {
		for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint", "revocation_endpoint"} {
			for _, address := range []string{"http://idp.example/x", "http://127.0.0.1:22/", "https://u@idp.example/", "https://idp.example/#x", "file:///x", "https://2130706433/", "https://bücher.example/", "x"} {
				v.idp.change(func(s *standIn) { s.metadata = map[string]any{name: address} })
				_, err := DiscoverProvider(v.Context(), v.transport, v.idp.connection().IdP)
				if f := fault.As(err); f == nil || f.Kind != fault.Hostile || !strings.Contains(f.Message, name) {
					t.Errorf("%s %s: %v", name, address, err)
				}
			}
		}
	})
}

func TestIssuersThatCannotBeOnesAreRefusedBeforeAnythingIsFetched(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.network.Reset()
		for _, issuer := range []string{"", "idp.example", "http://idp.example", "https://idp.example?x", "https://idp.example#x", "https://u@idp.example"} {
			idp := v.idp.connection().IdP
			idp.Issuer = issuer
			if _, err := DiscoverProvider(v.Context(), v.transport, idp); !fault.Is(err, fault.Config) {
				t.Errorf("%q: %v", issuer, err)
			}
		}
		if dials := v.network.Dials(); len(dials) != 0 {
			t.Errorf("dialled %v", dials)
		}
	})
}

func TestMetadataThatIsMissingIsUnknownAndOverrulesWin(t *testing.T) {
	inBubble(t, func(v *verification) {
		if p := v.provider; p.RefreshSubject != Unknown || p.SubjectTokenTypes != nil || !p.ISSParameter || p.Overruled {
			t.Errorf("%+v", p)
		}
		v.idp.change(func(s *standIn) {
			s.metadata = map[string]any{
				"token_exchange_subject_token_types_supported": []string{typeIDToken, typeRefreshToken}, "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
				"token_endpoint_auth_methods_supported": "client_secret_post", "revocation_endpoint": 7,
			}
		})
		v.discover()
		if p := v.provider; p.RefreshSubject != Yes || !slices.Equal(p.signingAlgs(), []string{"ES256"}) || p.RevocationEndpoint != "" {
			t.Errorf("%+v, %v", p, p.signingAlgs())
		}
		v.idp.change(func(s *standIn) {
			s.metadata = map[string]any{"token_exchange_subject_token_types_supported": []string{typeIDToken}}
		})
		v.discover()
		if v.provider.RefreshSubject != No {
			t.Error("a list without refresh tokens is not a no")
		}
		idp := v.idp.connection().IdP
		idp.TokenEndpoint, idp.JWKSURI, idp.AuthorizationEndpoint, idp.EndSessionEndpoint = "https://a.example/t", "https://a.example/j", "https://a.example/a", "https://a.example/e"
		p, err := DiscoverProvider(v.Context(), v.transport, idp)
		if err != nil || p.TokenEndpoint != idp.TokenEndpoint || p.JWKSURI != idp.JWKSURI || p.AuthorizationEndpoint != idp.AuthorizationEndpoint || p.EndSessionEndpoint != idp.EndSessionEndpoint || !p.Overruled {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestProviderWithoutMetadata(t *testing.T) {
	inBubble(t, func(v *verification) {
		idp := v.idp.connection().IdP
		idp.Issuer = "https://idp.example/nothing-here"
		if _, err := DiscoverProvider(v.Context(), v.transport, idp); fault.As(err).Code != "no_document" {
			t.Errorf("without overrules: %v", err)
		}
		idp.TokenEndpoint = "https://idp.example/token"
		p, err := DiscoverProvider(v.Context(), v.transport, idp)
		if err != nil || p.TokenEndpoint != idp.TokenEndpoint || p.JWKSURI != "" {
			t.Errorf("with one: %+v, %v", p, err)
		}
		v.network.SetOffline(true)
		if _, err := DiscoverProvider(v.Context(), v.transport, idp); !fault.Is(err, fault.Offline) {
			t.Errorf("offline is taken for no metadata: %v", err)
		}
	})
}

func TestProviderSurvivesJSON(t *testing.T) {
	inBubble(t, func(v *verification) {
		data, err := json.Marshal(v.provider)
		if err != nil {
			t.Fatal(err)
		}
		v.provider = &Provider{}
		if err := json.Unmarshal(data, v.provider); err != nil {
			t.Fatal(err)
		}
		v.accepts("with a provider from JSON", v.idp.idToken(nil), Expect{})
	})
}

func TestEndSessionURLNamesTheSession(t *testing.T) {
	p := &Provider{EndSessionEndpoint: "https://idp.example/session/end?x=1"}
	s := &Session{IDToken: IDToken{secret.New("the-id-token")}}
	address, ok := EndSessionURL(p, s, standInClient, "https://app.example/bye")
	u, err := url.Parse(address)
	if !ok || err != nil {
		t.Fatal(address, err)
	}
	q := u.Query()
	if q.Get("x") != "1" || q.Get("id_token_hint") != "the-id-token" || q.Get("client_id") != standInClient || q.Get("post_logout_redirect_uri") != "https://app.example/bye" {
		t.Errorf("%v", q)
	}
	if address, _ := EndSessionURL(p, &Session{}, standInClient, ""); strings.Contains(address, "hint") || strings.Contains(address, "post_logout") {
		t.Error(address)
	}
	for _, endpoint := range []string{"", "file:///x", "http://idp.example/"} {
		if _, ok := EndSessionURL(&Provider{EndSessionEndpoint: endpoint}, s, standInClient, ""); ok {
			t.Errorf("%q is opened", endpoint)
		}
	}
	if _, ok := EndSessionURL(nil, s, standInClient, ""); ok {
		t.Error("without a provider")
	}
}
