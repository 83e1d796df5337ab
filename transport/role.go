package transport

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"waybill/fault"
)

// Caps and waits of the roles. Caps count what is left after decompression.
const (
	smallCap    = 256 << 10
	resourceCap = 64 << 20
	messageCap  = 8 << 20
	drainCap    = 64 << 10

	smallLimit  = 15 * time.Second // Metadata, Token: the whole exchange
	headerLimit = 30 * time.Second // Resource: until the headers, and between two reads
	streamLimit = 2 * time.Minute  // Stream: until the headers

	maxRedirects = 3
)

type stepKey struct{}

// WithStep names the step that the requests under ctx belong to; their Faults
// carry it.
func WithStep(ctx context.Context, step fault.Step) context.Context {
	return context.WithValue(ctx, stepKey{}, step)
}

func stepOf(ctx context.Context, otherwise fault.Step) fault.Step {
	if step, ok := ctx.Value(stepKey{}).(fault.Step); ok {
		return step
	}
	return otherwise
}

func (r Role) step() fault.Step {
	switch r {
	case Metadata:
		return fault.StepDiscovery
	case Token:
		return fault.StepSignIn
	default:
		return fault.StepCall
	}
}

// buffered reports whether the whole answer is read before the caller sees it:
// then nothing of an answer that was cut is ever used, and its connection is
// free again.
func (r Role) buffered() bool { return r == Metadata || r == Token }

// roundTripper keeps the rules of one role at one origin.
type roundTripper struct {
	client *Client
	role   Role
	origin string // "": any
	broken error  // the origin that was asked for is none
}

// RoundTrip sends req. Its errors are Faults.
func (rt *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	origin, err := rt.check(req)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	w := newWatch(req.Context(), rt.role)
	w.copied = req.GetBody
	out := req.Clone(context.WithValue(w.ctx, originKey{}, origin)) // a redirect does not leave the origin
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", rt.client.opts.UserAgent)
	}
	if rt.role.buffered() && out.Header.Get("Accept") == "" {
		out.Header.Set("Accept", "application/json")
	}
	if rt.role == Token {
		out.GetBody = nil // without it net/http cannot send the body a second time
	}
	resp, err := rt.follow(out, w)
	if err != nil {
		w.stop()
		return nil, err
	}
	resp.Request = req
	if rt.role.buffered() {
		w.stop()
	}
	return resp, nil
}

