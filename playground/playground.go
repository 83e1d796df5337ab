package playground

import (
	"context"
	"errors"
	"net/http"
)

// Playground is a running playground. It is safe for concurrent use.
type Playground struct{}

// ErrRunning is in the chain of Start's and New's error if another process
// owns Options.Dir; Attach then gives its endpoints.
var ErrRunning = errors.New("the built-in playground is already running")

// Start binds four loopback listeners and serves until Close. The context
// bounds the start only.
func Start(ctx context.Context, o Options) (*Playground, error) { return nil, ErrRunning }

// New makes a playground that is reached under origins through the handlers of
// Handler. It listens nowhere. Close releases Options.Dir.
func New(o Options, origins Origins) (*Playground, error) { return nil, ErrRunning }

// Handler serves one of the four services.
func (p *Playground) Handler(role Role) http.Handler { return http.NotFoundHandler() }

// Endpoints says where everything is.
func (p *Playground) Endpoints() Endpoints { return Endpoints{} }

// SetPolicy replaces what the identity provider refuses, at once.
func (p *Playground) SetPolicy(policy Policy) {}

// RotateKeys makes the identity provider sign with a new key. The old one stays
// in its JWKS for a day.
func (p *Playground) RotateKeys(ctx context.Context) error { return nil }

// Close stops the services, lets go of the folder and is safe to call twice.
func (p *Playground) Close() error { return nil }

// Attach finds the playground that another process runs on dir, and reports
// whether it answers.
func Attach(dir string) (Endpoints, bool) { return Endpoints{}, false }
