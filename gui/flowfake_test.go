package gui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

// What is secret in the runs below; none of it may be on screen unasked.
const (
	fakeSecret = "canary-client-secret-7f3a91"
	fakeIDJAG  = "eyJ0eXAiOiJvYXV0aC1pZC1qYWcrand0In0.canary-id-jag.c2ln"
	fakeAccess = "canary-access-token-51c0ffee"
)

// claims makes a token's header or claims of JSON.
func claims(text string) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}

// exchangeAt is an exchange that went well.
func exchangeAt(id uint64, step fault.Step, method, url string, start time.Time, total time.Duration, status int, body string) transport.Recording {
	return transport.Recording{
		ID: id, Step: step, Method: method, URL: url, Status: status, Proto: "HTTP/2.0", Reused: id%2 == 0, Remote: "203.0.113.7:443",
		Start: start, Done: true, Timings: transport.Timings{Headers: total - 2*time.Millisecond, Total: total},
		Request:  transport.Message{Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"Waybill/1.2.3"}}},
		Response: transport.Message{Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Date": {"Mon, 23 Nov 2026 12:04:18 GMT"}}, Body: body, Size: int64(len(body))},
	}
}

// withForm is a request to a token endpoint.
func withForm(r transport.Recording, fields ...string) transport.Recording {
	r.Request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(fields); i += 2 {
		r.Request.Form = append(r.Request.Form, transport.Field{Name: fields[i], Value: fields[i+1]})
	}
	r.Secrets = []transport.Hidden{{Name: "client_secret", Value: secret.New(fakeSecret)}, {Name: "assertion", Value: secret.New(fakeIDJAG), Token: true}, {Name: "subject_token", Value: secret.New(fakeIDJAG), Token: true}, {Name: "access_token", Value: secret.New(fakeAccess), Token: true}}
	return r
}

