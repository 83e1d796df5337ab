package explore

import (
	"context"
	"encoding/json"
)

// Operation is one thing that a REST API offers: a method at a path. What a
// document says of it cannot be relied on.
type Operation struct {
	Method      string // in upper case
	Path        string // below the origin, with {name} for each of Parameters of a path; as the document has it
	Summary     Said
	Description Said
	Group       Said // what the document puts it under; "" for nothing
	Deprecated  bool
	Parameters  []Parameter
	Body        *RequestBody // nil: it takes none

	// Documented says that an OpenAPI document has it; else the connection's
	// resource is of a kind that has it.
	Documented bool
}

// Safe reports whether the operation changes nothing, by its method.
func (o *Operation) Safe() bool { return Request{Method: o.Method}.Safe() }

// Place is where a Parameter stands in a request.
type Place string

// The places of parameters. Those in cookies are not offered: no cookie is kept.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
)

// Parameter is one of an Operation's.
type Parameter struct {
	In          Place
	Name        string // as the document has it: clean it before showing
	Description Said
	Required    bool
	Deprecated  bool
	Joined      bool            // an array is one value with commas, not one for each item
	Schema      json.RawMessage // JSON Schema (draft 2020-12) that refers to nothing outside, for package form; never nil
	Example     json.RawMessage // nil if there is none
}

// RequestBody is what an Operation takes.
type RequestBody struct {
	ContentType string // the one to send: JSON where it is taken
	Description Said
	Required    bool
	Schema      json.RawMessage // as for a Parameter; nil if the body is no JSON
	Example     json.RawMessage // the document's, or made of Schema; nil if there is none
}

// Request fills in an Operation. values are JSON, one for each of Parameters in
// their order; one that is nil, or beyond the end, is left out. What is required
// and missing, or has a value that its place cannot hold, is a Fault of kind
// Invalid; whether the schema accepts a value package form says.
func (o *Operation) Request(values []json.RawMessage, body []byte) (Request, error) {
	return o.request(values, body)
}

// Endpoints is what a REST API offers, as far as it is known.
type Endpoints struct {
	Operations []Operation // in the document's order of groups, then by path
	Document   *Document   // nil: none was found
	Looked     []Looked    // where a document was looked for, in order
}

// Document is an OpenAPI document.
type Document struct {
	Address                     string // where it was found
	Format                      string // as in "OpenAPI 3.1.0" or "Swagger 2.0"
	Title, Version, Description Said

	// Elsewhere is the server that the document names, where that is another than
	// the resource. Nothing is sent to it.
	Elsewhere Said

	LeftOut int      // operations that cannot be offered
	Notes   []string // what else was not read of it, each one sentence
}

// Looked is one place where a document was looked for.
type Looked struct {
	Address string
	Status  int    // 0: there was no answer
	Why     string // one sentence that says why there is none; "" for the one that was found
}

// Endpoints looks for an OpenAPI document at the resource's own origin: at the
// place given, a path as in Request, or with "" at the standard ones. Nothing
// that the document refers to is fetched, and it is looked for a minute at most.
// That there is none is no error: then what the connection says of the resource is
// offered, which is so beside an error too, unless the place is none.
func (r *REST) Endpoints(ctx context.Context, at string) (*Endpoints, error) {
	return r.endpoints(ctx, at)
}
