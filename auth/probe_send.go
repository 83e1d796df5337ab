package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// parts is an ID-JAG taken apart, to be changed.
type parts struct {
	header, payload map[string]json.RawMessage
	rawHeader       string
	rawPayload      string
	signature       []byte
}

func takeApart(raw secret.Text) (*parts, bool) {
	texts := strings.Split(raw.Reveal(), ".")
	if len(texts) != 3 {
		return nil, false
	}
	p := &parts{rawHeader: texts[0], rawPayload: texts[1]}
	for i, into := range []*map[string]json.RawMessage{&p.header, &p.payload} {
		text, err := base64.RawURLEncoding.DecodeString(texts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return nil, false
		}
	}
	var err error
	p.signature, err = base64.RawURLEncoding.DecodeString(texts[2])
	return p, err == nil && len(p.signature) > 0
}

func (p *parts) text() secret.Text {
	return secret.New(p.rawHeader + "." + p.rawPayload + "." + base64.RawURLEncoding.EncodeToString(p.signature))
}

// claim changes one claim and leaves the others as they are.
func (p *parts) claim(name string, value any) {
	p.payload[name], _ = json.Marshal(value) // strings and numbers, which cannot fail
	p.rawPayload = encoded(p.payload)
}

func encoded(members map[string]json.RawMessage) string {
	text, _ := json.Marshal(members) // of what was JSON before
	return base64.RawURLEncoding.EncodeToString(text)
}

// flipSignature changes a bit in the middle: the last characters of base64url may
// hold bits that decoders overlook.
func flipSignature(p *parts) { p.signature[len(p.signature)/2] ^= 1 }

func cutSignature(p *parts) { p.signature = nil }

func unsign(p *parts) {
	p.header["alg"] = json.RawMessage(`"none"`)
	p.rawHeader, p.signature = encoded(p.header), nil
}

// expireLater stays within the hour that an ID-JAG may last, so that it is not
// refused for that.
func expireLater(p *parts) {
	exp, _ := (claims(p.payload)).date("exp")
	p.claim("exp", exp.Add(10*time.Minute).Unix())
}

// tampered sends an ID-JAG that was changed.
func tampered(change func(*parts)) func(context.Context, *prober) ProbeOutcome {
	return func(ctx context.Context, r *prober) ProbeOutcome {
		g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
		if failed != nil {
			return *failed
		}
		p, ok := takeApart(g.Token.Text)
		if !ok {
			return skipped("The ID-JAG has no form that could be changed.")
		}
		change(p)
		return r.verdict(ctx, g, func(c *tokenCall) { c.params.Set("assertion", p.text().Reveal()) }, "invalid_grant")
	}
}

// probeIDToken needs an ID token that is still valid, since any server refuses
// another one for that.
func probeIDToken(ctx context.Context, r *prober) ProbeOutcome {
	token, failed := r.idToken(ctx)
	if failed != nil {
		return *failed
	}
	g := &Grant{Asked: r.o.Plan.Connection.ResourceScopes()} // no ID-JAG at all
	return r.verdict(ctx, g, func(c *tokenCall) { c.params.Set("assertion", token.Reveal()) }, "invalid_grant")
}

// idToken is the session's, renewed if it is about to expire.
func (r *prober) idToken(ctx context.Context) (token IDToken, failed *ProbeOutcome) {
	none := skipped("There is no ID token that is still valid, and any other would be refused for its age.")
	_, err := r.lend(ctx, func(s *Session) (*Grant, error) {
		s, err := r.renewed(ctx, s)
		if err == nil && time.Until(s.IDTokenExpiry) > 0 {
			token = s.IDToken
		}
		return nil, err
	})
	switch {
	case err != nil:
		none.Says += " " + fault.As(err).Message
		return token, &none
	case token.Empty():
		return token, &none
	}
	return token, nil
}

// as sends a valid ID-JAG by a client that change makes of this side's own; where
// that cannot be made it says why.
func (r *prober) as(ctx context.Context, change func(*clientAuth) (why string), wants ...string) ProbeOutcome {
	own, err := r.o.Plan.resourceClient()
	if err != nil {
		return skipped("%s", fault.As(err).Message)
	}
	client := *own
	if why := change(&client); why != "" {
		return skipped("%s", why)
	}
	g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
	if failed != nil {
		return *failed
	}
	return r.verdict(ctx, g, func(c *tokenCall) { c.client = &client }, wants...)
}

