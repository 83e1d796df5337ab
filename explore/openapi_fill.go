package explore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"waybill/fault"
)

func (o *Operation) request(values []json.RawMessage, body []byte) (Request, error) {
	q := Request{Method: o.Method, Path: o.Path}
	for i, p := range o.Parameters {
		var value json.RawMessage
		if i < len(values) {
			value = values[i]
		}
		if len(bytes.TrimSpace(value)) == 0 || string(bytes.TrimSpace(value)) == "null" {
			if p.Required {
				return Request{}, unusable(p, "needs a value")
			}
			continue
		}
		if err := q.set(p, value); err != nil {
			return Request{}, err
		}
	}
	if o.Body == nil {
		return q, nil
	}
	switch {
	case body != nil:
		q.Body = body
		q.Header = append(q.Header, Pair{"Content-Type", o.Body.ContentType})
	case o.Body.Required:
		return Request{}, invalid("body", "This needs a body.")
	}
	return q, nil
}

func unusable(p Parameter, why string) *fault.Fault {
	return invalid("parameter", fmt.Sprintf("%s %s.", fault.Clean(p.Name, 60), why))
}

// set puts the value of a parameter where it belongs.
func (q *Request) set(p Parameter, value json.RawMessage) error {
	texts, err := texts(p, value)
	if err != nil {
		return err
	}
	joined := strings.Join(texts, ",")
	switch p.In {
	case InPath:
		segment := pathSegment(texts)
		if strings.Trim(joined, ".") == "" { // empty, or resolved away
			return unusable(p, "cannot be empty, . or .. in a path")
		}
		q.Path = strings.ReplaceAll(q.Path, "{"+p.Name+"}", segment)
	case InHeader:
		q.Header = append(q.Header, Pair{p.Name, joined})
	case InQuery:
		if p.Joined || len(texts) == 0 {
			texts = []string{joined}
		}
		for _, text := range texts {
			q.Query = append(q.Query, Pair{p.Name, text})
		}
	}
	return nil
}

func pathSegment(texts []string) string {
	var out []string
	for _, text := range texts {
		out = append(out, url.PathEscape(text))
	}
	return strings.Join(out, ",")
}

// texts are a value as it stands in a path, query or header field: an array is
// several, an object its JSON.
func texts(p Parameter, value json.RawMessage) ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	var out []string
	for _, item := range list {
		var text string
		switch {
		case json.Unmarshal(item, &text) == nil:
		case json.Valid(item):
			var compact bytes.Buffer
			if json.Compact(&compact, item) == nil {
				text = compact.String()
			}
		default:
			return nil, unusable(p, "has a value that is no JSON")
		}
		out = append(out, text)
	}
	return out, nil
}

// byGroup sorts operations: groups in the order given, then the others, then by
// path and method.
func byGroup(all []Operation, groups []string) {
	place := map[Said]int{}
	for i, g := range groups {
		if _, known := place[Said(g)]; !known {
			place[Said(g)] = i
		}
	}
	at := func(o Operation) int {
		if i, ok := place[o.Group]; ok {
			return i
		}
		return len(groups)
	}
	slices.SortStableFunc(all, func(a, b Operation) int {
		if d := at(a) - at(b); d != 0 {
			return d
		}
		if d := strings.Compare(string(a.Group), string(b.Group)); d != 0 {
			return d
		}
		if d := strings.Compare(a.Path, b.Path); d != 0 {
			return d
		}
		return slices.Index(methods, a.Method) - slices.Index(methods, b.Method)
	})
}
