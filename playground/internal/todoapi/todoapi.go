package todoapi

import (
	"net/http"

	"waybill/playground/internal/access"
	"waybill/playground/internal/todostore"
)

// Options are what the to-do API needs. All fields are required.
type Options struct {
	Origin              string // scheme://host[:port] under which it is reached; also the resource's identifier
	AuthorizationServer string // issuer
	Verifier            access.Verifier
	Store               *todostore.Store
}

// New returns the to-do API. It starts nothing.
func New(o Options) http.Handler { return http.NotFoundHandler() }
