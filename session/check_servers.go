package session

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
	"waybill/wording"
)

// skewWarning is how far a clock may be off before tokens are at risk: servers
// allow 30 s.
const skewWarning = 20 * time.Second

// party is one server of a connection.
type party struct {
	address string
	field   connection.Field
	fault   *fault.Fault // why it cannot be reached
}

// parties are the servers that the connection names, each origin once.
func (k *checker) parties() []*party {
	c := k.conn()
	var out []*party
	seen := map[string]bool{}
	for _, p := range []party{
		{address: c.IdP.Issuer, field: connection.FieldIssuer}, {address: c.IdP.TokenEndpoint, field: connection.FieldIdPToken},
		{address: c.Resource.URL, field: connection.FieldURL},
		{address: c.Resource.AuthorizationServer, field: connection.FieldServer}, {address: c.Resource.TokenEndpoint, field: connection.FieldToken},
	} {
		origin, err := transport.Origin(p.address)
		if p.address == "" || err != nil || seen[origin] {
			continue
		}
		seen[origin] = true
		k.m.o.Transport.Trust(p.address)
		out = append(out, &p)
	}
	return out
}

// reach looks names up and makes connections, and reports whether anybody
// answered. If nobody did, the computer is offline, which is said once.
func (k *checker) reach(ctx context.Context) bool {
	parties := k.parties()
	var all sync.WaitGroup
	for _, p := range parties {
		all.Go(func() { p.fault = k.knock(ctx, p.address) })
	}
	all.Wait()
	unreached := 0
	for _, p := range parties {
		if p.fault != nil && p.fault.Code != "tls" {
			unreached++
		}
	}
	if unreached == len(parties) {
		k.add(Check{Name: "network", Verdict: CannotTell, Finding: "None of the servers can be reached: this computer seems to be offline.",
			Remedy: "Check the network and try again; nothing else could be checked.", Step: fault.StepDiscovery, Code: parties[0].fault.Code})
		return false
	}
	for _, p := range parties {
		u, err := url.Parse(p.address)
		if err != nil {
			continue
		}
		name := "connection to " + u.Host
		switch {
		case p.fault != nil:
			k.down[u.Host] = true
			k.failed(name, p.field, p.fault)
		case u.Scheme == "https":
			k.passed(name, fault.StepDiscovery, "Its name is known and its certificate is valid.")
		default:
			k.passed(name, fault.StepDiscovery, "It answers.")
		}
	}
	return true
}

// knock returns why a server cannot be reached; any answer is one.
func (k *checker) knock(ctx context.Context, address string) *fault.Fault {
	u, err := url.Parse(address)
	if err != nil {
		return fault.As(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Scheme+"://"+u.Host+"/", nil)
	if err != nil {
		return fault.As(err)
	}
	response, err := k.m.o.Transport.HTTP(transport.Metadata, "").Do(request)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return nil
	}
	if f := fault.As(err); slices.Contains([]string{"dns", "tls", "network", "timeout", "proxy", "private_address", "canceled"}, f.Code) {
		return f
	}
	return nil
}

// servers looks at what the servers say of themselves and whether they know
// this app.
func (k *checker) servers(ctx context.Context) {
	k.discoverProvider(ctx)
	k.discoverResource(ctx)
	k.discoverServer(ctx)
	k.address(ctx)
	k.clocks()
	if k.provider != nil {
		k.redirectKnown(ctx)
	}
	if k.provider == nil || k.server == nil {
		return
	}
	k.proofs()
	plan, err := auth.Resolve(ctx, k.m.o.Transport, k.conn(), k.configured.Credentials)
	if err != nil {
		k.failed("what was approved", "", err)
		return
	}
	k.clients(ctx, plan)
}

// isDown reports whether it has been said already that a server cannot be
// reached.
func (k *checker) isDown(address string) bool {
	u, err := url.Parse(address)
	return err == nil && k.down[u.Host]
}

func (k *checker) discoverProvider(ctx context.Context) {
	const name = "identity provider"
	if k.isDown(k.conn().IdP.Issuer) {
		return
	}
	p, err := auth.DiscoverProvider(ctx, k.m.o.Transport, k.conn().IdP)
	if err != nil {
		k.failed(name, connection.FieldIssuer, err)
		return
	}
	if p.AuthorizationEndpoint == "" {
		k.add(Check{Name: name, Verdict: Refuted, Finding: p.Issuer + " has no page to sign in at (authorization_endpoint), so it is no identity provider.",
			Remedy: "Set the identity provider's issuer; this may be the authorization server of the resource.", Step: fault.StepDiscovery, Field: connection.FieldIssuer})
		return
	}
	k.provider = p
	k.passed(name, fault.StepDiscovery, "Its metadata is there and names the issuer "+fault.Clean(p.Issuer, 120)+", byte for byte.")
	if k.conn().Subject == connection.SubjectRefreshToken && p.RefreshSubject == auth.No {
		k.add(Check{Name: "subject token", Verdict: Refuted, Finding: "The connection exchanges the refresh token, which the identity provider's metadata does not list.",
			Remedy: "Leave the subject of the connection empty, or set it to id_token.", Step: fault.StepExchange, Field: connection.FieldSubject})
	}
}