// goodRun is the run of the design.
func goodRun(id uint64, began time.Time) *flow.Run {
	r := flow.NewRun(id, "playground", flow.ReasonSignIn, began)
	r.Running, r.Took, r.RoundTrips = false, 412*time.Millisecond, 4
	ms := func(n int) time.Time { return began.Add(time.Duration(n) * time.Millisecond) }
	steps := [][3]int{{0, 98}, {106, 111}, {209, 92}, {301, 111}}
	for i, s := range steps {
		r.Steps[i].State, r.Steps[i].Began, r.Steps[i].Took = flow.Done, ms(s[0]), time.Duration(s[1])*time.Millisecond
	}
	r.Steps[0].Party, r.Steps[0].Outcome = "idp.xaa.dev", "ID token, refresh token"
	r.Steps[0].Token = &flow.Token{Kind: flow.KindIDToken, Received: ms(98), Length: 812, Print: "9a1c22f0", Header: claims(`{"alg":"RS256","kid":"2026-11"}`),
		Claims: claims(fmt.Sprintf(`{"iss":"https://idp.xaa.dev","sub":"alice@example.com","aud":"client_1a2b","exp":%d,"iat":%d}`, began.Add(time.Hour).Unix(), began.Unix()))}
	r.Steps[0].Extra = []*flow.Token{{Kind: flow.KindRefreshToken, Opaque: true, Received: ms(98), Length: 64, Print: "44bb10c2"}}
	r.Steps[0].Exchanges = []transport.Recording{withForm(exchangeAt(4, fault.StepSignIn, "POST", "https://idp.xaa.dev/token", ms(0), 98*time.Millisecond, 200, `{"id_token":"«id_token»","refresh_token":"«refresh_token»","expires_in":3600}`), "grant_type", "authorization_code", "code", "«code»")}
	exchangeStep(r, began)
	r.Steps[2].Party, r.Steps[2].Outcome = "auth.resource.xaa.dev", "access token"
	r.Steps[2].Token = &flow.Token{Kind: flow.KindAccessToken, Opaque: true, Received: ms(301), Life: 2 * time.Hour, Length: 28, Print: "0c11aa77", Value: secret.New(fakeAccess)}
	r.Steps[2].Exchanges = []transport.Recording{withForm(exchangeAt(6, fault.StepJWTBearer, "POST", "https://auth.resource.xaa.dev/token", ms(209), 92*time.Millisecond, 200, `{"access_token":"«access_token»","token_type":"Bearer","expires_in":7200}`),
		"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "«assertion»", "client_secret", "«client_secret»")}
	r.Steps[3].Party, r.Steps[3].Outcome = "api.resource.xaa.dev", "24 to-dos"
	r.Steps[3].Exchanges = []transport.Recording{exchangeAt(7, fault.StepCall, "GET", "https://api.resource.xaa.dev/api/todos", ms(301), 111*time.Millisecond, 200, `{"todos":[{"id":"1","title":"Rotate the staging signing keys","completed":false}]}`)}
	for i, path := range []string{"openid-configuration", "oauth-protected-resource", "oauth-authorization-server"} {
		r.Discovery = append(r.Discovery, exchangeAt(uint64(i+1), fault.StepDiscovery, "GET", "https://idp.xaa.dev/.well-known/"+path, ms(-200), 64*time.Millisecond, 200, `{"issuer":"https://idp.xaa.dev"}`))
	}
	return r
}

// exchangeStep is the token exchange of the design.
func exchangeStep(r *flow.Run, began time.Time) {
	s := r.Step(fault.StepExchange)
	s.Party, s.Outcome = "idp.xaa.dev", "ID-JAG"
	s.Token = &flow.Token{Kind: flow.KindIDJAG, Received: began.Add(217 * time.Millisecond), Life: 5 * time.Minute, Length: len(fakeIDJAG), Print: "5be0a1d4", Value: secret.New(fakeIDJAG),
		Header: claims(`{"typ":"oauth-id-jag+jwt","alg":"RS256","kid":"2026-11"}`),
		Claims: claims(fmt.Sprintf(`{"iss":"https://idp.xaa.dev","sub":"alice@example.com","aud":"https://auth.resource.xaa.dev","client_id":"client_1a2b-at-todo0",
			"resource":"https://api.resource.xaa.dev","scope":"todos.read","jti":"69586a9a-b962-4f5d-9d51-0c3a4be2f1aa","iat":%d,"exp":%d}`, began.Unix(), began.Add(5*time.Minute).Unix()))}
	s.Scopes = &flow.Scopes{Asked: []string{"todos.read", "todos.write"}, InIDJAG: []string{"todos.read"}, Granted: []string{"todos.read"}}
	draft := "draft-ietf-oauth-identity-assertion-authz-grant "
	s.Checks = []flow.Check{
		{Name: "typ is oauth-id-jag+jwt", Verdict: auth.Yes, Section: draft + "section 3.1"},
		{Name: "aud equals the authorization server's issuer", Verdict: auth.Yes, Section: draft + "section 4.4.1"},
		{Name: "client_id is this app's resource client", Verdict: auth.Yes, Section: draft + "section 4.4.1"},
		{Name: "resource equals what was asked for", Verdict: auth.Yes, Section: draft + "section 4.3"},
		{Name: "scope granted in full", Verdict: auth.No, Says: "todos.write was asked for and is not in the ID-JAG.", Section: draft + "section 4.3"},
		{Name: "signature verifies with the IdP's key RS256 · kid 2026-11", Verdict: auth.Yes, Section: draft + "section 4.4.1", Advice: true},
		{Name: "lifetime at most 5 minutes", Verdict: auth.Yes, Section: draft + "section 3.1"},
		{Name: "iat fits the server's clock", Verdict: auth.Unknown, Says: "The server sent no Date header.", Section: "RFC 7519 section 4.1.6"},
	}
	s.Exchanges = []transport.Recording{withForm(exchangeAt(5, fault.StepExchange, "POST", "https://idp.xaa.dev/token", s.Began, 111*time.Millisecond, 200,
		`{"access_token":"«access_token»","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A","expires_in":300,"scope":"todos.read"}`),
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "requested_token_type", "urn:ietf:params:oauth:token-type:id-jag",
		"audience", "https://auth.resource.xaa.dev", "resource", "https://api.resource.xaa.dev", "scope", "todos.read todos.write", "subject_token", "«subject_token»",
		"subject_token_type", "urn:ietf:params:oauth:token-type:id_token", "client_id", "client_1a2b", "client_secret", "«client_secret»")}
}

// failedRun is one whose JWT bearer grant was refused.
func failedRun(id uint64, began time.Time) *flow.Run {
	r := goodRun(id, began)
	r.Reason, r.Took, r.RoundTrips = flow.ReasonMint, 301*time.Millisecond, 2
	r.Discovery = nil
	r.Steps[0] = flow.Step{Name: fault.StepSignIn, State: flow.Cached, Why: "The refresh token is still good.", Party: "idp.xaa.dev"}
	s := &r.Steps[2]
	s.State, s.Token, s.Outcome = flow.Failed, nil, ""
	s.Fault = fault.New(fault.StepJWTBearer, fault.Config, "invalid_client", "The resource's authorization server did not accept this app.").
		WithRemedy("Check which client id and secret stand in which card.").About("resource.client_secret").WithServer(401, "Client authentication failed")
	s.Causes = []flow.Cause{
		{Code: "wrong_secret", Sentence: "The client secret at the resource is wrong.", Remedy: "Paste the secret of the client client_1a2b-at-todo0 again.", Field: "resource.client_secret", Evidence: flow.Likely,
			Detail: "client_secret_post: client_id \"client_1a2b-at-todo0\", secret of 27 characters; error invalid_client, HTTP 401"},
		{Code: "wrong_client", Sentence: "The client ID at the resource is the one of the identity provider.", Remedy: "Use the client ID of the registration at the authorization server.", Field: "resource.client_id", Evidence: flow.Possible,
			Detail: "idp.client_id \"client_1a2b\" is not resource.client_id \"client_1a2b-at-todo0\""},
		{Code: "wrong_method", Sentence: "The server wants another client authentication.", Evidence: flow.Possible},
	}
	s.Exchanges[0].Status, s.Exchanges[0].Response.Body = 401, `{"error":"invalid_client","error_description":"Client authentication failed"}`
	r.Steps[3] = flow.Step{Name: fault.StepCall, Why: "There is no access token.", Party: "api.resource.xaa.dev"}
	return r
}

// liveRun is one under way.
func liveRun(id uint64, began time.Time) *flow.Run {
	r := goodRun(id, began)
	r.Running, r.Took, r.RoundTrips = true, 250*time.Millisecond, 2
	r.Steps[2].State, r.Steps[2].Took, r.Steps[2].Token = flow.Running, 41*time.Millisecond, nil
	r.Steps[2].Exchanges[0].Done, r.Steps[2].Exchanges[0].Status, r.Steps[2].Exchanges[0].Response = false, 0, transport.Message{}
	r.Steps[3] = flow.Step{Name: fault.StepCall}
	return r
}

// hostileRun says in every place what a server would say to do harm.
func hostileRun(id uint64, began time.Time, words string) *flow.Run {
	r := failedRun(id, began)
	for i := range r.Steps {
		r.Steps[i].Party, r.Steps[i].Outcome = words, words
	}
	r.Steps[1].Token.Claims[words] = json.RawMessage(fmt.Sprintf("%q", words))
	r.Steps[1].Checks[4].Says = words
	s := &r.Steps[2]
	s.Fault = s.Fault.WithServer(401, words)
	s.Causes[0].Detail, s.Causes[0].Sentence = words, words
	e := &s.Exchanges[0]
	e.Response.Body, e.Response.Header[words] = `{"error":"`+words+`"}`+strings.Repeat(words, 3), []string{words}
	e.URL = "https://auth.example/" + words
	return r
}

// showRuns has these runs recorded.
func (r *rig) showRuns(runs ...*flow.Run) {
	r.b.runs.Store(runs)
	r.settle()
}

// openFlow goes to the page, with these runs recorded.
func (r *rig) openFlow(runs ...*flow.Run) *flowPage {
	r.Helper()
	r.showRuns(runs...)
	r.command("flow")
	p := r.w.flow()
	if p == nil {
		r.Fatalf("the page is a %T", r.w.page)
	}
	return p
}
