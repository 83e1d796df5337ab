package flow

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"waybill/transport"
)

// WriteHAR writes the exchanges of runs as an HTTP Archive, version 1.2, which
// browsers' tools and proxies read. A page is a run. What is secret is left out
// unless o asks for it twice.
func WriteHAR(w io.Writer, runs []*Run, o Export) error {
	if err := o.check(); err != nil {
		return err
	}
	file := harLog{Version: "1.2", Creator: harCreator{"Waybill", o.By}, Pages: []harPage{}, Entries: []harEntry{}}
	for _, r := range runs {
		id := "run_" + strconv.FormatUint(r.ID, 10)
		file.Pages = append(file.Pages, harPage{stamp(r.Began), id, r.Connection + ": " + reasonNames[r.Reason], struct{}{}})
		all := slices.Clone(r.Discovery)
		for i := range r.Steps {
			all = append(all, r.Steps[i].Exchanges...)
		}
		slices.SortStableFunc(all, func(a, b transport.Recording) int { return a.Start.Compare(b.Start) })
		for _, x := range all {
			file.Entries = append(file.Entries, o.entry(id, x))
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Log harLog `json:"log"`
	}{file})
}

type harLog struct {
	Version string     `json:"version"`
	Creator harCreator `json:"creator"`
	Pages   []harPage  `json:"pages"`
	Entries []harEntry `json:"entries"`
}

type harCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type harPage struct {
	Started string   `json:"startedDateTime"`
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Timings struct{} `json:"pageTimings"`
}

type harEntry struct {
	Page     string      `json:"pageref"`
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Address  string      `json:"serverIPAddress,omitempty"`
	Comment  string      `json:"comment,omitempty"` // the step
}

type harRequest struct {
	Method      string       `json:"method"`
	URL         string       `json:"url"`
	Version     string       `json:"httpVersion"`
	Cookies     []struct{}   `json:"cookies"`
	Headers     []pairJSON   `json:"headers"`
	Query       []pairJSON   `json:"queryString"`
	Post        *harPostData `json:"postData,omitempty"`
	HeadersSize int          `json:"headersSize"`
	BodySize    int64        `json:"bodySize"`
}

type harPostData struct {
	Type   string     `json:"mimeType"`
	Params []pairJSON `json:"params"`
	Text   string     `json:"text"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	Version     string     `json:"httpVersion"`
	Cookies     []struct{} `json:"cookies"`
	Headers     []pairJSON `json:"headers"`
	Content     harContent `json:"content"`
	Redirect    string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int64      `json:"bodySize"`
	Comment     string     `json:"comment,omitempty"` // why there is no answer that was used
}

type harContent struct {
	Size int64  `json:"size"`
	Type string `json:"mimeType"`
	Text string `json:"text"`
}

// harTimings are in milliseconds; -1 is what did not happen.
type harTimings struct {
	Blocked float64 `json:"blocked"`
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"` // TLS included
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
	SSL     float64 `json:"ssl"`
}

func (o Export) entry(page string, x transport.Recording) harEntry {
	request, response := o.message(x, x.Request), o.message(x, x.Response)
	out := harEntry{
		Page: page, Started: stamp(x.Start), Time: ms(x.Timings.Total), Comment: string(x.Step), Timings: timingsOf(x.Timings),
		Request: harRequest{Method: x.Method, URL: ascii(o.address(x)), Version: version(x), Cookies: []struct{}{}, Headers: request.Headers,
			Query: queryOf(o.address(x)), HeadersSize: -1, BodySize: x.Request.Size},
		Response: harResponse{Status: x.Status, StatusText: http.StatusText(x.Status), Version: version(x), Cookies: []struct{}{}, Headers: response.Headers,
			Content:  harContent{response.Size, x.Response.Header.Get("Content-Type"), response.Body},
			Redirect: x.Response.Header.Get("Location"), HeadersSize: -1, BodySize: x.Response.Size},
	}
	if host, _, err := net.SplitHostPort(x.Remote); err == nil {
		out.Address = host
	}
	if len(request.Form) > 0 || request.Body != "" {
		out.Request.Post = &harPostData{x.Request.Header.Get("Content-Type"), append([]pairJSON{}, request.Form...), request.Body}
	}
	if x.Fault != nil {
		out.Response.Comment = x.Fault.Message
	}
	return out
}

// ascii escapes what an address must not hold, such as the marks of a placeholder
// (RFC 3986 section 2).
func ascii(address string) string {
	var b strings.Builder
	for i := range len(address) {
		if c := address[i]; c < 0x80 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func version(x transport.Recording) string {
	if x.Proto == "" {
		return "HTTP/1.1"
	}
	return x.Proto
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// queryOf are the parameters of an address in their order.
func queryOf(address string) []pairJSON {
	out := []pairJSON{}
	u, err := url.Parse(address)
	if err != nil {
		return out
	}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, pairJSON{unescape(name), unescape(value)})
	}
	return out
}

// unescape decodes a part of a query; what cannot be decoded stays as it is.
func unescape(part string) string {
	if plain, err := url.QueryUnescape(part); err == nil {
		return plain
	}
	return part
}

func timingsOf(t transport.Timings) harTimings {
	orNone := func(d time.Duration) float64 {
		if d == 0 {
			return -1
		}
		return ms(d)
	}
	before := t.DNS + t.Connect + t.TLS
	return harTimings{
		Blocked: -1, DNS: orNone(t.DNS), Connect: orNone(t.Connect + t.TLS), SSL: orNone(t.TLS),
		Send: 0, Wait: ms(max(0, t.Headers-before)), Receive: ms(max(0, t.Total-t.Headers)),
	}
}