func (k *checker) discoverResource(ctx context.Context) {
	const name = "resource metadata"
	r := k.conn().Resource
	if k.isDown(r.URL) {
		return
	}
	m, err := auth.DiscoverResource(ctx, k.m.o.Transport, r)
	k.metadata = m
	switch {
	case err != nil && r.AuthorizationServer == "":
		k.failed(name, connection.FieldURL, err)
	case err != nil: // the connection names the server itself, so it works without
		f := *fault.As(err)
		if f.Code == "resource_mismatch" {
			k.fault(name, connection.FieldURL, Warned, &f)
			return
		}
		if f.Kind != fault.Offline {
			f.Remedy = "The connection names the authorization server itself, so it works without; tell whoever runs the resource."
		}
		k.fault(name, connection.FieldURL, CannotTell, &f)
	case m == nil && (r.AuthorizationServer == "" || r.Identifier == ""):
		k.add(Check{Name: name, Verdict: Warned, Finding: "The resource says nothing about itself.",
			Remedy: "Set the authorization server and the resource identifier by hand.", Step: fault.StepDiscovery, Field: connection.FieldServer})
	case m == nil:
		k.add(Check{Name: name, Verdict: CannotTell, Finding: "The resource says nothing about itself, so the connection cannot be compared with it.", Step: fault.StepDiscovery})
	default:
		k.compare(name, m)
	}
}

// address asks for the to-dos without a token, which should be refused.
func (k *checker) address(ctx context.Context) {
	const name = "address of the to-dos"
	address := api.Address(k.conn().Resource)
	if address == "" || k.isDown(address) {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return
	}
	response, err := k.m.o.Transport.HTTP(transport.Metadata, "").Do(request)
	if err != nil {
		k.fault(name, connection.FieldURL, CannotTell, fault.As(err))
		return
	}
	_ = response.Body.Close()
	shown := fault.Clean(address, 200)
	switch status := response.StatusCode; {
	case status == http.StatusNotFound || status == http.StatusGone:
		k.add(Check{Name: name, Verdict: Refuted, Finding: fmt.Sprintf("There is nothing at %s (HTTP %d).", shown, status),
			Remedy: "Correct the address of the resource.", Step: fault.StepCall, Field: connection.FieldURL})
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		k.passed(name, fault.StepCall, shown+" answers and asks for a token.")
	case status >= 500:
		k.add(Check{Name: name, Verdict: Warned, Finding: fmt.Sprintf("%s cannot answer at the moment (HTTP %d).", shown, status),
			Remedy: "Try again in a while.", Step: fault.StepCall, Field: connection.FieldURL})
	default:
		k.add(Check{Name: name, Verdict: CannotTell, Finding: fmt.Sprintf("%s answers, and does not ask for a token (HTTP %d).", shown, status),
			Remedy: "See whether that is the address of the to-dos: what asks for no token is open to everybody.", Step: fault.StepCall, Field: connection.FieldURL})
	}
}

// compare holds the connection against what the resource says of itself.
func (k *checker) compare(name string, m *auth.ResourceMetadata) {
	r := k.conn().Resource
	k.passed(name, fault.StepDiscovery, "It is there and names "+wording.Plural(len(m.AuthorizationServers), "authorization server", "authorization servers")+".")
	if r.AuthorizationServer != "" && len(m.AuthorizationServers) > 0 && !slices.Contains(m.AuthorizationServers, r.AuthorizationServer) {
		k.add(Check{Name: "audience", Verdict: Warned, Finding: "The connection sets the authorization server " + r.AuthorizationServer + ", but the resource names " +
			fault.Clean(m.AuthorizationServers[0], 120) + slash(r.AuthorizationServer, m.AuthorizationServers[0]) + ".",
			Remedy: "Set it exactly as the resource does, or leave it empty.", Step: fault.StepExchange, Field: connection.FieldServer})
	}
	if r.Identifier != "" && r.Identifier != m.Resource {
		k.add(Check{Name: "resource", Verdict: Warned, Finding: "The connection sets the resource identifier " + fault.Clean(r.Identifier, 120) + ", but the resource calls itself " +
			fault.Clean(m.Resource, 120) + slash(r.Identifier, m.Resource) + ".",
			Remedy: "Set it exactly as the resource does, or leave it empty.", Step: fault.StepExchange, Field: connection.FieldIdentifier})
	}
	if m.Scopes == nil {
		return
	}
	var unknown []string
	for _, scope := range k.conn().ResourceScopes() {
		if !slices.Contains(m.Scopes, scope) {
			unknown = append(unknown, scope)
		}
	}
	if len(unknown) > 0 {
		k.add(Check{Name: "scopes", Verdict: Warned, Finding: "The resource does not list the scope " + fault.Clean(strings.Join(unknown, " "), 120) + ".",
			Remedy: "It lists: " + fault.Clean(strings.Join(m.Scopes, " "), 200) + ".", Step: fault.StepExchange, Field: connection.FieldScopes})
		return
	}
	k.passed("scopes", fault.StepExchange, "The resource lists every scope that is asked for.")
}

