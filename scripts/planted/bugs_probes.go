package main

import "slices"

// Where the two servers of the playground look.
const (
	atGrant    = "playground/internal/authz/grant.go"
	atServer   = "playground/internal/authz/authz.go"
	atExchange = "playground/internal/idp/exchange.go"
	atClient   = "playground/internal/oauth/client.go"
)

// holes are bugs in the playground: each lets a request through that the
// specifications forbid. The probe that looks for it has to find it, and no other
// probe may change its verdict.
func holes() []bug {
	return slices.Concat(holesOfTheExchange(), holesOfTheSignature(), holesOfTheClient(), holesOfTheRights(), holesOfTheUse())
}

// hole is a bug that exactly one probe finds.
func hole(name, probe, what string, edits ...edit) bug {
	return bug{
		name: "hole_" + name, holds: "probe " + probe, what: what, edits: edits,
		in: "session", tests: []string{"TestThePlaygroundRefusesEachProbe"}, words: "accepted: [" + probe + "], could not tell: []\n",
	}
}

func holesOfTheExchange() []bug {
	return []bug{
		hole("default_scope", "exchange-no-scope", "An exchange without a scope gives more than could be asked for by name.",
			edit{atExchange, `		return k.Scopes, nil
`, `		return append(slices.Clone(k.Scopes), "todos.admin"), nil
`}),
		hole("any_scope", "exchange-wider-scope", "The identity provider puts any scope into the ID-JAG that is asked for.",
			edit{atExchange, `		default:
			return nil, oauth.Errorf("invalid_scope", "The resource connection does not allow`, `		case scope == "":
			return nil, oauth.Errorf("invalid_scope", "The resource connection does not allow`}),
		hole("audience_slash", "exchange-audience-slash", "The audience is compared without its final slash, and issued as it was asked for.",
			edit{atExchange, `		case k.Audience == audience && k.Resource == resource:
`, `		case strings.TrimSuffix(k.Audience, "/") == strings.TrimSuffix(audience, "/") && k.Resource == resource:
			k.Audience = audience
`}),
		hole("any_resource", "exchange-other-resource", "An ID-JAG is issued for any resource at a server that the client may reach.",
			edit{atExchange, `		case k.Audience == audience:
`, `		case k.Audience == audience:
			k.Resource = resource
			return k, nil
`}),
	}
}

// verified is where the signature is checked.
const verified = `		if token.Claims(key.Key, &claims) == nil {
			return issuer, claims, ""
		}
`

// believed is a server that believes an ID-JAG without a look at its signature
// where that is so.
func believed(where string) edit {
	return edit{atGrant, verified, verified + `		if token.UnsafeClaimsWithoutVerification(&claims) == nil && ` + where + ` {
			return issuer, claims, ""
		}
`}
}

// unsigned is a server that takes an ID-JAG without a signature where its header
// is such a one.
func unsigned(where string) []edit {
	return []edit{
		{atGrant, `	"encoding/json"
`, `	"encoding/base64"
	"encoding/json"
`},
		{atGrant, `	token, err := jwt.ParseSigned(raw, oauth.Algs())
`, `	if p := strings.Split(raw, "."); len(p) == 3 && p[2] == "" {
		header, _ := base64.RawURLEncoding.DecodeString(p[0])
		body, _ := base64.RawURLEncoding.DecodeString(p[1])
		if ` + where + ` && json.Unmarshal(body, &claims) == nil {
			return s.issuers[claims.Issuer], claims, ""
		}
	}
	token, err := jwt.ParseSigned(raw, oauth.Algs())
`},
	}
}

func holesOfTheSignature() []bug {
	const life = `claims.Expiry.Time().Sub(claims.IssuedAt.Time())`
	return []bug{
		hole("signature_of_short_lived", "signature", "An ID-JAG that lives no longer than usual is believed without a look at what its signature is.",
			believed(life+` <= 5*time.Minute && !strings.HasSuffix(raw, ".")`)),
		hole("signature_of_long_lived", "exp", "An ID-JAG that lives longer than usual is believed without a look at its signature.",
			believed(life+" > 5*time.Minute")),
		hole("signature_for_others", "aud", "An ID-JAG for another server is believed without a look at its signature, and taken.",
			believed("!claims.Audience.Contains(s.o.Issuer)"),
			edit{atGrant, `	case claims.Audience[0] != s.o.Issuer:
`, `	case claims.Audience[0] == "":
`}),
		hole("signature_of_strangers", "client-id", "An ID-JAG for a client that is not registered is believed without a look at its signature, and taken.",
			believed(`s.clients[claims.ClientID].ID == ""`),
			edit{atGrant, `	case claims.ClientID != c.ID:
`, `	case claims.ClientID != c.ID && s.clients[claims.ClientID].ID != "":
`}),
		hole("signature_missing", "no-signature", "An ID-JAG without a signature is not verified.", unsigned(`!strings.Contains(string(header), "\"none\"")`)...),
		hole("alg_none", "alg-none", "An ID-JAG that says that it is not signed is believed.", unsigned(`strings.Contains(string(header), "\"none\"")`)...),
	}
}

