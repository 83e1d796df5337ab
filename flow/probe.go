package flow

import (
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// ProbeOrder says which probes are to be run, and how.
type ProbeOrder struct {
	IDs []string // of auth.Probes; empty: all that fit the connection

	// Patience is how long may be waited at a stretch: for an ID-JAG to expire,
	// and where a server asks for a pause. What would take longer is left out.
	Patience time.Duration
}

// ProbeResult is how far one probe has come. It is a copy that nobody changes.
type ProbeResult struct {
	Probe auth.Probe
	State State     // NotRun, Running or Done
	Until time.Time // what a running one waits for; zero: it does not wait
	Began time.Time // zero if it has not begun
	Took  time.Duration

	Outcome auth.ProbeOutcome // once it is Done
}

// Hole reports whether the other side took what it has to refuse.
func (r ProbeResult) Hole() bool {
	return r.State == Done && r.Outcome.Verdict == auth.ProbeAccepted
}

// Scorecard is what came of probes, for whoever runs the other side. It holds no
// token and no secret.
type Scorecard struct {
	Connection string // its name
	Began      time.Time
	Took       time.Duration

	Provider, Server           string // issuers
	ProviderToken, ServerToken string // token endpoints
	ProviderID, ServerID       string // the client's ids there
	Audience, Resource         string
	Scopes                     []string // that the connection asks for

	Results []ProbeResult // in the order in which they ran; those not reached are NotRun
}

// NewScorecard is one on which nothing has been run yet.
func NewScorecard(p *auth.Plan, probes []auth.Probe, began time.Time) *Scorecard {
	s := &Scorecard{
		Connection: p.Connection.Name, Began: began,
		Provider: p.Provider.Issuer, Server: p.Server.Issuer, ProviderToken: p.Provider.TokenEndpoint, ServerToken: p.Server.TokenEndpoint,
		ProviderID: p.Connection.IdP.ClientID, ServerID: p.Connection.Resource.ClientID,
		Audience: p.Audience, Resource: p.Resource, Scopes: p.Connection.ResourceScopes(),
	}
	for _, probe := range probes {
		s.Results = append(s.Results, ProbeResult{Probe: probe})
	}
	return s
}

// Count counts the results by their verdict; a probe that was not reached counts
// as one that could not tell.
func (s *Scorecard) Count() (refused, accepted, unknown int) {
	for _, r := range s.Results {
		switch {
		case r.Hole():
			accepted++
		case r.State == Done && r.Outcome.Verdict == auth.ProbeRefused:
			refused++
		default:
			unknown++
		}
	}
	return refused, accepted, unknown
}

// ProbesFor are the probes that fit a connection.
func ProbesFor(c connection.Connection) []auth.Probe {
	var out []auth.Probe
	for _, p := range auth.Probes() {
		if !p.DPoP || c.DPoP {
			out = append(out, p)
		}
	}
	return out
}

// ChooseProbes are the probes with these ids, in the order of auth.Probes; for
// none, those that fit the connection. An id that there is not is a Fault of kind
// Config.
func ChooseProbes(c connection.Connection, ids []string) ([]auth.Probe, error) {
	if len(ids) == 0 {
		return ProbesFor(c), nil
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var out []auth.Probe
	for _, p := range auth.Probes() {
		if wanted[p.ID] {
			out = append(out, p)
			delete(wanted, p.ID)
		}
	}
	for _, id := range ids {
		if wanted[id] {
			return nil, fault.New(fault.StepSetup, fault.Config, "no_such_probe", "There is no probe \""+fault.Clean(id, 40)+"\".").
				WithRemedy("See their list.")
		}
	}
	return out, nil
}