// check refuses what the role may not send. It returns where the request goes.
func (rt *roundTripper) check(req *http.Request) (origin string, err error) {
	step := stepOf(req.Context(), rt.role.step())
	if rt.broken != nil {
		return "", rt.broken
	}
	origin, err = Origin(req.URL.String())
	if err != nil {
		return "", fault.New(step, fault.Hostile, "bad_url", err.Error())
	}
	if rt.origin != "" && origin != rt.origin {
		return "", fault.New(step, fault.Hostile, "wrong_origin",
			"A request to "+fault.Clean(origin, 120)+" was stopped: what it carries is meant for "+rt.origin+" alone.")
	}
	if rt.role != Metadata {
		return origin, nil
	}
	if req.Method != http.MethodGet || req.Body != nil && req.Body != http.NoBody || req.Header.Get("Authorization") != "" {
		return "", fault.New(step, fault.Failed, "internal", "A request for public metadata would have carried more than its address.")
	}
	return origin, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// follow sends req and, for metadata only, follows redirects within its
// origin. Every other redirect is an answer that is not accepted: what it
// points to could be anybody's (RFC 9700 section 4.12). A Meter has it shown.
func (rt *roundTripper) follow(req *http.Request, w *watch) (*http.Response, error) {
	for hop := 0; ; hop++ {
		resp, err := rt.send(req, w)
		if err == nil && resp.StatusCode == http.StatusNetworkAuthenticationRequired {
			_ = resp.Body.Close()
			f := CaptivePortal(stepOf(req.Context(), rt.role.step()))
			w.tape.refuse(f)
			return nil, f
		}
		if err != nil || resp.StatusCode < 300 || resp.StatusCode > 399 || resp.StatusCode == http.StatusNotModified || rt.meterOf(req.Context()) != nil {
			return resp, err
		}
		_ = resp.Body.Close()
		next := rt.redirect(req, resp, hop)
		if next == nil {
			f := fault.New(stepOf(req.Context(), rt.role.step()), fault.Hostile, "redirect",
				"The server at "+fault.Clean(req.URL.Host, 80)+" sent the request on to another address, which is not followed.").
				WithRemedy("Check the address in the connection.")
			f.Status = resp.StatusCode
			w.tape.refuse(f)
			return nil, f
		}
		req = req.Clone(req.Context())
		req.URL, req.Host = next, ""
	}
}

// CaptivePortal is the Fault for an answer that comes from the network and not
// from the server: status 511 (RFC 6585 section 6), which no client of this
// package returns, or a web page where data was expected.
func CaptivePortal(step fault.Step) *fault.Fault {
	return fault.New(step, fault.Offline, "captive_portal", "A web page came back in place of the server's answer.").
		WithRemedy("This network may need a sign-in of its own: open any page in the browser, then try again.")
}

// redirect returns where a metadata request may be sent on, or nil.
func (rt *roundTripper) redirect(req *http.Request, resp *http.Response, hop int) *url.URL {
	location := resp.Header.Get("Location")
	if rt.role != Metadata || hop >= maxRedirects || location == "" {
		return nil
	}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	next, err := req.URL.Parse(location)
	if err != nil {
		return nil
	}
	from, err := Origin(req.URL.String())
	if err != nil {
		return nil
	}
	if to, err := Origin(next.String()); err != nil || to != from {
		return nil
	}
	return next
}

// send makes one exchange and bounds its answer.
func (rt *roundTripper) send(req *http.Request, w *watch) (*http.Response, error) {
	seen := Exchange{Role: rt.role, Method: req.Method, URL: withoutQuery(req.URL), Start: time.Now()}
	w.tape = rt.client.newTape(req, rt.role, w.copied, seen.Start)
	if w.tape != nil || rt.client.opts.Observe != nil {
		trace := w.tape.trace(func(info httptrace.GotConnInfo) { seen.Reused = info.Reused })
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	}
	req = rt.meterOf(req.Context()).begin(req)
	resp, err := rt.bounded(req, w, &seen)
	seen.Took = time.Since(seen.Start)
	if err != nil {
		seen.Fault = fault.As(err)
		w.tape.end(seen.Fault)
	}
	if rt.client.opts.Observe != nil {
		rt.client.opts.Observe(seen)
	}
	return resp, err
}

func (rt *roundTripper) bounded(req *http.Request, w *watch, seen *Exchange) (*http.Response, error) {
	step := stepOf(req.Context(), rt.role.step())
	var sent sending
	resp, err := rt.client.base.Load().RoundTrip(sent.begin(req))
	if err == nil && resp.StatusCode == http.StatusBadRequest {
		if err = sent.broke(); err != nil {
			_ = resp.Body.Close()
		}
	}
	if err != nil {
		return nil, classify(step, req.URL.Host, w.ctx, err)
	}
	seen.Status, seen.Proto = resp.StatusCode, resp.Proto
	rt.client.noteClock(req.URL, resp, seen.Start)
	rt.client.noteNonce(req.URL, resp)
	rt.meterOf(req.Context()).read(resp)
	b := &body{rc: resp.Body, watch: w, step: step, host: req.URL.Host, left: resourceCap}
	resp.Body = b
	w.tape.headers(resp)
	switch rt.role {
	case Metadata, Token:
		b.left = smallCap
		whole, err := io.ReadAll(w.tape.reading(b))
		_ = b.rc.Close()
		if err != nil {
			return nil, err
		}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
	case Resource:
		w.keepFor(headerLimit)
	case Stream:
		if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "text/event-stream" {
			w.pause()
			resp.Body = &events{body: b}
			b.left = unbounded
		} else {
			w.keepFor(headerLimit)
			b.left = messageCap
		}
	}
	if !rt.role.buffered() {
		resp.Body = w.tape.reading(resp.Body)
	}
	return resp, nil
}

func withoutQuery(u *url.URL) string {
	v := *u
	v.RawQuery, v.ForceQuery, v.User, v.Fragment = "", false, nil, ""
	return v.String()
}
