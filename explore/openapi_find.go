package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"waybill/api"
	"waybill/fault"
)

// standard are the places where frameworks serve their document.
var standard = []string{
	"/openapi.json", "/.well-known/openapi.json", "/openapi.yaml", "/v3/api-docs", "/swagger.json", "/swagger/v1/swagger.json",
}

// atOnce is how many places are asked at the same time, and lookLimit for how long
// a document is looked for in all.
const (
	atOnce    = 4
	lookLimit = time.Minute
)

func (r *REST) endpoints(ctx context.Context, at string) (*Endpoints, error) {
	places := []string{at}
	if at == "" {
		places = r.places()
	}
	var requests []string
	for _, place := range places {
		address, err := r.check(Request{Path: place})
		if err != nil {
			if at != "" {
				return nil, err
			}
			continue
		}
		requests = append(requests, address)
	}
	out := &Endpoints{}
	var found []Operation
	within, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	_, err := r.o.Through(within, func(ctx context.Context, c *api.Raw) (err error) {
		found, err = out.look(ctx, c, requests)
		return err
	})
	if found != nil {
		out.Operations = found
		return out, nil
	}
	if len(out.Looked) > 1 && within.Err() != nil && ctx.Err() == nil {
		err = nil // it was looked for long enough
	}
	out.Operations = r.known()
	return out, err
}

// places are the standard ones below the resource's path, and below the origin.
func (r *REST) places() (all []string) {
	base, err := url.Parse(r.o.Resource.URL)
	if err != nil {
		return nil
	}
	prefixes := []string{""}
	if path := strings.TrimRight(base.EscapedPath(), "/"); path != "" {
		prefixes = []string{path, ""}
	}
	for _, name := range standard {
		for _, prefix := range prefixes {
			all = append(all, prefix+name)
		}
	}
	return all
}

// look asks for a document at one address after another, and stops at the first
// that has one. The first is asked alone: it finds out whether the server can be
// reached and takes the token.
func (e *Endpoints) look(ctx context.Context, c *api.Raw, addresses []string) ([]Operation, error) {
	for first := 0; first < len(addresses); {
		next := min(first+atOnce, len(addresses))
		if first == 0 {
			next = 1
		}
		group := make([]looking, next-first)
		var all sync.WaitGroup
		for i := range group {
			all.Go(func() { group[i].at(ctx, c, addresses[first+i], first > 0) })
		}
		all.Wait()
		for _, l := range group {
			e.Looked = append(e.Looked, l.Looked)
			if l.document != nil {
				e.Document = l.document
				return l.operations, nil
			}
			if l.err != nil {
				return nil, l.err
			}
		}
		first = next
	}
	return nil, nil
}

// looking is a look at one address.
type looking struct {
	Looked
	document   *Document
	operations []Operation
	err        error // that there is no use in looking further
}

func (l *looking) at(ctx context.Context, c *api.Raw, address string, tentative bool) {
	l.Address = address
	a, err := c.Do(ctx, api.RawRequest{
		Method: http.MethodGet, URL: address, Limit: MaxAnswer, Again: true, Tentative: tentative,
		Header: http.Header{"Accept": {"application/openapi+json, application/json, application/yaml;q=0.9, */*;q=0.5"}},
	})
	if err != nil {
		if l.Why = fault.As(err).Message; !tentative || ctx.Err() != nil {
			l.err = err
		}
		return
	}
	l.Status = a.Status
	switch {
	case a.Problem != nil && (a.Problem.Kind == fault.StepUp || a.Problem.Kind == fault.SignInNeeded):
		l.Why, l.err = a.Problem.Message, a.Problem
	case a.Status != http.StatusOK:
		l.Why = fmt.Sprintf("The server answered with status %d.", a.Status)
	case a.Broken != nil:
		l.Why = fault.As(a.Broken).Message
	case a.TooLong:
		l.Why = fmt.Sprintf("The document is longer than %d MiB.", MaxAnswer>>20)
	default:
		l.document, l.operations, l.Why = readDocument(a.Body, address)
	}
}

// known are the endpoints that the connection itself knows of.
func (r *REST) known() (all []Operation) {
	for _, e := range api.Endpoints(r.o.Resource) {
		o := Operation{Method: e.Method, Path: e.Path, Summary: Said(e.Summary), Group: "To-dos"}
		for _, name := range variables(e.Path) {
			o.Parameters = append(o.Parameters, Parameter{In: InPath, Name: name, Required: true, Schema: json.RawMessage(`{"type":"string"}`)})
		}
		for part := range strings.SplitSeq(e.Query, "&") {
			name, value, _ := strings.Cut(part, "=")
			if plain, err := url.QueryUnescape(name); err == nil && plain != "" {
				value, _ = url.QueryUnescape(value)
				fixed, _ := json.Marshal(value)
				o.Parameters = append(o.Parameters, Parameter{In: InQuery, Name: plain, Schema: json.RawMessage(`{"type":"string"}`), Example: fixed})
			}
		}
		if e.Body != "" {
			o.Body = &RequestBody{ContentType: "application/json", Required: true, Schema: json.RawMessage(`{"type":"object"}`), Example: json.RawMessage(e.Body)}
		}
		all = append(all, o)
	}
	return all
}

var variable = regexp.MustCompile(`\{([^{}/]+)\}`)

// variables are the names in a path template, in their order, each once.
func variables(path string) (names []string) {
	seen := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(path, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			names = append(names, m[1])
		}
	}
	return names
}
