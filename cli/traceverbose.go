package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"waybill/flow"
	"waybill/todo"
	"waybill/transport"
)

var tokenKinds = map[flow.TokenKind]string{
	flow.KindIDToken: "ID token", flow.KindRefreshToken: "refresh token", flow.KindIDJAG: "ID-JAG",
	flow.KindAccessToken: "access token", flow.KindProviderAccessToken: "access token of the identity provider, not used",
}

// writeToken says what a token is, never the token. The ID-JAG's claims are
// printed already.
func writeToken(w io.Writer, t *flow.Token) {
	if t == nil {
		return
	}
	about := fmt.Sprintf("%d bytes", t.Length)
	if t.Print != "" {
		about += ", fingerprint " + t.Print
	}
	if t.Opaque {
		about += ", opaque: only its issuer can read it"
	}
	fmt.Fprintf(w, "   %s\t%s\n", tokenKinds[t.Kind], about)
	if t.Kind != flow.KindIDJAG {
		writeClaims(w, flow.Explain(t, time.Now()))
	}
}

// writeExchange prints a request and its answer as they were recorded: redacted.
func writeExchange(w io.Writer, x transport.Recording) {
	fmt.Fprintf(w, "   > %s %s\n", x.Method, todo.Line(x.URL))
	writeMessage(w, ">", x.Request)
	switch {
	case x.Status != 0:
		fmt.Fprintf(w, "   < %s %d %s (%s)\n", x.Proto, x.Status, http.StatusText(x.Status), circumstances(x))
		writeMessage(w, "<", x.Response)
	case x.Fault != nil:
		fmt.Fprintf(w, "   < no answer: %s\n", x.Fault.Message)
	}
}

func writeMessage(w io.Writer, mark string, m transport.Message) {
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		for _, value := range m.Header[name] {
			fmt.Fprintf(w, "   %s %s: %s\n", mark, todo.Line(name), todo.Line(value))
		}
	}
	for _, field := range m.Form {
		fmt.Fprintf(w, "   %s   %s=%s\n", mark, todo.Line(field.Name), todo.Line(field.Value))
	}
	for line := range strings.Lines(indented(m.Body)) {
		blanks := len(line) - len(strings.TrimLeft(line, " "))
		fmt.Fprintf(w, "   %s   %s%s\n", mark, line[:blanks], todo.Line(line))
	}
	if m.Cut {
		fmt.Fprintf(w, "   %s   … cut\n", mark)
	}
}

// indented is JSON with one member on each line, and any other text as it is.
func indented(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}

// circumstances are the times, the size and the connection of an exchange.
func circumstances(x transport.Recording) string {
	all := []string{milliseconds("total", x.Timings.Total)}
	for _, part := range []struct {
		name string
		took time.Duration
	}{{"DNS", x.Timings.DNS}, {"connect", x.Timings.Connect}, {"TLS", x.Timings.TLS}, {"headers", x.Timings.Headers}} {
		if part.took > 0 {
			all = append(all, milliseconds(part.name, part.took))
		}
	}
	all = append(all, fmt.Sprintf("%d bytes", x.Response.Size))
	if x.Reused {
		all = append(all, "connection reused")
	}
	if x.Remote != "" {
		all = append(all, x.Remote)
	}
	return strings.Join(all, ", ")
}

func milliseconds(name string, d time.Duration) string {
	return fmt.Sprintf("%s %.1f ms", name, float64(d.Microseconds())/1000)
}
