package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"waybill/internal/xaadev"
)

const (
	idpMetadata      = xaadev.IdP + "/.well-known/openid-configuration"
	serverMetadata   = xaadev.Server + "/.well-known/oauth-authorization-server"
	resourceMetadata = xaadev.API + "/.well-known/oauth-protected-resource"
	evilHost         = "https://evil.example"
)

// says answers with a document.
func says(status int, contentType, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", contentType)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
}

func saysJSON(body string) http.HandlerFunc { return says(http.StatusOK, "application/json", body) }

func asJSON(text string) string {
	data, _ := json.Marshal(text)
	return string(data)
}

func leadsTo(address string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", address)
		rw.WriteHeader(http.StatusFound)
	}
}

// never begins an answer and does not end it: with nothing, or with more and more.
func never(more string, pause time.Duration) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, `{"issuer":"`)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(rw, more); err != nil {
				return
			}
			rw.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(pause):
			}
		}
	}
}

const hidden = "\x1b[31mred\x1b[0m \u202egnp.exe\u202c \u200b\u2028 \x07\r\n"

// sickness is something that is wrong with a server, with this computer, or with
// what was entered.
type sickness struct {
	name  string
	spoil func(d *desk)
}

// at has one address of xaa.dev answer otherwise.
func at(address string, h http.HandlerFunc) func(*desk) {
	return func(d *desk) {
		d.add("xaa-dev")
		d.dev.Answer(address, h)
	}
}

func sicknesses() []sickness {
	servers := make([]string, 1000)
	for i := range servers {
		servers[i] = fmt.Sprintf("%q", fmt.Sprintf("https://as%d.evil.example", i))
	}
	set := func(settings ...string) func(*desk) {
		var args []string
		for _, s := range settings {
			args = append(args, "--set", s)
		}
		return func(d *desk) { d.add("xaa-dev", args...) }
	}
	return []sickness{
		{"metadata without end", at(idpMetadata, never(strings.Repeat("x", 64<<10), 0))},
		{"metadata that comes a byte at a time", at(idpMetadata, never("x", 700*time.Millisecond))},
		{"metadata that never comes", at(serverMetadata, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{"metadata that leads back to itself", at(idpMetadata, leadsTo(idpMetadata))},
		{"metadata that leads to another host", at(serverMetadata, leadsTo(evilHost+"/metadata"))},
		{"metadata that is a sign-in page of the network", at(idpMetadata, says(http.StatusOK, "text/html", "<title>Free WiFi</title>"))},
		{"metadata that is no JSON", at(serverMetadata, saysJSON("{"))},
		{"metadata that is too deep", at(serverMetadata, saysJSON(strings.Repeat("[", 50_000)))},
		{"metadata that is a number", at(resourceMetadata, saysJSON("7"))},
		{"metadata of a server that is ill", at(idpMetadata, says(http.StatusInternalServerError, "text/html", "<b>500</b>"))},
		{"metadata with too many asking", at(serverMetadata, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Retry-After", "90")
			says(http.StatusTooManyRequests, "text/plain", "slow down")(rw, r)
		})},
		{"endpoints without https", at(idpMetadata, saysJSON(`{"issuer":"https://idp.xaa.dev","authorization_endpoint":"https://idp.xaa.dev/authorize","token_endpoint":"http://idp.xaa.dev/token","jwks_uri":"https://idp.xaa.dev/jwks"}`))},
		{"endpoints that a browser must not open", at(idpMetadata, saysJSON(`{"issuer":"https://idp.xaa.dev","authorization_endpoint":"javascript:alert(1)","token_endpoint":"https://idp.xaa.dev/token","jwks_uri":"https://idp.xaa.dev/jwks"}`))},
		{"endpoints in the private network", at(serverMetadata, saysJSON(`{"issuer":"https://auth.resource.xaa.dev","token_endpoint":"https://169.254.169.254/token"}`))},
		{"hidden characters in the issuer", at(serverMetadata, saysJSON(`{"issuer":`+asJSON("https://auth.resource.xaa.dev"+hidden)+`,"token_endpoint":"https://auth.resource.xaa.dev/token"}`))},
		{"hidden characters in the scopes", at(resourceMetadata, saysJSON(`{"resource":"https://api.resource.xaa.dev","authorization_servers":["https://auth.resource.xaa.dev"],"scopes_supported":[`+asJSON(hidden)+`]}`))},
		{"hidden characters in an error", at(xaadev.Server+"/token", says(http.StatusUnauthorized, "application/json", `{"error":"invalid_client","error_description":"\u001b[31mred \u202egnp.exe\u202c `+strings.Repeat("long ", 200)+`"}`))},
		{"a resource that names a thousand servers", func(d *desk) {
			d.add("xaa-dev", "--set", "resource.authorization_server=")
			d.dev.Answer(resourceMetadata, saysJSON(`{"resource":"https://api.resource.xaa.dev","authorization_servers":[`+strings.Join(servers, ",")+`]}`))
		}},
		{"a resource that is another one", at(resourceMetadata, saysJSON(`{"resource":"https://api.evil.example","authorization_servers":["https://auth.evil.example"]}`))},
		{"a token endpoint that is a page", at(xaadev.IdP+"/token", says(http.StatusOK, "text/html", "<title>IdenX</title>"))},
		{"a token endpoint that is ill", at(xaadev.Server+"/token", says(http.StatusBadGateway, "text/html", "<title>502</title>"))},
		{"a token endpoint that leads elsewhere", at(xaadev.Server+"/token", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", evilHost+"/token")
			rw.WriteHeader(http.StatusTemporaryRedirect)
		})},
		{"a token endpoint that gives a token for nothing", at(xaadev.Server+"/token", saysJSON(`{"access_token":"free","token_type":"Bearer","expires_in":60}`))},
		{"a token endpoint that is not there", at(xaadev.Server+"/token", says(http.StatusNotFound, "text/plain", "no"))},
		{"an API that is ill", at(xaadev.API+"/api/todos", says(http.StatusServiceUnavailable, "text/plain", "later"))},
		{"an API that asks for no token", at(xaadev.API+"/api/todos", saysJSON(`[]`))},
		{"a server that is not there", set("resource.authorization_server=https://auth.resource.xaa.example")},
		{"the issuer's name misspelt", set("idp.issuer=https://idp.xaa.example")},
		{"the address of another page of the identity provider", set("idp.issuer=https://idp.xaa.dev/developer")},
		{"the API's address with its path", set("resource.url=https://api.resource.xaa.dev/api/todos")},
		{"the API's address at the MCP server", set("resource.url=https://mcp.xaa.dev/mcp")},
		{"the authorization server where the identity provider belongs", set("idp.issuer=https://auth.resource.xaa.dev")},
		{"the identity provider where the authorization server belongs", set("resource.authorization_server=https://idp.xaa.dev")},
		{"the audience in the place of the resource", set("resource.identifier=https://auth.resource.xaa.dev")},
		{"another audience", set("resource.audience=https://auth.other.example")},
		{"no secret at all", func(d *desk) {
			d.must("connections", "add", "--yes", "--preset", "xaa-dev", "--set", "idp.client_id="+d.app.ClientID, "--set", "resource.client_id="+d.app.RESTClientID)
		}},
		{"no network", func(d *desk) {
			d.add("xaa-dev")
			d.net.SetOffline(true)
		}},
		{"a wrong clock on this computer", func(d *desk) {
			d.add("xaa-dev")
			d.dev.Change(func(h *xaadev.Habits) { h.EveryClock = 7 * time.Minute })
		}},
	}
}

