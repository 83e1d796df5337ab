package auth

import (
	"context"
	"slices"
	"strings"

	"waybill/fault"
)

// named names a server's scopes and addresses, for people.
func named(values []string) string { return fault.Clean(strings.Join(values, " "), 160) }

// carried are the scopes of an ID-JAG: what it says itself counts, since that is
// what the authorization server reads. Nil: it says nothing.
func carried(g *Grant) []string {
	if g.Claims.ScopesKnown {
		return g.Claims.Scopes
	}
	return nil
}

// probeNoScope: a default is allowed, and what the identity provider's policy
// allows is not known here. So what it gives unasked is asked for by name.
func probeNoScope(ctx context.Context, r *prober) ProbeOutcome {
	g, err := r.exchange(ctx, r.o.Plan, nil)
	if err != nil {
		return judged(fault.StepExchange, err, "invalid_scope", "invalid_request")
	}
	got := carried(g)
	if got == nil {
		return narrowed("It issued an ID-JAG that carries no scope.")
	}
	extra := without(got, r.o.Plan.Connection.ResourceScopes())
	if len(extra) == 0 {
		return narrowed("It issued an ID-JAG with no more than this connection asks for (%s).", named(got))
	}
	byName, err := r.exchange(ctx, r.o.Plan, got)
	if err != nil {
		out := judged(fault.StepExchange, err, "invalid_scope")
		if out.Verdict == ProbeRefused {
			out.Verdict, out.Says = ProbeAccepted, "Without a scope it issued an ID-JAG with "+named(extra)+", which it refuses when asked for it by name ("+out.Code+")."
		}
		return out
	}
	if refused := without(extra, carried(byName)); len(refused) > 0 {
		return accepted("Without a scope it issued an ID-JAG with %s, which it leaves out when asked for it by name.", named(refused))
	}
	return narrowed("Its default holds more than this connection asks for (%s), which it also gives when asked for it by name.", named(extra))
}

func probeWiderScope(ctx context.Context, r *prober) ProbeOutcome {
	asked := append(r.o.Plan.Connection.ResourceScopes(), foreignScope)
	g, err := r.exchange(ctx, r.o.Plan, asked)
	if err != nil {
		return judged(fault.StepExchange, err, "invalid_scope", "invalid_target")
	}
	got := carried(g)
	switch {
	case slices.Contains(got, foreignScope):
		return accepted("It issued an ID-JAG with the scope %s, which nobody can have allowed.", foreignScope)
	case got == nil:
		return unknown("It issued an ID-JAG that does not say which scopes it carries.")
	}
	return narrowed("It left that scope out: the ID-JAG carries %s.", named(got))
}

func probeAudience(ctx context.Context, r *prober) ProbeOutcome {
	changed := *r.o.Plan
	if cut, had := strings.CutSuffix(changed.Audience, "/"); had {
		changed.Audience = cut
	} else {
		changed.Audience += "/"
	}
	if changed.Audience == r.o.Plan.Server.Issuer {
		return skipped("The audience of this connection and the issuer differ by a final slash already.")
	}
	g, err := r.exchange(ctx, &changed, r.o.Plan.Connection.ResourceScopes())
	if err != nil {
		return judged(fault.StepExchange, err, "invalid_target", "invalid_request")
	}
	aud := g.Claims.Audience
	switch {
	case slices.Equal(aud, []string{r.o.Plan.Server.Issuer}):
		return narrowed("It took it for the audience that it knows: the ID-JAG is for the issuer as it is.")
	case slices.Contains(aud, changed.Audience):
		return accepted("It issued an ID-JAG for the audience %s, which differs from the issuer by the final slash and is another one.", named(aud))
	}
	return unknown("It issued an ID-JAG for the audience %s, which is neither that nor the issuer.", named(aud))
}

func probeResource(ctx context.Context, r *prober) ProbeOutcome {
	changed := *r.o.Plan
	changed.Resource = foreignPlace
	g, err := r.exchange(ctx, &changed, r.o.Plan.Connection.ResourceScopes())
	if err != nil {
		return judged(fault.StepExchange, err, "invalid_target")
	}
	got := g.Claims.Resource
	switch {
	case slices.Contains(got, foreignPlace):
		return accepted("It issued an ID-JAG for the resource %s, which nobody can have allowed.", foreignPlace)
	case len(got) == 0:
		return unknown("It issued an ID-JAG that names no resource, so the authorization server decides alone.")
	}
	return narrowed("It did not go by what was asked: the ID-JAG is for %s.", named(got))
}

