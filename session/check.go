package session

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/fault"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	Passed     Verdict = "passed"
	Warned     Verdict = "warning"
	Refuted    Verdict = "failed"
	CannotTell Verdict = "could not tell"
)

// skewWarning is how far a clock may be off before tokens are at risk: servers
// allow 30 s.
const skewWarning = 20 * time.Second

// Check is one thing about a connection that was looked at.
type Check struct {
	Name    string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Finding string  `json:"finding"`          // one sentence
	Remedy  string  `json:"remedy,omitempty"` // one sentence
}

// CheckConnection looks at every step of the named connection that works
// without the user, and at the rest with the account that is open for it, if
// one is. It goes on after a failure as far as that makes sense.
func (m *Manager) CheckConnection(ctx context.Context, name string) []Check {
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return []Check{failed("settings", err)}
	}
	c := configured.Connection
	k := &checker{m: m, configured: configured}
	k.add(k.settings())
	k.add(k.redirect())
	k.add(k.provider(ctx))
	k.add(k.metadata(ctx))
	k.add(k.plan(ctx))
	for _, at := range []string{c.IdP.Issuer, c.Resource.AuthorizationServer, c.Resource.URL} {
		k.clock(at)
	}
	k.account(ctx, name)
	return k.checks
}

type checker struct {
	m          *Manager
	configured Configured
	checks     []Check
}

func (k *checker) add(c Check) { k.checks = append(k.checks, c) }

func failed(name string, err error) Check {
	f := fault.As(err)
	return Check{name, Refuted, f.Message, f.Remedy}
}

func (k *checker) settings() Check {
	if err := k.configured.Connection.Validate(); err != nil {
		return failed("settings", err)
	}
	if s := k.configured.Connection.Suspicion(); s != "" {
		return Check{"settings", Warned, s, "Compare both cards with the registration."}
	}
	return Check{"settings", Passed, "All required fields are there.", ""}
}

// redirect finds out whether a fixed redirect port is free.
func (k *checker) redirect() Check {
	r, err := k.configured.Connection.Redirect()
	if err != nil {
		return failed("redirect URI", err)
	}
	if r.Port == 0 {
		return Check{"redirect URI", Passed, "Any free port on this computer is used.", ""}
	}
	l, err := net.Listen("tcp", net.JoinHostPort(r.Host, strconv.Itoa(r.Port)))
	if err != nil {
		return Check{"redirect URI", Refuted, fmt.Sprintf("Port %d on this computer is taken.", r.Port),
			"Close the program that uses it, or register another port."}
	}
	_ = l.Close()
	return Check{"redirect URI", Passed, fmt.Sprintf("Port %d is free; %s must be registered exactly like this.", r.Port, r), ""}
}

func (k *checker) provider(ctx context.Context) Check {
	p, err := auth.DiscoverProvider(ctx, k.m.o.Transport, k.configured.Connection.IdP)
	if err != nil {
		return failed("identity provider", err)
	}
	return Check{"identity provider", Passed, "Its metadata is there and names the issuer " + fault.Clean(p.Issuer, 120) + ".", ""}
}

func (k *checker) metadata(ctx context.Context) Check {
	const name = "resource metadata"
	r, err := auth.DiscoverResource(ctx, k.m.o.Transport, k.configured.Connection.Resource)
	if err == nil {
		return Check{name, Passed, fmt.Sprintf("The resource names %d authorization server(s).", len(r.AuthorizationServers)), ""}
	}
	if k.configured.Connection.Resource.AuthorizationServer == "" {
		return failed(name, err)
	}
	// The connection names the server itself, so it works without.
	return Check{name, CannotTell, fault.As(err).Message, ""}
}

func (k *checker) plan(ctx context.Context) Check {
	const name = "authorization server"
	plan, err := auth.Resolve(ctx, k.m.o.Transport, k.configured.Connection, k.configured.Credentials)
	if err != nil {
		return failed(name, err)
	}
	switch plan.Server.GrantProfile {
	case auth.No:
		return Check{name, Warned, "Its metadata does not list the ID-JAG grant profile.", "Ask its administrator whether Cross App Access is switched on."}
	case auth.Unknown:
		return Check{name, Passed, "Its metadata is there; it does not say whether it takes ID-JAGs.", ""}
	}
	return Check{name, Passed, "Its metadata is there and says that it takes ID-JAGs.", ""}
}

func (k *checker) clock(at string) {
	skew, ok := skewAt(k.m.o.Transport, at)
	if !ok {
		return
	}
	name := "clock against " + at
	if skew.Abs() > skewWarning {
		k.add(Check{name, Warned, fmt.Sprintf("This computer's clock is off by %s.", skew.Abs().Round(time.Second)),
			"Set the clock; tokens are refused when it is wrong."})
		return
	}
	k.add(Check{name, Passed, "The clocks agree within 20 seconds.", ""})
}

// account walks the steps that need a session, with the one that is open.
func (k *checker) account(ctx context.Context, name string) {
	a := k.m.current()
	if a == nil || a.name != name {
		k.add(Check{"sign-in", CannotTell, "Nobody is signed in at this connection, so the later steps could not be tried.", "Sign in and check again."})
		return
	}
	if err := a.connect(ctx); err != nil {
		k.add(failed("sign-in", err))
		return
	}
	_, granted, err := a.ladder.Token(ctx)
	if err != nil {
		f := fault.As(err)
		k.add(failed(string(f.Step), err))
		return
	}
	k.add(Check{"token exchange and JWT bearer grant", Passed, fmt.Sprintf("An access token was granted with %d scope(s).", len(granted)), ""})
	caps, err := a.client.Capabilities(ctx)
	if err != nil {
		k.add(failed("call to the resource", err))
		return
	}
	k.add(capabilities(caps))
}

func capabilities(caps api.Capabilities) Check {
	if caps.Write {
		return Check{"call to the resource", Passed, "To-dos can be read and changed.", ""}
	}
	return Check{"call to the resource", Passed, "To-dos can be read. " + caps.Why, ""}
}