// afterSignIn has an address answer otherwise once somebody is signed in.
func afterSignIn(preset, address string, h http.HandlerFunc) func(*desk) {
	return func(d *desk) {
		d.add(preset)
		d.must("sign-in", "--connection", preset)
		d.patient = preset
		d.dev.Answer(address, h)
	}
}

// rpc answers each call of an MCP server with a result.
func rpc(results map[string]string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var call struct {
			ID     json.RawMessage
			Method string
		}
		if r.Header.Get("Authorization") == "" {
			says(http.StatusUnauthorized, "application/json", `{}`)(rw, r)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil || call.ID == nil {
			rw.WriteHeader(http.StatusAccepted)
			return
		}
		result := results[call.Method]
		if result == "" {
			result = `"error":{"code":-32601,"message":"Method not found"}`
		}
		saysJSON(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, call.ID, result))(rw, r)
	}
}

// withAUser are sicknesses that show only after a sign-in.
func withAUser() []sickness {
	const initialized = `"result":{"protocolVersion":"2024-11-05","capabilities":{"resources":{},"tools":{}},"serverInfo":{"name":"x","version":"1"}}`
	return []sickness{
		{"a session that is over", func(d *desk) {
			afterSignIn("xaa-dev", "", nil)(d)
			d.dev.EndSessions()
		}},
		{"a session that was found to be over before", func(d *desk) {
			afterSignIn("xaa-dev", "", nil)(d)
			d.dev.EndSessions()
			if r := d.run("trace", "--connection", d.patient); !strings.Contains(r.out, "Sign in again.") {
				d.t.Fatalf("%+v", r)
			}
		}},
		{"a user who is not entitled", afterSignIn("xaa-dev", xaadev.IdP+"/token", says(http.StatusBadRequest, "application/json", `{"error":"access_denied","error_description":"ann is in no group"}`))},
		{"an identity provider that gives an access token for an ID-JAG", afterSignIn("xaa-dev", xaadev.IdP+"/token", saysJSON(`{"access_token":"x","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"}`))},
		{"an authorization server that does not take its own grant", afterSignIn("xaa-dev", xaadev.Server+"/token", says(http.StatusBadRequest, "application/json", `{"error":"unsupported_grant_type"}`))},
		{"an API that refuses every token", afterSignIn("xaa-dev", xaadev.API+"/api/todos", says(http.StatusUnauthorized, "application/json", `{"error":"invalid_token"}`))},
		{"an API that is a web page", afterSignIn("xaa-dev", xaadev.API+"/api/todos", says(http.StatusOK, "text/html", "<title>Todo0</title>"))},
		{"an API without a list", afterSignIn("xaa-dev", xaadev.API+"/api/todos", saysJSON(`{"success":true,"hello":"world"}`))},
		{"an API without end", afterSignIn("xaa-dev", xaadev.API+"/api/todos", never(strings.Repeat("x", 1<<20), 0))},
		{"an MCP server that is a web page", afterSignIn("xaa-dev-mcp", xaadev.MCP, says(http.StatusOK, "text/html", "<title>Todo0</title>"))},
		{"an MCP server of another version", afterSignIn("xaa-dev-mcp", xaadev.MCP, rpc(map[string]string{"initialize": initialized, "tools/list": `"result":{"tools":[]}`,
			"resources/list": `"result":{"resources":[{"uri":"todo0://todos","name":"todos"}]}`,
			"resources/read": `"result":{"contents":[{"uri":"todo0://todos","mimeType":"application/json","text":"{\"data\":[]}"}]}`}))},
		{"an MCP server that offers no to-dos", afterSignIn("xaa-dev-mcp", xaadev.MCP, rpc(map[string]string{"initialize": strings.Replace(initialized, "2024-11-05", "2025-03-26", 1),
			"resources/list": `"result":{"resources":[]}`, "tools/list": `"result":{"tools":[]}`}))},
		{"an MCP server that knows no method", afterSignIn("xaa-dev-mcp", xaadev.MCP, rpc(map[string]string{"initialize": `"error":{"code":-32601,"message":"\u001b[31mMethod not found"}`}))},
	}
}