// The other pair's secret would be disclosed to this server by being sent, so the
// id of the other pair goes with the secret of this one.
func probeOtherClient(ctx context.Context, r *prober) ProbeOutcome {
	return r.as(ctx, func(c *clientAuth) string {
		if c.id == r.o.Plan.Connection.IdP.ClientID {
			return "Both sides know this app by the same client id, so there is no other client."
		}
		c.id = r.o.Plan.Connection.IdP.ClientID
		return ""
	}, "invalid_client", "invalid_grant")
}

func probeWrongSecret(ctx context.Context, r *prober) ProbeOutcome {
	return r.as(ctx, func(c *clientAuth) string {
		switch c.method {
		case connection.AuthNone:
			return "This client has neither secret nor key at this server."
		case connection.PrivateKeyJWT:
			return c.replaceKey()
		}
		c.secret = secret.New("waybill-probe-" + rand.Text())
		return ""
	}, "invalid_client")
}

// replaceKey puts a new key in the place of the client's, under the same key id.
func (c *clientAuth) replaceKey() (why string) {
	algorithm := string(c.algorithm())
	if algorithm != "RS256" {
		algorithm = "ES256"
	}
	text, err := NewClientKey(algorithm)
	if err != nil {
		return "No key could be made up."
	}
	key, why := parseKey(text)
	if why == "" {
		key.KeyID = c.key.KeyID
		c.key = key
	}
	return why
}

func probeNoAuth(ctx context.Context, r *prober) ProbeOutcome {
	return r.as(ctx, func(c *clientAuth) string {
		if c.method == connection.AuthNone {
			return "This client has neither secret nor key at this server, so it never authenticates (which the draft advises against, section 9.1)."
		}
		c.method = connection.AuthNone
		return ""
	}, "invalid_client")
}

// bound sends an ID-JAG that is bound to the session's key with another one, or
// with none.
func (r *prober) bound(ctx context.Context, key ProofKey) ProbeOutcome {
	g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
	if failed != nil {
		return *failed
	}
	return r.verdict(ctx, g, func(c *tokenCall) { c.key = key }, "invalid_grant", codeProof, codeNonce)
}

func probeNoProof(ctx context.Context, r *prober) ProbeOutcome { return r.bound(ctx, ProofKey{}) }

func probeOtherKey(ctx context.Context, r *prober) ProbeOutcome { return r.bound(ctx, NewProofKey()) }

func probeReplay(ctx context.Context, r *prober) ProbeOutcome {
	g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
	if failed != nil {
		return *failed
	}
	if _, err := r.redeem(ctx, g, nil); err != nil {
		out := judged(fault.StepJWTBearer, err)
		out.Verdict, out.Says = ProbeUnknown, "It was refused at the first time already, so nothing can be said of the second; the server may have locked the client after other probes. "+out.Says
		return out
	}
	out := r.verdict(ctx, g, nil, "invalid_grant")
	if out.Verdict == ProbeAccepted {
		out.Says = "The same ID-JAG was taken twice. The draft (section 4.4.3) lets a client present one again until it expires; MCP's stable profile obliges servers to refuse that."
	}
	return out
}

// expiryGrace is how long after exp an ID-JAG is sent that must not be taken:
// servers allow clocks to differ by up to a minute.
const expiryGrace = time.Minute + 5*time.Second

func probeExpired(ctx context.Context, r *prober) ProbeOutcome {
	g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
	if failed != nil {
		return *failed
	}
	now := time.Now()
	until := g.Claims.Expires.Add(expiryGrace)
	if skew, ok := r.o.Transport.ServerClock(r.o.Plan.Server.TokenEndpoint); ok {
		until = until.Add(-skew)
	}
	wait := until.Sub(now)
	if wait > r.o.Patience {
		return skipped("It would have to wait %s until its ID-JAG has expired by everybody's clock, which is longer than was allowed to wait.", wait.Round(time.Second))
	}
	if r.o.Waiting != nil {
		r.o.Waiting(now.Add(wait))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return skipped("It was cancelled.")
	}
	out := r.verdict(ctx, g, nil, "invalid_grant")
	if out.Verdict == ProbeAccepted {
		out.Says = "It was taken more than a minute after it had expired, and an access token was issued for it."
	}
	return out
}
