package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
)

func TestEveryRefusalAtTheExchangeSaysWhatToDo(t *testing.T) {
	for code, c := range map[string]struct {
		kind          fault.Kind
		says, remedy  string
		refreshIsSent bool
	}{
		"invalid_client":                   {kind: fault.Config, says: "the identity provider did not accept the client id client_app with its secret", remedy: "At the identity provider"},
		"invalid_request":                  {kind: fault.SignInNeeded, says: "could not use this session", remedy: "Sign in again"},
		"invalid_target":                   {kind: fault.Config, says: "audience https://as.example and resource https://api.example", remedy: "Add that resource connection"},
		"invalid_scope":                    {kind: fault.Config, says: "todos.read todos.write", remedy: "fewer scopes"},
		"invalid_grant":                    {kind: fault.SignInNeeded, says: "expired or was ended", remedy: "Sign in again"},
		"access_denied":                    {kind: fault.Denied, says: "does not allow you or this app", remedy: "administrator"},
		"insufficient_user_authentication": {kind: fault.StepUp, says: "stronger", remedy: "Sign in again"},
		"interaction_required":             {kind: fault.SignInNeeded, says: "see you again", remedy: "Sign in"},
		"unsupported_grant_type":           {kind: fault.Config, says: "does not let this app exchange", remedy: "client_app"},
		"unauthorized_client":              {kind: fault.Config, says: "does not let this app exchange", remedy: "client_app"},
		"unsupported_token_type":           {kind: fault.Config, says: "does not exchange ID tokens", remedy: "other kind of token"},
		"something_new":                    {kind: fault.Failed, says: "refused the request", remedy: "own words"},
	} {
		t.Run(code, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.refuses(http.StatusBadRequest, code)
				_, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken))
				f := wantFault(t, err, fault.StepExchange, c.kind, code)
				if !strings.Contains(f.Message, c.says) || !strings.Contains(f.Remedy, c.remedy) || f.Server != "the server's words" || f.Status != 400 {
					t.Errorf("%q %q %q", f.Message, f.Remedy, f.Server)
				}
			})
		})
	}
}

func TestEveryRefusalAtTheBearerGrantSaysWhatToDo(t *testing.T) {
	for code, c := range map[string]struct {
		kind         fault.Kind
		says, remedy string
	}{
		"invalid_client":                   {fault.Config, "the resource's authorization server did not accept the client id client_app-at-todo0 with its secret", "At the resource"},
		"invalid_grant":                    {fault.Config, "everything that can be checked here is in order", "signing in again does not help"},
		"invalid_scope":                    {fault.Config, "todos.read todos.write", "fewer scopes"},
		"invalid_target":                   {fault.Config, "https://api.example", "resource identifier"},
		"invalid_request":                  {fault.Config, "could not read the request", "token endpoint"},
		"access_denied":                    {fault.Denied, "does not allow you", "trying again does not help"},
		"insufficient_user_authentication": {fault.StepUp, "stronger", "Sign in again"},
		"unsupported_grant_type":           {fault.Config, "does not accept grants", "client_app-at-todo0"},
		"unauthorized_client":              {fault.Config, "does not accept grants", "client_app-at-todo0"},
		"something_new":                    {fault.Failed, "refused the request", "own words"},
	} {
		t.Run(code, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.refuses(http.StatusBadRequest, code)
				_, _, err := w.exchangeAndRedeem(t)
				f := wantFault(t, err, fault.StepJWTBearer, c.kind, code)
				if !strings.Contains(f.Message, c.says) || !strings.Contains(f.Remedy, c.remedy) || f.Server != "the server's words" {
					t.Errorf("%q %q %q", f.Message, f.Remedy, f.Server)
				}
			})
		})
	}
}

func TestEveryRefusalAtTheRefreshSaysWhatToDo(t *testing.T) {
	for code, kind := range map[string]fault.Kind{
		"invalid_client": fault.Config, "invalid_grant": fault.SignInNeeded, "access_denied": fault.Denied, "login_required": fault.SignInNeeded,
		"invalid_scope": fault.Failed, "temporarily_unavailable": fault.Offline,
	} {
		t.Run(code, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.refuses(http.StatusBadRequest, code)
				_, err := Refresh(t.Context(), w.transport, w.plan, w.session)
				wantFault(t, err, fault.StepSignIn, kind, code)
			})
		})
	}
}

