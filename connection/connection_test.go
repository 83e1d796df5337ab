package connection_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
)

const full = `{"name": "my-org",
 "redirect_uri": "http://127.0.0.1:8765/callback",
 "idp": {"issuer": "https://idp.example/", "client_id": "client_1", "client_secret": "${IDP_SECRET}",
         "auth_method": "client_secret_post", "scopes": ["openid", "offline_access"]},
 "resource": {"kind": "rest", "url": "https://api.example", "identifier": "https://api.example/",
              "authorization_server": "https://auth.example", "client_id": "client_1-at-todo0", "client_secret": "${RESOURCE_SECRET}",
              "auth_method": "client_secret_basic", "scopes": ["todos.read"]}}`

func environment(pairs ...string) func(string) (string, bool) {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

func TestParseReadsAConnectionAndItsSecretsFromTheEnvironment(t *testing.T) {
	c, cred, err := connection.Parse([]byte(full), environment("IDP_SECRET", " one\n", "RESOURCE_SECRET", "two"))
	if err != nil {
		t.Fatal(err)
	}
	if c.IdP.Issuer != "https://idp.example/" || c.Resource.Identifier != "https://api.example/" {
		t.Errorf("an identifier is not kept byte for byte: %+v", c)
	}
	if cred.IdP.Reveal() != "one" || cred.Resource.Reveal() != "two" {
		t.Error("the secrets are wrong, or not trimmed")
	}
	out, err := json.Marshal(c)
	if err != nil || strings.Contains(string(out), "secret\":") {
		t.Errorf("a written connection holds a secret: %s %v", out, err)
	}
	back, _, err := connection.Parse(out, environment())
	if err != nil || fmt.Sprint(back) != fmt.Sprint(c) {
		t.Errorf("a written connection does not read back: %v %+v", err, back)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	env := environment("IDP_SECRET", "one", "RESOURCE_SECRET", "two")
	for _, c := range []struct{ old, new, says string }{
		{`"${IDP_SECRET}"`, `"plain"`, `"idp.client_secret"`},
		{`"${IDP_SECRET}"`, `"${UNSET}"`, "UNSET"},
		{`"issuer"`, `"isuer"`, `"idp.isuer"`},
		{`"kind"`, `"issuer": "x", "kind"`, `: "issuer"`}, // there are two of them
		{`"https://idp.example/"`, `""`, `"idp.issuer"`},
		{`"https://idp.example/"`, `7`, "idp.issuer"},
		{`"https://idp.example/"`, `"http://idp.example"`, "plain http"},
		{`"kind": "rest"`, `"kind": "soap"`, `"resource.kind"`},
		{`"client_id": "client_1-at-todo0"`, `"client_id": " "`, `"resource.client_id"`},
		{`"client_secret_post"`, `"client_secret_jwt"`, `"idp.auth_method"`},
		{`"my-org"`, `"../etc"`, "name"},
		{`127.0.0.1:8765/callback`, `0.0.0.0:8765/callback`, "redirect URI"},
		{`127.0.0.1:8765/callback`, `127.0.0.1/callback`, "port"},
		{`127.0.0.1:8765/callback`, `127.0.0.1:8765/callback?x`, "redirect URI"},
		{`]}}`, `]}} {}`, "goes on"},
		{`{"name"`, `["name"`, "JSON"},
	} {
		_, _, err := connection.Parse([]byte(strings.Replace(full, c.old, c.new, 1)), env)
		f := fault.As(err)
		if err == nil || f.Kind != fault.Config || !strings.Contains(f.Error(), c.says) {
			t.Errorf("%s -> %s: %v", c.old, c.new, err)
		}
		if err != nil && strings.Contains(f.Error(), "plain\"") && strings.Contains(c.new, `"plain"`) {
			t.Errorf("the message repeats the secret: %s", f.Error())
		}
	}
	if _, _, err := connection.Parse(make([]byte, connection.MaxFileSize+1), env); !fault.Is(err, fault.Config) {
		t.Error("S106: an oversized file is read")
	}
}

func TestDefaults(t *testing.T) {
	var c connection.Connection
	c.Name, c.Resource.Kind = "n", connection.MCP
	if got := strings.Join(c.ResourceScopes(), " "); got != "todos.read mcp.access" {
		t.Errorf("MCP scopes %q", got)
	}
	if got := strings.Join(c.SignInScopes(), " "); got != "openid profile email offline_access" {
		t.Errorf("sign-in scopes %q", got)
	}
	c.SignInScopes()[0] = "changed"
	if c.SignInScopes()[0] != "openid" {
		t.Error("the default scopes can be changed from outside")
	}
	r, err := c.Redirect()
	if err != nil || r.Host != "127.0.0.1" || r.Port != 0 || r.Path != "/callback" || r.String() != connection.DefaultRedirectURI {
		t.Errorf("redirect %+v %v", r, err)
	}
	if c.DisplayTitle() != "n" {
		t.Error("without a title the name is shown")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{}`))
	env := environment("IDP_SECRET", "one", "RESOURCE_SECRET", "two")
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := connection.Parse(data, env)
		if err != nil {
			if fault.As(err).Kind != fault.Config {
				t.Fatalf("not a Config fault: %v", err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Parse let an invalid connection through: %v", err)
		}
	})
}

func ExampleParse() {
	file := `{"name": "my-org",
	  "idp": {"issuer": "https://idp.example", "client_id": "client_1", "client_secret": "${IDP_SECRET}"},
	  "resource": {"kind": "rest", "url": "https://api.example", "client_id": "client_1-at-todo0"}}`
	c, secrets, err := connection.Parse([]byte(file), func(string) (string, bool) { return "s3cret", true })
	fmt.Println(c.Name, c.ResourceScopes(), secrets.IdP, err)
	// Output: my-org [todos.read] [redacted] <nil>
}

// S71: DPoP is off unless the connection says so, in a word that is no guess.
func TestS71_DPoPIsAChoiceOfTheConnection(t *testing.T) {
	env := environment("IDP_SECRET", "one", "RESOURCE_SECRET", "two")
	for value, want := range map[string]bool{"": false, `"dpop": true, `: true, `"dpop": false, `: false, `"dpop": null, `: false} {
		c, _, err := connection.Parse([]byte(strings.Replace(full, `{"name"`, `{`+value+`"name"`, 1)), env)
		if err != nil || c.DPoP != want {
			t.Errorf("%s: %v, %v", value, c.DPoP, err)
		}
		if out, _ := json.Marshal(c); strings.Contains(string(out), "dpop") != want {
			t.Errorf("%s is written as %s", value, out)
		}
	}
	for _, value := range []string{`"required"`, `1`, `"true"`} {
		_, _, err := connection.Parse([]byte(strings.Replace(full, `{"name"`, `{"dpop": `+value+`, "name"`, 1)), env)
		if f := fault.As(err); err == nil || f.Code != "wrong_type" || !strings.Contains(f.Message, `"dpop"`) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