func holesOfTheClient() []bug {
	return []bug{
		hole("type", "id-token", "An ID token is taken for an ID-JAG.",
			edit{atGrant, `typ != oauth.JWTIDJAG {
`, `typ != oauth.JWTIDJAG && typ != oauth.JWTIDToken {
`},
			edit{atGrant, `	now := s.o.Now()
	switch {
`, `	now := s.o.Now()
	switch {
	case claims.ClientID == "":
		return ""
`}),
		hole("client_by_its_beginning", "other-client", "A client is found by the beginning of its id.",
			edit{atServer, `		c, ok := s.clients[id]
`, `		c, ok := s.clients[id]
		for other := range s.clients {
			if !ok && id != "" && strings.HasPrefix(other, id) {
				return s.clients[other].Credential, true
			}
		}
`},
			edit{atClient, `		return "", unauthorized("The client secret is wrong for " + Quote(c.id) + ".")
	}
	return c.id, nil
`, `		return "", unauthorized("The client secret is wrong for " + Quote(c.id) + ".")
	}
	return known.ID, nil
`}),
		hole("any_secret", "wrong-secret", "Any secret is taken.",
			edit{atClient, `	case !sameSecret(known.Secret, c.secret):
`, `	case c.secret.Empty():
`}),
		hole("no_secret", "no-client-auth", "A client that has a secret may leave it out.",
			edit{atClient, `	case c.method == MethodNone && known.Public:
`, `	case c.method == MethodNone:
`}),
	}
}

func holesOfTheRights() []bug {
	const issue = `	return s.issue(c, issuer, claims, target, key, intersect(asked, strings.Fields(claims.Scope), c.Scopes))
`
	return []bug{
		hole("scope_by_registration", "grant-no-scope", "A request without a scope is granted all that the client is registered for.",
			edit{atGrant, issue, `	if len(asked) == 0 {
		return s.issue(c, issuer, claims, target, key, c.Scopes)
	}
` + issue}),
		hole("scope_escalation", "grant-wider-scope", "What the ID-JAG carries does not limit what is granted.",
			edit{atGrant, issue, `	return s.issue(c, issuer, claims, target, key, intersect(asked, c.Scopes))
`}),
		hole("resource_escalation", "grant-other-resource", "The access token is for whatever resource is asked for.",
			edit{atGrant, `	granted := []string(claims.Resource)
`, `	if asked != "" {
		return asked, nil
	}
	granted := []string(claims.Resource)
`}),
	}
}

func holesOfTheUse() []bug {
	return []bug{
		hole("binding_without_proof", "no-proof", "An ID-JAG that is bound to a key is taken without a proof.",
			edit{atGrant, `	case key == "":
`, `	case key == "":
		return ""
	case key == "never":
`}),
		hole("binding_to_any_key", "other-key", "An ID-JAG that is bound to a key is taken with the proof of any key.",
			edit{atGrant, `	case key != said.Thumbprint:
`, `	case key == "never":
`}),
		hole("replay", "replay", "That an ID-JAG was used is not remembered.",
			edit{atGrant, `claims.Expiry.Time().Add(oauth.Skew)) {
			return state.ErrSpent
`, `claims.Expiry.Time().Add(oauth.Skew)) && claims.ID == "" {
			return state.ErrSpent
`}),
		hole("expiry", "expired", "An ID-JAG is good for an hour, whatever it says.",
			edit{atGrant, `	case !now.Before(claims.Expiry.Time().Add(oauth.Skew)):
`, `	case !now.Before(claims.IssuedAt.Time().Add(maxLife)):
`}),
	}
}