func TestCrossedClientsAreNamedAtInvalidClient(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.plan.Connection.IdP.ClientID, w.plan.Connection.Resource.ClientID = resID, idpID
		w.idp.refuses(http.StatusUnauthorized, "invalid_client")
		_, _, err := w.exchangeAndRedeem(t)
		f := wantFault(t, err, fault.StepExchange, fault.Config, "invalid_client")
		if !strings.Contains(f.Message, "client_app-at-todo0 with its secret") || !strings.Contains(f.Remedy, "crossed") {
			t.Errorf("%q %q", f.Message, f.Remedy)
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		w.plan.Connection.Resource.ClientID = "client_other-at-todo0"
		w.idp.jag = map[string]any{"client_id": "client_other-at-todo0"}
		w.as.refuses(http.StatusUnauthorized, "invalid_client")
		_, _, err := w.exchangeAndRedeem(t)
		f := wantFault(t, err, fault.StepJWTBearer, fault.Config, "invalid_client")
		if !strings.Contains(f.Remedy, "two different registrations") {
			t.Errorf("%q", f.Remedy)
		}
	})
}

func TestInvalidClientSaysHowTheAppProvedItself(t *testing.T) {
	for method, how := range map[connection.AuthMethod]string{
		connection.ClientSecretPost: "with its secret", connection.AuthNone: "with no secret", connection.PrivateKeyJWT: "with an assertion signed with its key",
	} {
		inWorld(t, func(t *testing.T, w *world) {
			text, err := clientKeys(t)["RS256"].MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			w.plan.Connection.IdP.AuthMethod, w.plan.Credentials.IdPKey = method, secretText(string(text))
			w.idp.refuses(http.StatusUnauthorized, "invalid_client")
			_, _, err = w.exchangeAndRedeem(t)
			if f := wantFault(t, err, fault.StepExchange, fault.Config, "invalid_client"); !strings.Contains(f.Message, how) {
				t.Errorf("%s: %q", method, f.Message)
			}
		})
	}
}

func TestS70_AStepUpCarriesWhatIsAskedFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		body := `{"error":"insufficient_user_authentication","max_age":300,"acr_values":"urn:mfa phr","scope":"a","other":"x","error_description":"step up"}`
		w.idp.body, w.idp.status = &body, http.StatusBadRequest
		_, _, err := w.exchangeAndRedeem(t)
		f := wantFault(t, err, fault.StepExchange, fault.StepUp, "insufficient_user_authentication")
		if len(f.Challenge) != 3 || f.Challenge["max_age"] != "300" || f.Challenge["acr_values"] != "urn:mfa phr" {
			t.Errorf("challenge %v", f.Challenge)
		}
	})
	inWorld(t, func(t *testing.T, w *world) {
		body := `{"error":"insufficient_user_authentication","max_age":[],"acr_values":"a\u0000b"}`
		w.idp.body, w.idp.status = &body, http.StatusBadRequest
		_, _, err := w.exchangeAndRedeem(t)
		if f := wantFault(t, err, fault.StepExchange, fault.StepUp, "insufficient_user_authentication"); len(f.Challenge) != 0 {
			t.Errorf("challenge %v", f.Challenge)
		}
	})
}

// R15: an opaque invalid_grant at the authorization server is explained from
// our own evidence.
func TestR15_AnOpaqueInvalidGrantIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		change       func(w *world)
		says, remedy string
	}{
		"a claim that will be refused": {func(w *world) { w.idp.jag = map[string]any{"iat": time.Now().Add(5 * time.Minute).Unix()} }, "issued in the future", "its clock and the dates"},
		"no jti":                       {func(w *world) { w.idp.jag = map[string]any{"jti": nil} }, "no id of its own", ""},
		"not valid yet":                {func(w *world) { w.idp.jag = map[string]any{"nbf": time.Now().Add(time.Minute).Unix()} }, "not valid yet", ""},
		"clocks": {func(w *world) {
			w.as.header = http.Header{"Date": {time.Now().Add(-2 * time.Minute).UTC().Format(http.TimeFormat)}}
		}, "its clock is 1", "whoever runs the two servers"},
		"clocks the other way": {func(w *world) {
			w.as.header = http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
		}, "ahead of the identity provider's", ""},
		"profile not listed": {func(w *world) { w.plan.Server.GrantProfile = No }, "does not list this kind of grant", ""},
		"grant not listed":   {func(w *world) { w.plan.Server.JWTBearer = No }, "does not list this kind of grant", ""},
		"nothing to see":     {func(*world) {}, "everything that can be checked here is in order", "seen the grant before"},
		"a scope is missing": {func(w *world) { w.idp.jag = map[string]any{"scope": "todos.read"} }, "everything that can be checked here is in order", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				c.change(w)
				w.as.refuses(http.StatusBadRequest, "invalid_grant")
				_, _, err := w.exchangeAndRedeem(t)
				f := wantFault(t, err, fault.StepJWTBearer, fault.Config, "invalid_grant")
				if !strings.Contains(f.Message, c.says) || !strings.Contains(f.Remedy, c.remedy) {
					t.Errorf("%q %q", f.Message, f.Remedy)
				}
				if w.as.tokens() != 1 || w.idp.tokens() != 1 {
					t.Errorf("it was tried again: %d, %d", w.idp.tokens(), w.as.tokens())
				}
			})
		})
	}
}