// narrow is an ID-JAG with the first scope of several, so that there is more that
// could be asked for, and what more there is: the connection's other scopes, or
// those that the resource lists, or one that was made up.
func (r *prober) narrow(ctx context.Context) (g *Grant, more []string, failed *ProbeOutcome) {
	own := r.o.Plan.Connection.ResourceScopes()
	if g, failed = r.idjag(ctx, own[:1]); failed != nil {
		return nil, nil, failed
	}
	got := carried(g)
	if got == nil {
		out := unknown("The ID-JAG does not say which scopes it carries, so nothing can be said of what is granted beyond them.")
		return nil, nil, &out
	}
	if more = without(own, got); len(more) == 0 && r.o.Plan.Metadata != nil {
		more = without(r.o.Plan.Metadata.Scopes, got)
	}
	if len(more) == 0 {
		more = []string{foreignScope}
	}
	return g, more, nil
}

// granted are the scopes of an access token: what it says itself, where it can be
// read, else what the answer says. known is false where neither says anything.
func granted(answer *tokenAnswer) (scopes []string, known bool) {
	if token, err := parseCompact(answer.token.Reveal()); err == nil {
		if said, err := parseClaims(token.payload); err == nil {
			for _, name := range []string{"scope", "scp"} {
				if scopes, known, ok := readScopes(said[name]); known && ok {
					return scopes, true
				}
			}
		}
	}
	return answer.scopes, answer.scopesKnown
}

func probeGrantNoScope(ctx context.Context, r *prober) ProbeOutcome {
	g, _, failed := r.narrow(ctx)
	if failed != nil {
		return *failed
	}
	answer, err := r.redeem(ctx, g, func(c *tokenCall) { c.params.Del("scope") })
	if err != nil {
		return judged(fault.StepJWTBearer, err, "invalid_scope", "invalid_request")
	}
	got, known := granted(answer)
	if !known {
		return unknown("It issued an access token and did not say with which scopes.")
	}
	if extra := without(got, carried(g)); len(extra) > 0 {
		return accepted("It granted %s, which the ID-JAG does not carry (it carries %s).", named(extra), named(carried(g)))
	}
	return narrowed("It granted nothing beyond the ID-JAG: %s.", namedOrNone(got))
}

func namedOrNone(scopes []string) string {
	if len(scopes) == 0 {
		return "no scope at all"
	}
	return named(scopes)
}

func probeGrantWiderScope(ctx context.Context, r *prober) ProbeOutcome {
	g, more, failed := r.narrow(ctx)
	if failed != nil {
		return *failed
	}
	asked := append(slices.Clone(carried(g)), more...)
	answer, err := r.redeem(ctx, g, func(c *tokenCall) { c.params.Set("scope", strings.Join(asked, " ")) })
	if err != nil {
		return judged(fault.StepJWTBearer, err, "invalid_scope")
	}
	got, known := granted(answer)
	if !known {
		return accepted("It issued an access token and did not say with which scopes, which means all that were asked for (RFC 6749 section 5.1): %s, beyond the ID-JAG.", named(more))
	}
	if extra := without(got, carried(g)); len(extra) > 0 {
		return accepted("It granted %s, which the ID-JAG does not carry (it carries %s).", named(extra), named(carried(g)))
	}
	return narrowed("It granted nothing beyond the ID-JAG: %s.", namedOrNone(got))
}

func probeGrantResource(ctx context.Context, r *prober) ProbeOutcome {
	g, failed := r.idjag(ctx, r.o.Plan.Connection.ResourceScopes())
	if failed != nil {
		return *failed
	}
	answer, err := r.redeem(ctx, g, func(c *tokenCall) { c.params.Set("resource", foreignPlace) })
	if err != nil {
		return judged(fault.StepJWTBearer, err, "invalid_target")
	}
	meant := answer.resources
	if token, err := parseCompact(answer.token.Reveal()); err == nil {
		if said, err := parseClaims(token.payload); err == nil {
			if aud, ok := said.texts("aud"); ok {
				meant = aud
			}
		}
	}
	switch {
	case slices.Contains(meant, foreignPlace):
		return accepted("It issued an access token for the resource %s, which the ID-JAG does not name.", foreignPlace)
	case len(meant) == 0:
		return unknown("It issued an access token and did not say for which resource.")
	}
	return narrowed("It did not go by what was asked: the access token is for %s.", named(meant))
}
