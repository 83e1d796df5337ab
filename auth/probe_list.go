package auth

import (
	"waybill/fault"
)

// Where the rules stand that the probes go by.
const (
	draft        = "draft-ietf-oauth-identity-assertion-authz-grant"
	draftAt      = draft + " section 4.4.1"
	signatureAt  = "RFC 7523 section 3 (9), RFC 7521 section 5.2"
	scopeAt      = "RFC 6749 section 3.3, " + draft
	spentByIt    = "One ID-JAG is issued for it and never redeemed."
	failedGrant  = "A refused token request in the authorization server's log, possibly an alert; " + spentInVain
	spentInVain  = "an ID-JAG is issued for it and, if all is well, never redeemed."
	rejectedJWT  = "The authorization server has to reject it (invalid_grant) and to issue no token."
	droppedToken = " A token that is issued all the same is dropped, but stays valid until it expires."
)

// probesOfTheExchange go to the identity provider, with the user's own session
// and the client's own credentials.
func probesOfTheExchange() []Probe {
	return []Probe{{
		ID: "exchange-no-scope", Title: "Exchange without a scope", At: fault.StepExchange, send: probeNoScope,
		Sends:   "The token exchange as usual, but without the parameter scope. What comes by default is asked for by name once more, if it is more than this connection asks for.",
		Causes:  "One or two token exchanges in the identity provider's log; the ID-JAGs are never redeemed.",
		Demands: "The identity provider has to refuse it (invalid_scope), or to take a default that its policy allows to this client.",
		Section: scopeAt + " section 4.3.3",
	}, {
		ID: "exchange-wider-scope", Title: "Exchange with a wider scope", At: fault.StepExchange, send: probeWiderScope,
		Sends:   "The token exchange as usual, but with a scope more, " + foreignScope + ", which nobody can have allowed.",
		Causes:  "A refused or narrowed token exchange in the identity provider's log, possibly an alert.",
		Demands: "The identity provider has to refuse it (invalid_scope), or to leave that scope out of the ID-JAG.",
		Section: scopeAt + " section 4.3.3",
	}, {
		ID: "exchange-audience-slash", Title: "Audience with or without a final slash", At: fault.StepExchange, send: probeAudience,
		Sends:   "The token exchange as usual, but with a final slash added to the audience, or taken away where there is one.",
		Causes:  "A refused token exchange in the identity provider's log.",
		Demands: "The identity provider has to refuse it (invalid_target), or to issue the ID-JAG for the issuer as it is: issuers are compared byte for byte.",
		Section: draft + " section 4.3, RFC 8414 section 4",
	}, {
		ID: "exchange-other-resource", Title: "Another resource", At: fault.StepExchange, send: probeResource,
		Sends:   "The token exchange as usual, but for the resource " + foreignPlace + ", which does not exist. Nothing is sent there.",
		Causes:  "A refused token exchange in the identity provider's log, possibly an alert.",
		Demands: "The identity provider has to refuse it (invalid_target): nobody can have allowed that resource to this client.",
		Section: "RFC 8707 section 2, " + draft + " section 4.3.3",
	}}
}

// probesOfTheSignature send an ID-JAG whose signature is not that of its
// contents.
func probesOfTheSignature() []Probe {
	probe := func(id, title, sends, demands, section string, change func(*parts)) Probe {
		return Probe{
			ID: id, Title: title, At: fault.StepJWTBearer, send: tampered(change),
			Sends: sends, Causes: failedGrant + droppedToken, Demands: demands, Section: section,
		}
	}
	return []Probe{
		probe("signature", "Signature changed", "An ID-JAG with one bit of its signature flipped.", rejectedJWT, signatureAt, flipSignature),
		probe("no-signature", "Signature cut off", "An ID-JAG without its signature; its header still names the algorithm.", rejectedJWT, signatureAt, cutSignature),
		probe("alg-none", "Algorithm none", "An ID-JAG whose header says that it is not signed (alg none), without a signature.", rejectedJWT, "RFC 8725 sections 3.1 and 3.2, "+signatureAt, unsign),
		probe("aud", "Audience changed under the old signature", "An ID-JAG whose aud is changed to "+foreignPlace+", under the signature of what it said before.", rejectedJWT, draftAt+", "+signatureAt,
			func(p *parts) { p.claim("aud", foreignPlace) }),
		probe("client-id", "Client changed under the old signature", "An ID-JAG whose client_id is changed to "+foreignClient+", under the signature of what it said before.", rejectedJWT, draftAt+", "+signatureAt,
			func(p *parts) { p.claim("client_id", foreignClient) }),
		probe("exp", "Expiry changed under the old signature", "An ID-JAG whose exp is ten minutes later, under the signature of what it said before.", rejectedJWT, signatureAt, expireLater),
	}
}