// What doctor says of hostile servers, of ill ones, and of what newcomers enter is
// in testdata/doctor.golden, to be read by people: all but the checks that passed.
// No secret goes to a host that it is not for, no other host is asked, nothing that
// a terminal would obey is printed, and without a user no check takes more than a
// minute (with one there is no virtual time to measure it by).
// WAYBILL_UPDATE=1 writes the file anew.
func TestDoctorIsToBeUnderstood(t *testing.T) {
	var all strings.Builder
	for _, s := range sicknesses() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if took := s.diagnose(t, &all); took > time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
	for _, s := range withAUser() { // a local copy watches its folder, which takes real time
		t.Run(s.name, func(t *testing.T) { s.diagnose(t, &all) })
	}
	checkGolden(t, "doctor.golden", all.String())
}

func (s sickness) diagnose(t *testing.T, all io.StringWriter) (took time.Duration) {
	d := newDesk(t)
	s.spoil(d)
	if d.patient == "" {
		d.patient = "xaa-dev"
	}
	before := time.Now()
	r := d.run("doctor", "--connection", d.patient)
	text := "# " + s.name + "\n\n"
	for line := range strings.Lines(d.constant(r.out + r.err)) {
		if !strings.HasPrefix(line, "passed") {
			text += line
		}
	}
	took = time.Since(before)
	_, _ = all.WriteString(fmt.Sprintf("%s(status %d)\n\n", text, r.status))
	d.checkNothingLeaks(r, strings.HasSuffix(s.name, "belongs")) // the user has said so
	return took
}

func (d *desk) checkNothingLeaks(r result, told bool) {
	d.t.Helper()
	for _, c := range r.out + r.err {
		if c != '\n' && (unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)) {
			d.t.Errorf("%U is printed", c)
		}
	}
	for _, secret := range []string{d.app.Secret, d.app.RESTPair, d.app.MCPPair} {
		if strings.Contains(r.out+r.err+d.log.String(), secret) {
			d.t.Error("a secret is shown or logged")
		}
	}
	for _, request := range d.dev.Seen() {
		if told {
			break
		}
		if strings.Contains(request, d.app.Secret) && !strings.HasPrefix(request, "POST idp.xaa.dev/") || strings.Contains(request, d.app.RESTPair) && !strings.HasPrefix(request, "POST auth.resource.xaa.dev/") {
			d.t.Errorf("a secret went to %.80s", request)
		}
	}
	for _, host := range d.net.Dials() {
		if strings.Contains(host, "evil") || strings.Contains(host, "169.254") {
			d.t.Errorf("%s was asked", host)
		}
	}
}

// checkGolden holds a text for people against the one that was read and approved.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if os.Getenv("WAYBILL_UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("what is said has changed; if it is better, write it anew with WAYBILL_UPDATE=1:\n%s", firstDifference(string(want), got))
	}
}
