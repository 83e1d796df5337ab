package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// account walks the steps that need a user, with the one who is signed in.
func (k *checker) account(ctx context.Context) {
	const name = "sign-in"
	a := k.m.current()
	if a == nil || a.name != k.name {
		k.add(Check{Name: name, Verdict: CannotTell, Finding: "Nobody is signed in at this connection, so the later steps could not be tried.",
			Remedy: "Sign in and check again.", Step: fault.StepSignIn})
		return
	}
	if k.provider == nil || k.server == nil { // why was said
		k.renewable(a)
		return
	}
	t, err := k.m.Trace(ctx)
	if err != nil || t.Exchange.Fault == nil || t.Exchange.Fault.Kind != fault.SignInNeeded {
		k.renewable(a) // only now: it is the exchange that shows whether the session lives
	}
	if err != nil {
		k.failed("token exchange", "", err)
		return
	}
	if t.Exchange.Fault != nil {
		k.failed("token exchange", "", t.Exchange.Fault)
		return
	}
	k.passed("token exchange", fault.StepExchange, "The identity provider issued an ID-JAG for this resource.")
	k.granted(t)
	if !t.Call.Ran {
		return
	}
	if t.Call.Fault != nil {
		k.failed("call to the resource", connection.FieldURL, t.Call.Fault)
		return
	}
	k.resource(ctx, a)
}

// renewable says how long the session lasts.
func (k *checker) renewable(a *account) {
	check := Check{Name: "sign-in", Verdict: Passed, Finding: "Somebody is signed in, and the session can be renewed.", Step: fault.StepSignIn}
	switch s := a.session.Load(); {
	case s.Ended:
		check.Verdict, check.Finding, check.Remedy = Refuted, "The session at the identity provider has expired or was ended.", "Sign in again."
	case !s.Renewable():
		check.Verdict, check.Field = Warned, connection.FieldIdPScopes
		check.Finding = "Somebody is signed in, but the session cannot be renewed: it ends with its ID token, often after ten minutes."
		check.Remedy = "Have offline_access allowed for this app at the identity provider, and among the scopes of the connection."
	}
	k.add(check)
}

// granted says what was asked for, what the ID-JAG carried and what was granted.
func (k *checker) granted(t *Trace) {
	const name = "JWT bearer grant"
	scopes := ""
	if t.Access != nil {
		scopes = fmt.Sprintf("Asked for: %s; in the ID-JAG: %s; granted: %s.", list(t.Access.Asked, ""), list(t.Access.InIDJAG, "not said"), list(t.Access.Granted, ""))
	}
	switch {
	case t.Redeem.Fault != nil:
		f := *t.Redeem.Fault
		if scopes != "" {
			f.Message += " " + scopes
		}
		k.failed(name, "", &f)
	case len(t.Access.Usable()) < len(t.Access.Asked):
		k.add(Check{Name: name, Verdict: Warned, Finding: "Less was granted than was asked for. " + scopes,
			Remedy: "Have the missing scopes allowed in the resource connection at the identity provider and for the client at the resource.", Step: fault.StepJWTBearer, Field: connection.FieldScopes})
	default:
		token := "An access token"
		if k.conn().DPoP {
			token = "An access token that is bound to this app's key (DPoP)"
		}
		k.passed(name, fault.StepJWTBearer, token+" was granted. "+scopes)
	}
}

func list(scopes []string, unknown string) string {
	switch {
	case scopes == nil && unknown != "":
		return unknown
	case len(scopes) == 0:
		return "none"
	}
	return fault.Clean(strings.Join(scopes, " "), 120)
}

func (k *checker) resource(ctx context.Context, a *account) {
	const name = "call to the resource"
	can, err := a.client.Capabilities(ctx)
	switch {
	case err != nil:
		k.failed(name, connection.FieldURL, err)
	case can.Write:
		k.passed(name, fault.StepCall, "To-dos can be read and changed.")
	default:
		k.passed(name, fault.StepCall, "To-dos can be read. "+can.Why)
	}
	if mcp, ok := a.client.(*api.MCPClient); ok {
		version, asked := mcp.Version(), k.conn().Resource.MCPVersion
		if asked != "" && version != asked {
			k.add(Check{Name: "MCP protocol", Verdict: Warned, Finding: "The server speaks version " + fault.Clean(version, 20) + ", not " + asked + ".",
				Remedy: "Correct the MCP version of the connection, or leave it empty.", Step: fault.StepCall, Field: connection.FieldMCPVersion})
			return
		}
		k.passed("MCP protocol", fault.StepCall, "The server speaks version "+fault.Clean(version, 20)+".")
	}
}

// proofs looks whether the servers say that they take the proofs that the
// connection asks for (DPoP). What their metadata leaves out is unknown, not no.
func (k *checker) proofs() {
	if !k.conn().DPoP {
		return
	}
	check := Check{Name: "proof of possession (DPoP)", Verdict: Passed, Finding: "Both servers say that they bind tokens to a key.", Step: fault.StepExchange}
	for _, s := range []struct {
		who  string
		algs []string
	}{{"The identity provider", k.provider.ProofAlgs}, {"The authorization server", k.server.ProofAlgs}} {
		switch {
		case s.algs == nil && check.Verdict == Passed:
			check.Verdict, check.Finding = CannotTell, s.who+" does not say whether it binds tokens to a key."
			check.Remedy = "If it does not, turn DPoP off in the connection."
		case s.algs != nil && !slices.Contains(s.algs, auth.ProofAlg):
			check.Verdict, check.Finding = Warned, s.who+" takes no proofs that are signed with "+auth.ProofAlg+", as those of this app are."
			check.Remedy = "Ask whoever runs it, or turn DPoP off in the connection."
		}
	}
	k.add(check)
}
