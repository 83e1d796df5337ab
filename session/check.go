package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"waybill/auth"
	"waybill/connection"
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

// Check is one thing about a connection that was looked at.
type Check struct {
	Name    string           `json:"check"`
	Verdict Verdict          `json:"verdict"`
	Finding string           `json:"finding"`         // one sentence or more
	Remedy  string           `json:"remedy"`          // what to do, "" if there is nothing
	Step    fault.Step       `json:"step"`            // at which it would show
	Field   connection.Field `json:"field,omitempty"` // that has to do with it most
	Code    string           `json:"code,omitempty"`  // that of the Fault, if it failed with one
	Server  string           `json:"server_said,omitempty"`
}

// CheckConnection looks at every step of the named connection: first at what
// can be found out without a user, then, with the account that is open for it if
// one is, at the rest. It goes on after a failure as far as that makes sense, and
// says once that this computer is offline. Each secret goes to its own server
// and to no other, in requests that are made to be refused. Each check is told
// to each (nil: nobody) as it comes, on this goroutine, and returned in the end
// with all the others.
func (m *Manager) CheckConnection(ctx context.Context, name string, each func(Check)) []Check {
	k := &checker{m: m, each: each, name: name, down: map[string]bool{}}
	if k.each == nil {
		k.each = func(Check) {}
	}
	for _, p := range m.unusable() {
		k.fault("file "+p.Path, connection.Field(p.Fault.Field), Warned, p.Fault)
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		k.failed("settings", "", err)
		return k.checks
	}
	k.configured = configured
	if !k.settings() {
		return k.checks
	}
	k.redirect(ctx)
	if !k.reach(ctx) {
		return k.checks
	}
	k.servers(ctx)
	k.account(ctx)
	return k.checks
}

// checker is one run of the checks.
type checker struct {
	m          *Manager
	each       func(Check)
	name       string
	configured Configured
	checks     []Check
	down       map[string]bool // hosts that cannot be reached

	provider *auth.Provider // as far as found
	server   *auth.Server
	metadata *auth.ResourceMetadata
}

func (k *checker) conn() connection.Connection { return k.configured.Connection }

func (k *checker) add(c Check) {
	k.checks = append(k.checks, c)
	k.each(c)
}

func (k *checker) passed(name string, step fault.Step, finding string) {
	k.add(Check{Name: name, Verdict: Passed, Finding: finding, Step: step})
}

func (k *checker) failed(name string, field connection.Field, err error) {
	k.fault(name, field, Refuted, fault.As(err))
}

func (k *checker) fault(name string, field connection.Field, v Verdict, f *fault.Fault) {
	step := f.Step
	if step == "" {
		step = fault.StepSetup
	}
	remedy := f.Remedy
	if remedy == "" && f.Kind == fault.Offline {
		remedy = "Check the address in the connection, and the network; otherwise try again in a while."
	}
	if remedy == "" && v != CannotTell {
		remedy = "Check the address in the connection; if it is right, tell whoever runs that server."
	}
	if f.Field != "" {
		field = connection.Field(f.Field)
	}
	k.add(Check{Name: name, Verdict: v, Finding: f.Message, Remedy: remedy, Step: step, Field: field, Code: f.Code, Server: f.Server})
}

// settings reports whether the rest can be looked at.
func (k *checker) settings() bool {
	const name = "settings"
	if err := k.conn().Validate(); err != nil {
		k.failed(name, "", err)
		return false
	}
	warnings := k.conn().Warnings(k.configured.Credentials)
	for _, w := range warnings {
		k.add(Check{Name: name, Verdict: Warned, Finding: w.Says, Remedy: "Compare both pairs with the registrations.", Step: fault.StepSetup, Field: w.Field})
	}
	if len(warnings) == 0 {
		k.passed(name, fault.StepSetup, "All required fields are there.")
	}
	return true
}

// redirect finds out whether a fixed redirect port is free.
func (k *checker) redirect(ctx context.Context) {
	const name = "redirect port"
	r, err := k.conn().Redirect()
	if err != nil {
		k.failed(name, connection.FieldRedirectURI, err)
		return
	}
	if r.Port == 0 {
		k.passed(name, fault.StepSignIn, "Any free port on this computer is used.")
		return
	}
	listen := k.m.o.Listen
	if listen == nil {
		listen = net.Listen
	}
	if k.ownSignIn(ctx, r) {
		k.passed(name, fault.StepSignIn, fmt.Sprintf("Waybill waits at port %d for the browser.", r.Port))
		return
	}
	l, err := listen("tcp", net.JoinHostPort(r.Host, strconv.Itoa(r.Port)))
	if err != nil {
		why := "cannot be used"
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "is taken by another program"
		}
		k.add(Check{Name: name, Verdict: Refuted, Finding: fmt.Sprintf("Port %d on this computer %s.", r.Port, why),
			Remedy: "Close the program that uses it, or register a redirect URI with another port and set that here.",
			Step:   fault.StepSignIn, Field: connection.FieldRedirectURI, Code: "port_in_use"})
		return
	}
	_ = l.Close()
	k.passed(name, fault.StepSignIn, fmt.Sprintf("Port %d is free; %s must be registered exactly like this.", r.Port, r))
}

// ownSignIn reports whether a sign-in of this process is under way at r. After
// one that has ended it waits until the browser has its last page.
func (k *checker) ownSignIn(ctx context.Context, r connection.Redirect) bool {
	k.m.mu.Lock()
	pending := k.m.pending
	k.m.mu.Unlock()
	if pending == nil || pending.RedirectURI() != r.String() {
		return false
	}
	select {
	case <-pending.done:
		pending.attempt.Settle(ctx)
		return false
	default:
		return true
	}
}
