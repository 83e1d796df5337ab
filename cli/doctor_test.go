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

// What doctor says of hostile servers, of ill ones, and of what newcomers enter is
// in testdata/doctor.golden, to be read by people: all but the checks that passed.
// No secret goes to a host that it is not for, no other host is asked, nothing that
// a terminal would obey is printed, and no check takes more than a minute.
// WAYBILL_UPDATE=1 writes the file anew.
func TestDoctorIsToBeUnderstood(t *testing.T) {
	var all strings.Builder
	for _, s := range sicknesses() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				s.spoil(d)
				before := time.Now()
				r := d.run("doctor", "--connection", "xaa-dev")
				fmt.Fprintf(&all, "# %s\n\n", s.name)
				for line := range strings.Lines(d.constant(r.out + r.err)) {
					if !strings.HasPrefix(line, "passed") {
						all.WriteString(line)
					}
				}
				fmt.Fprintf(&all, "(status %d)\n\n", r.status)
				if took := time.Since(before); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				d.checkNothingLeaks(r, strings.HasSuffix(s.name, "belongs")) // the user has said so
			})
		})
	}
	checkGolden(t, "doctor.golden", all.String())
}

func (d *desk) checkNothingLeaks(r result, told bool) {
	d.t.Helper()
	for _, c := range r.out + r.err {
		if c != '\n' && (unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)) {
			d.t.Errorf("%U is printed", c)
		}
	}
	for _, secret := range []string{d.app.Secret, d.app.RESTPair} {
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
