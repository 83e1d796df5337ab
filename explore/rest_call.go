package explore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"waybill/api"
	"waybill/fault"
	"waybill/transport"
)

func (r *REST) call(ctx context.Context, q Request) (*Response, error) {
	address, err := r.check(q)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	var out *Response
	run, err := r.o.Through(ctx, func(ctx context.Context, c *api.Raw) error {
		a, err := c.Do(ctx, api.RawRequest{
			Method: q.method(), URL: address, Header: q.header(), Body: q.Body, Limit: MaxAnswer, Again: q.Safe(),
		})
		if err != nil {
			return err
		}
		if out = newResponse(address, a); out.Problem != nil {
			return out.Problem
		}
		return nil
	})
	made := Call{At: began, REST: &q, Failed: out == nil}
	if out != nil {
		out.Run, out.Problem = run, fault.As(err)
		made.Status, made.Took = out.Status, out.Total
	}
	if r.o.Remember != nil {
		r.o.Remember(ctx, made)
	}
	if out == nil {
		return nil, inRun(run, err)
	}
	return out, nil
}

func newResponse(address string, a *api.RawAnswer) *Response {
	out := &Response{
		Status: a.Status, Protocol: a.Proto, Address: address, Body: a.Body, Wire: a.Wire, Decoded: a.Decoded,
		FirstByte: a.FirstByte, Total: a.Total, Sent: a.Sent, Problem: a.Problem,
	}
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		for _, value := range a.Header[name] {
			out.Header = append(out.Header, Field{Said(name), Said(value)})
		}
	}
	if media, parameters, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err == nil {
		out.ContentType, out.Charset = media, strings.ToLower(parameters["charset"])
	}
	if a.Status >= 300 && a.Status < 400 {
		out.Location = Said(a.Header.Get("Location"))
	}
	out.Cut = whyCut(a)
	if out.Cut == "" && json.Valid(a.Body) {
		out.JSON = a.Body
	}
	return out
}

// whyCut says what is missing of a body, "" if nothing is.
func whyCut(a *api.RawAnswer) string {
	var f *fault.Fault
	switch {
	case errors.As(a.Broken, &f) && f.Kind == fault.Canceled:
		return fmt.Sprintf("It was cancelled after %d bytes of the body.", a.Decoded)
	case a.Broken != nil:
		return fmt.Sprintf("The body is not whole, there are %d bytes of it: %s", a.Decoded, fault.As(a.Broken).Message)
	case a.TooLong:
		return fmt.Sprintf("The body is longer than %d MiB, of which no more was read.", MaxAnswer>>20)
	}
	return ""
}

func (r *Response) text() (Said, bool) {
	switch r.Charset {
	case "", "utf-8", "utf8", "us-ascii":
	case "iso-8859-1", "latin1", "windows-1252":
		runes := make([]rune, len(r.Body))
		for i, c := range r.Body {
			runes[i] = rune(c)
		}
		return Said(runes), true
	default:
		return "", false
	}
	body := bytes.TrimPrefix(r.Body, []byte("\ufeff"))
	if r.Cut != "" { // perhaps in the middle of a character
		for n := 0; n < utf8.UTFMax && len(body) > 0 && !utf8.Valid(body); n++ {
			body = body[:len(body)-1]
		}
	}
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return "", false
	}
	return Said(body), true
}

func (r *REST) draft(q Request) (transport.Recording, error) {
	address, err := r.check(q)
	if err != nil {
		return transport.Recording{}, err
	}
	return transport.Draft(q.method(), address, q.header(), q.Body, r.o.Bound), nil
}

// toolDraft builds the request of MCP's tools/call over Streamable HTTP.
func toolDraft(url, protocol string, bound bool, c ToolCall) transport.Recording {
	params := struct {
		Name      Said            `json:"name"`
		Arguments json.RawMessage `json:"arguments,omitempty"`
	}{c.Name, c.Arguments}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
	if err != nil { // arguments that are no JSON
		params.Arguments = nil
		body, _ = json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
	}
	h := http.Header{"Accept": {"application/json, text/event-stream"}, "Content-Type": {"application/json"}}
	if protocol != "" {
		h.Set("Mcp-Protocol-Version", protocol)
	}
	x := transport.Draft(http.MethodPost, url, h, body, bound)
	session := transport.Hidden{Name: "Mcp-Session-Id"}
	x.Request.Header["Mcp-Session-Id"] = []string{session.Placeholder()}
	x.Secrets = append(x.Secrets, session)
	return x
}
