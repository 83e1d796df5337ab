package flow

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"waybill/fault"
)

// scorecardVersion rises when a member changes its meaning or goes away; new ones
// may come without.
const scorecardVersion = 1

// scorecardJSON is a Scorecard as it is exported, see docs/FLOW.md.
type scorecardJSON struct {
	Version    int         `json:"waybill_scorecard"`
	Connection string      `json:"connection"`
	Began      time.Time   `json:"began"`
	TookMS     int64       `json:"took_ms"`
	Provider   partyJSON   `json:"identity_provider"`
	Server     partyJSON   `json:"authorization_server"`
	Audience   string      `json:"audience"`
	Resource   string      `json:"resource"`
	Scopes     []string    `json:"scopes"`
	Refused    int         `json:"refused"`
	Accepted   int         `json:"accepted"`
	Unknown    int         `json:"could_not_tell"`
	Probes     []probeJSON `json:"probes"`
}

type partyJSON struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	ClientID      string `json:"client_id"`
}

type probeJSON struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	At      fault.Step `json:"at"`
	Verdict string     `json:"verdict"`
	Says    string     `json:"says"`
	Skipped bool       `json:"skipped,omitempty"`
	Status  int        `json:"http_status,omitempty"`
	Code    string     `json:"error,omitempty"`
	Server  string     `json:"server_said,omitempty"`
	IDJAG   string     `json:"id_jag_jti,omitempty"`
	Began   *time.Time `json:"began,omitempty"`
	TookMS  int64      `json:"took_ms,omitempty"`
	Sends   string     `json:"sends"`
	Causes  string     `json:"causes"`
	Demands string     `json:"demands"`
	Section string     `json:"section"`
}

// MarshalJSON writes the Scorecard in its documented form, docs/FLOW.md.
func (s *Scorecard) MarshalJSON() ([]byte, error) {
	refused, accepted, unknown := s.Count()
	out := scorecardJSON{
		Version: scorecardVersion, Connection: s.Connection, Began: s.Began.UTC().Truncate(time.Millisecond), TookMS: s.Took.Milliseconds(),
		Provider: partyJSON{s.Provider, s.ProviderToken, s.ProviderID}, Server: partyJSON{s.Server, s.ServerToken, s.ServerID},
		Audience: s.Audience, Resource: s.Resource, Scopes: s.Scopes, Refused: refused, Accepted: accepted, Unknown: unknown,
		Probes: []probeJSON{},
	}
	for _, r := range s.Results {
		out.Probes = append(out.Probes, r.export())
	}
	return json.Marshal(out)
}

func (r ProbeResult) export() probeJSON {
	p, o := r.Probe, r.Outcome
	out := probeJSON{
		ID: p.ID, Title: p.Title, At: p.At, Verdict: o.Verdict.String(), Says: r.Says(), Skipped: o.Skipped || r.State != Done,
		Status: o.Status, Code: o.Code, Server: o.Server, IDJAG: o.IDJAG, TookMS: r.Took.Milliseconds(),
		Sends: p.Sends, Causes: p.Causes, Demands: p.Demands, Section: p.Section,
	}
	if !r.Began.IsZero() {
		began := r.Began.UTC().Truncate(time.Millisecond)
		out.Began = &began
	}
	return out
}

// Says is what came of the probe, as one or two sentences.
func (r ProbeResult) Says() string {
	switch {
	case r.State == NotRun:
		return "It was not run."
	case r.State != Done:
		return "It is under way."
	}
	return r.Outcome.Says
}

// Markdown writes the Scorecard for people: the holes first, in full, then a line
// for each probe.
func (s *Scorecard) Markdown() string {
	var b strings.Builder
	refused, accepted, unknown := s.Count()
	fmt.Fprintf(&b, "# Does the other side refuse what it should?\n\n")
	fmt.Fprintf(&b, "%d refused, **%d accepted**, %d could not tell. Run %s by Waybill.\n\n", refused, accepted, unknown, s.Began.UTC().Format("2006-01-02 15:04:05 UTC"))
	fmt.Fprintf(&b, "| | issuer | token endpoint | client |\n|---|---|---|---|\n")
	fmt.Fprintf(&b, "| identity provider | %s | %s | %s |\n", cell(s.Provider), cell(s.ProviderToken), cell(s.ProviderID))
	fmt.Fprintf(&b, "| authorization server | %s | %s | %s |\n\n", cell(s.Server), cell(s.ServerToken), cell(s.ServerID))
	fmt.Fprintf(&b, "Audience %s, resource %s, scopes %s.\n", cell(s.Audience), cell(s.Resource), cell(strings.Join(s.Scopes, " ")))
	for _, r := range s.Results {
		if r.Hole() {
			r.write(&b)
		}
	}
	fmt.Fprintf(&b, "\n## All probes\n\n| probe | verdict | what came | answer | ID-JAG (jti) |\n|---|---|---|---|---|\n")
	for _, r := range s.Results {
		verdict := r.Outcome.Verdict.String()
		if r.Hole() {
			verdict = "**" + verdict + "**"
		}
		fmt.Fprintf(&b, "| %s (%s) | %s | %s | %s | %s |\n", plain(r.Probe.Title), cell(r.Probe.ID), verdict, plain(r.Says()), r.answer(), cell(r.Outcome.IDJAG))
	}
	return b.String()
}

// write tells a hole in full.
func (r ProbeResult) write(b *strings.Builder) {
	p := r.Probe
	where := "identity provider"
	if p.At != fault.StepExchange {
		where = "authorization server"
	}
	fmt.Fprintf(b, "\n## Accepted: %s\n\n", plain(p.Title))
	for _, line := range []struct{ name, text string }{
		{"At", "the " + where}, {"What was sent", p.Sends}, {"What has to happen", p.Demands}, {"Demanded by", p.Section}, {"What came", r.Says()},
	} {
		fmt.Fprintf(b, "- %s: %s\n", line.name, plain(line.text))
	}
	if r.Outcome.IDJAG != "" {
		fmt.Fprintf(b, "- To be found in the log: ID-JAG %s, sent %s\n", cell(r.Outcome.IDJAG), r.Began.UTC().Format("15:04:05 UTC"))
	}
}

// answer is the answer to the probe in short.
func (r ProbeResult) answer() string {
	o := r.Outcome
	if o.Status == 0 && o.Code == "" {
		return ""
	}
	out := plain(o.Code)
	if o.Status != 0 {
		out = strings.TrimSpace(fmt.Sprint(o.Status, " ", out))
	}
	if o.Server != "" {
		out += ": “" + plain(o.Server) + "”"
	}
	return out
}

// cell is a value as it stands, in a table of Markdown.
func cell(value string) string {
	if value == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", "\\|").Replace(fault.Clean(value, 300)) + "`"
}

// plain is text in which nothing is taken for Markdown or HTML.
func plain(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "!", "\\!").Replace(fault.Clean(text, 2000))
}
