package cli_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"waybill/internal/xaadev"
)

// arrived are the requests to an address of xaa.dev, method and all.
func (d *desk) arrived(prefix string) (out []string) {
	for _, request := range d.dev.Seen() {
		if strings.HasPrefix(request, prefix) {
			out = append(out, request)
		}
	}
	return out
}

// Signing out, as it arrives at the identity provider: the refresh token is revoked
// (RFC 7009) where that is offered, by the client that it was given to, and the
// browser ends the session (RP-Initiated Logout 1.0), without a token in the
// address. What was ended is said.
func TestS100_SigningOutIsToldToTheIdentityProvider(t *testing.T) {
	const forgotten, unsure, page = "has forgotten the session's refresh token", "did not confirm that it forgets", "GET idp.xaa.dev/session/end?"
	for _, c := range []struct {
		name    string
		revokes bool
		answer  http.HandlerFunc
		says    string
	}{
		{"offered", true, nil, forgotten},
		{"offered, and failing", true, says(http.StatusInternalServerError, "text/plain", "ill"), unsure},
		{"not offered", false, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.dev.Change(func(h *xaadev.Habits) { h.Revokes = c.revokes })
			d.add("xaa-dev")
			d.must("sign-in", "--connection", "xaa-dev")
			if c.answer != nil {
				d.dev.Answer(xaadev.IdP+"/revoke", c.answer)
			}
			r := d.must("sign-out", "--connection", "xaa-dev")
			if err := d.browser.Wait(); err != nil {
				t.Error(err)
			}
			ended := d.arrived(page)
			if len(ended) != 1 || !strings.Contains(ended[0], "client_id="+d.app.ClientID) || strings.Contains(ended[0], "hint") {
				t.Errorf("the browser was at %q", ended)
			}
			for _, words := range []string{forgotten, unsure} {
				if strings.Contains(r.err, words) != (words == c.says) {
					t.Errorf("%q: %s", words, r.err)
				}
			}
			revocations := d.arrived("POST idp.xaa.dev/revoke ")
			if (len(revocations) == 1) != c.revokes {
				t.Fatalf("%d revocations", len(revocations))
			}
			if c.revokes {
				form, _ := url.ParseQuery(revocations[0][strings.LastIndex(revocations[0], " ")+1:])
				if !strings.HasPrefix(form.Get("token"), "refresh-") || form.Get("token_type_hint") != "refresh_token" || form.Get("client_id") != d.app.ClientID || form.Get("client_secret") != d.app.Secret {
					t.Errorf("%v", form)
				}
			}
		})
	}
}