// slash says so where two addresses differ by a final slash alone.
func slash(a, b string) string {
	if strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") {
		return " (they differ only by a final slash)"
	}
	return ""
}

func (k *checker) discoverServer(ctx context.Context) {
	const name = "authorization server"
	r := k.conn().Resource
	issuer := r.AuthorizationServer
	if issuer == "" && k.metadata != nil && len(k.metadata.AuthorizationServers) == 1 {
		issuer = k.metadata.AuthorizationServers[0]
	}
	if k.isDown(issuer) {
		return
	}
	if issuer == "" {
		k.add(k.unknownServer(name))
		return
	}
	if issuer == k.conn().IdP.Issuer {
		k.add(Check{Name: name, Verdict: Warned, Finding: "It is the identity provider itself, at the same address.",
			Remedy: "Set the authorization server that the resource trusts, unless one server really is both.", Step: fault.StepDiscovery, Field: connection.FieldServer})
	}
	s, err := auth.DiscoverServer(ctx, k.m.o.Transport, issuer, r.TokenEndpoint)
	if err != nil {
		k.failed(name, connection.FieldServer, err)
		return
	}
	k.server = s
	k.passed(name, fault.StepDiscovery, "Its metadata is there and names the issuer "+fault.Clean(s.Issuer, 120)+", byte for byte.")
	k.audience(s)
	switch s.GrantProfile {
	case auth.No:
		k.add(Check{Name: "grant profile", Verdict: Warned, Finding: "The authorization server's metadata does not list the ID-JAG grant profile.",
			Remedy: "Ask its administrator whether Cross App Access is switched on.", Step: fault.StepJWTBearer})
	case auth.Unknown:
		k.add(Check{Name: "grant profile", Verdict: CannotTell, Finding: "The authorization server does not say whether it takes ID-JAGs.", Step: fault.StepJWTBearer})
	default:
		k.passed("grant profile", fault.StepJWTBearer, "The authorization server says that it takes ID-JAGs.")
	}
}

// unknownServer says why it is not known which authorization server to use.
func (k *checker) unknownServer(name string) Check {
	c := Check{Name: name, Verdict: Refuted, Finding: "It is not known which authorization server the resource trusts.",
		Remedy: "Set the authorization server of the resource.", Step: fault.StepDiscovery, Field: connection.FieldServer}
	if k.metadata == nil || len(k.metadata.AuthorizationServers) < 2 {
		return c
	}
	all := k.metadata.AuthorizationServers
	c.Finding = fmt.Sprintf("The resource names %d authorization servers, and Waybill asks none of them unless it is told which.", len(all))
	c.Remedy = "Set the right one as the authorization server of the resource: " + fault.Clean(strings.Join(all[:min(3, len(all))], ", "), 300)
	if len(all) > 3 {
		c.Remedy += ", and others"
	}
	c.Remedy += "."
	return c
}

// audience looks at an audience that is set by hand and is an address: such a one
// is nearly always the issuer of the authorization server.
func (k *checker) audience(s *auth.Server) {
	set := k.conn().Resource.Audience
	if set == s.Issuer || !strings.Contains(set, "://") {
		return
	}
	k.add(Check{Name: "audience", Verdict: Warned, Finding: "The connection sends the audience " + fault.Clean(set, 120) + ", but the authorization server calls itself " +
		fault.Clean(s.Issuer, 120) + slash(set, s.Issuer) + ".",
		Remedy: "Leave the audience empty, unless the identity provider asks for exactly this one.", Step: fault.StepExchange, Field: connection.FieldAudience})
}