// probesOfTheClient send what is right by somebody who is not.
func probesOfTheClient() []Probe {
	return []Probe{{
		ID: "id-token", Title: "ID token instead of an ID-JAG", At: fault.StepJWTBearer, send: probeIDToken,
		Sends:   "Your ID token as the assertion. The authorization server can read in it what your identity provider says of you; this is the only probe that shows it something an ID-JAG would not.",
		Causes:  "The authorization server has seen your ID token, and has a refused token request in its log, possibly an alert." + droppedToken,
		Demands: "The authorization server has to reject what is not of the type oauth-id-jag+jwt (invalid_grant).",
		Section: draftAt + ", RFC 8725 section 3.11",
	}, {
		ID: "other-client", Title: "Redeemed by the other client", At: fault.StepJWTBearer, send: probeOtherClient,
		Sends:   "A valid ID-JAG under the client id of the identity provider's side, with the secret or key of this side: the identity provider's secret is never shown to this server.",
		Causes:  "A failed client authentication in the authorization server's log, possibly an alert; " + spentInVain + droppedToken,
		Demands: "The authorization server has to refuse a client that is not registered here (invalid_client), or that the ID-JAG was not issued to (invalid_grant).",
		Section: draftAt + ", RFC 6749 section 5.2",
	}, {
		ID: "wrong-secret", Title: "Redeemed with a wrong secret", At: fault.StepJWTBearer, send: probeWrongSecret,
		Sends:   "A valid ID-JAG under this side's own client id, with a secret or key that was made up.",
		Causes:  "A failed client authentication in the authorization server's log, possibly an alert; some servers lock a client after several. " + spentByIt + droppedToken,
		Demands: "The authorization server has to refuse it (invalid_client).",
		Section: "RFC 6749 sections 3.2.1 and 5.2",
	}, {
		ID: "no-client-auth", Title: "Redeemed without client authentication", At: fault.StepJWTBearer, send: probeNoAuth,
		Sends:   "A valid ID-JAG with the client id alone, without secret, key or assertion.",
		Causes:  "A failed client authentication in the authorization server's log, possibly an alert; " + spentInVain + droppedToken,
		Demands: "The authorization server has to refuse it (invalid_client): a client that was given credentials must use them.",
		Section: "RFC 6749 section 3.2.1, " + draft + " section 4.4",
	}}
}

// probesOfTheRights ask at the grant for what the ID-JAG does not give. They are
// judged by what is granted, since a server may narrow instead of refusing.
func probesOfTheRights() []Probe {
	const causes = "One access token is issued, dropped at once, and valid until it expires; the ID-JAG is spent."
	return []Probe{{
		ID: "grant-no-scope", Title: "Redeemed without a scope", At: fault.StepJWTBearer, send: probeGrantNoScope,
		Sends:  "A valid ID-JAG, with one scope only where this connection asks for several, and no parameter scope.",
		Causes: causes, Demands: "The authorization server has to refuse it (invalid_scope), or to grant nothing that the ID-JAG does not carry.",
		Section: scopeAt + " section 4.4.1",
	}, {
		ID: "grant-wider-scope", Title: "Redeemed with a wider scope", At: fault.StepJWTBearer, send: probeGrantWiderScope,
		Sends:  "A valid ID-JAG, with one scope only where this connection asks for several, and a request for more than it carries.",
		Causes: causes, Demands: "The authorization server has to refuse it (invalid_scope), or to grant nothing that the ID-JAG does not carry.",
		Section: scopeAt + " section 4.4.1",
	}, {
		ID: "grant-other-resource", Title: "Redeemed for another resource", At: fault.StepJWTBearer, send: probeGrantResource,
		Sends:  "A valid ID-JAG, and a request for the resource " + foreignPlace + ", which it does not name and which does not exist.",
		Causes: causes, Demands: "The authorization server has to refuse it (invalid_target), or to issue the token for the resource of the ID-JAG.",
		Section: "RFC 8707 section 2, " + draftAt,
	}}
}

// probesOfTheKey present an ID-JAG that is bound to a key without possession of
// it.
func probesOfTheKey() []Probe {
	const section = draft + " section 9.8.1.2, RFC 9449 section 5"
	return []Probe{{
		ID: "no-proof", Title: "Redeemed without proof of possession", At: fault.StepJWTBearer, DPoP: true, send: probeNoProof,
		Sends:  "A valid ID-JAG that is bound to this app's key (cnf), without a DPoP proof.",
		Causes: failedGrant + droppedToken, Demands: rejectedJWT, Section: section,
	}, {
		ID: "other-key", Title: "Redeemed with another key", At: fault.StepJWTBearer, DPoP: true, send: probeOtherKey,
		Sends:  "A valid ID-JAG that is bound to this app's key (cnf), with the DPoP proof of another key, made for this.",
		Causes: failedGrant + droppedToken, Demands: rejectedJWT, Section: section,
	}}
}

// probesOfTheUse present an ID-JAG when it is no good any more. They come last:
// the first redemption of the replay shows that the server still works.
func probesOfTheUse() []Probe {
	return []Probe{{
		ID: "replay", Title: "Redeemed twice", At: fault.StepJWTBearer, send: probeReplay,
		Sends:   "A valid ID-JAG, and the same one again.",
		Causes:  "One access token is issued, dropped at once, and valid until it expires; then a replay (jti) in the authorization server's log, possibly an alert.",
		Demands: "Servers that follow MCP's enterprise-managed authorization have to refuse the second one (invalid_grant); the draft alone would let it be presented again until it expires.",
		Section: "MCP enterprise-managed authorization (stable); otherwise " + draft + " section 4.4.3",
	}, {
		ID: "expired", Title: "Redeemed after it expired", At: fault.StepJWTBearer, Waits: true, send: probeExpired,
		Sends:   "An ID-JAG a minute after it has expired, which takes as long as ID-JAGs last.",
		Causes:  failedGrant + droppedToken,
		Demands: rejectedJWT, Section: "RFC 7523 section 3 (4), " + draftAt,
	}}
}
