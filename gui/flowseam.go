package gui

import (
	"encoding/json"

	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

type curlScript struct {
	Text      string
	Variables []curlVariable
}

type curlVariable struct {
	Name  string
	Value secret.Text
}

func curlOf(e *transport.Recording) curlScript {
	return curlScript{Text: "curl " + e.URL + " \\\n  --data-urlencode \"client_secret=$CLIENT_SECRET\"\n", Variables: []curlVariable{{"CLIENT_SECRET", secret.New("x")}}}
}

func placeholderOf(h transport.Hidden) string { return h.Placeholder() }

func claimMeaning(kind flow.TokenKind, name string, header bool) string {
	return map[string]string{"iss": "who vouches for the user", "sub": "the user at the IdP", "aud": "the one server that may redeem it", "typ": "required value",
		"client_id": "this app, as that server knows it", "resource": "becomes the access token's aud", "scope": "granted by IdP policy", "jti": "replay protection", "exp": "lifetime 300 s"}[name]
}

func traceOf(r *flow.Run, version string) ([]byte, error) { return json.MarshalIndent(r, "", "  ") }
func harOf(r *flow.Run, version string) ([]byte, error)   { return json.MarshalIndent(r, "", "  ") }