// clocks compares this computer's clock with those of the servers, by the Date
// of their answers. If one server alone is off, it is that one.
func (k *checker) clocks() {
	type clock struct {
		host string
		skew time.Duration
	}
	var all, off []clock
	for _, p := range k.serversAsked() {
		skew, ok := skewAt(k.m.o.Transport, p)
		u, err := url.Parse(p)
		if !ok || err != nil {
			continue
		}
		all = append(all, clock{u.Host, skew})
		if skew.Abs() > skewWarning {
			off = append(off, clock{u.Host, skew})
		}
	}
	switch {
	case len(all) == 0:
		k.add(Check{Name: "clock", Verdict: CannotTell, Finding: "No server says what time it is.", Step: fault.StepJWTBearer})
	case len(off) == 0:
		k.passed("clock", fault.StepJWTBearer, "This computer's clock and those of the servers agree within 20 seconds.")
	case len(off) == len(all):
		k.add(Check{Name: "clock", Verdict: Warned, Finding: "This computer's clock is " + awayFrom(off[0].skew) + " the servers'.",
			Remedy: "Set the clock; tokens are refused when it is wrong.", Step: fault.StepJWTBearer})
	default:
		for _, c := range off {
			k.add(Check{Name: "clock", Verdict: Warned, Finding: "The clock of " + c.host + " is " + awayFrom(-c.skew) + " this computer's and the other servers'.",
				Remedy: "Tell whoever runs it; servers refuse what seems to be from another time.", Step: fault.StepJWTBearer})
		}
	}
}

// awayFrom says how far this computer's clock is from another, which is ahead by
// skew.
func awayFrom(skew time.Duration) string {
	length := wording.Plural(int(skew.Abs().Round(time.Second).Seconds()), "second", "seconds")
	if skew.Abs() >= 2*time.Minute {
		length = fmt.Sprintf("about %d minutes", int(skew.Abs().Round(time.Minute).Minutes()))
	}
	if skew < 0 {
		return length + " ahead of"
	}
	return length + " behind"
}

// serversAsked are the addresses that clocks are known of, each host once.
func (k *checker) serversAsked() []string {
	var out []string
	for _, p := range k.parties() {
		out = append(out, p.address)
	}
	if k.server != nil && k.conn().Resource.AuthorizationServer == "" {
		out = append(out, k.server.Issuer)
	}
	return out
}

func (k *checker) redirectKnown(ctx context.Context) {
	const name = "redirect URI"
	known, f := auth.TryRedirect(ctx, k.m.o.Transport, k.provider, k.conn())
	switch {
	case known == auth.Yes:
		k.passed(name, fault.StepSignIn, "The identity provider takes it for this client.")
	case known == auth.No:
		k.failed(name, connection.FieldRedirectURI, f)
	case f != nil:
		k.fault(name, connection.FieldRedirectURI, CannotTell, f)
	default:
		k.add(Check{Name: name, Verdict: CannotTell, Finding: "Whether the identity provider takes it shows at the sign-in.", Step: fault.StepSignIn, Field: connection.FieldRedirectURI})
	}
}

// clients tries both pairs, each at its own server.
func (k *checker) clients(ctx context.Context, plan *auth.Plan) {
	t := k.m.o.Transport
	idp, f := auth.TryProviderClient(ctx, t, plan)
	k.client("client at the identity provider", connection.FieldIdPSecret, connection.FieldIdPToken, fault.StepExchange, idp, f)
	resource, g := auth.TryServerClient(ctx, t, plan)
	k.client("client at the resource", connection.FieldSecret, connection.FieldToken, fault.StepJWTBearer, resource, g)
	if idp == auth.No && resource == auth.No && f.Code == "invalid_client" && g.Code == "invalid_client" {
		k.add(Check{Name: "both pairs", Verdict: Refuted, Finding: "Neither server takes its pair: they look crossed.",
			Remedy: "Exchange the two client ids and the two secrets.", Step: fault.StepSetup, Field: connection.FieldIdPClientID})
	}
}

func (k *checker) client(name string, field, endpoint connection.Field, step fault.Step, known auth.Tri, f *fault.Fault) {
	switch {
	case known == auth.Yes && f != nil && f.Code == "unauthorized_client":
		k.fault(name, field, Warned, f)
	case known == auth.Yes:
		k.passed(name, step, "Its pair is taken.")
		if f != nil && (f.Code == "invalid_target" || f.Code == "invalid_scope" || f.Code == "access_denied") {
			k.failed("resource connection", "", f)
		}
	case known == auth.No:
		k.failed(name, field, f)
	case f != nil:
		k.fault(name, endpoint, CannotTell, f)
	default:
		k.add(Check{Name: name, Verdict: Warned, Finding: "The server gave out a token for something that is none.", Remedy: "Tell whoever runs it.", Step: step})
	}
}
