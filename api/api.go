// Package api reads and writes the to-dos of a resource server, over REST and
// over MCP, behind one small interface.
//
// Invariant: the package keeps no to-do and no token between calls. Every
// answer is either a typed value or a *fault.Fault that says at which step it
// failed and what helps; nothing of a refused answer is used. A bearer token is
// sent to the exact origin of the resource and nowhere else, never in a URL,
// and a request that was refused with 401 is repeated at most once. A server that
// wants a nonce of its own in the proof that goes with a bound token (RFC 9449
// section 9) has refused nothing yet: what it was sent is sent once more, with
// the nonce.
//
// The package imports no window, disk or sign-in code, so that any requesting
// app can use it: it asks for access tokens through the interface Tokens.
package api

import (
	"context"

	"waybill/connection"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// Tokens yields access tokens for one resource. Implementations share one mint
// between concurrent callers and must be safe for concurrent use.
type Tokens interface {
	// Token returns an access token that is valid as far as is known, and the
	// scopes that were granted with it; nil scopes mean that the server did
	// not say. Its errors are returned to the caller of a Client unchanged.
	Token(ctx context.Context) (token secret.Text, granted []string, err error)

	// Refused tells that the resource answered 401 to this token, so that the
	// next call of Token does not return it again.
	Refused(token secret.Text)
}

// Prover proves that the tokens of a Tokens are ours, where they are bound to a
// key (DPoP, RFC 9449). The key stays with it. It must be safe for concurrent
// use.
type Prover interface {
	// Proof returns the proof for one request with this method to this address,
	// sent with token, which comes from the same Tokens. It is made anew for
	// every request, also for the same one when it is repeated, and holds the
	// newest nonce that Transport knows of the server. Its errors are returned to
	// the caller of a Client unchanged.
	Proof(token secret.Text, method, address string) (secret.Text, error)
}

// Options are what a client needs. All fields but Prover are required.
type Options struct {
	Transport *transport.Client
	Tokens    Tokens
	Resource  connection.Resource
	Prover    Prover // nil: the tokens are bearer tokens
}

// Client is a resource server's to-dos. It is stateless but for what it learnt
// about the server (capabilities, protocol version, session), and safe for
// concurrent use. Errors are or wrap a *fault.Fault.
type Client interface {
	// List returns all to-dos. With the ETag of an earlier List a server may
	// answer that nothing changed (RFC 9110 section 13.1.2).
	List(ctx context.Context, etag string) (List, error)

	// Get returns one to-do; a Fault of kind NotFound if there is none.
	Get(ctx context.Context, id string) (todo.Todo, error)

	// Create adds t and returns it as the server keeps it. The id in t is a
	// proposal by the client; a server that chooses ids itself answers with
	// another. key makes repeating the call safe where the server knows
	// Idempotency-Key; it may be empty.
	Create(ctx context.Context, t todo.Todo, key string) (todo.Todo, error)

	// Update changes the fields that p names. The answer has no ID where the
	// server takes the change but does not show the item. ifMatch is the ETag of the item
	// that the edit was made on, empty to overwrite whatever is there. When the
	// item was changed meanwhile the error is a Fault of kind Conflict that
	// wraps a *ConflictError.
	Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error)

	// Delete removes the item; that it is gone already is success. ifMatch is
	// as for Update.
	Delete(ctx context.Context, id string, ifMatch string) error

	// Multiplexed reports whether the last answer came over a connection that
	// many requests share; false as long as there was none.
	Multiplexed() bool

	// Capabilities says what can be done, from the granted scopes and what the
	// server offers.
	Capabilities(ctx context.Context) (Capabilities, error)

	// Close ends what is open at the server and frees it. Calls in flight end
	// with a Fault of kind Canceled.
	Close() error
}

// List is one answer to Client.List. The caller may keep it; it is not shared.
type List struct {
	Todos []todo.Todo // nil if NotModified
	ETag  string      // to pass to the next List; opaque, since it holds more than the server's entity tag

	// NotModified says that the list is the one that the ETag passed in
	// belongs to. Everything else but ETag is empty then.
	NotModified bool

	User string // whose list it is, in the server's words; may be empty

	// Complete says that Todos is everything there is. If it is false no
	// deletion may be inferred from a to-do that is missing.
	Complete bool
}

// Capabilities is what can be done with a resource's to-dos.
type Capabilities struct {
	Read   bool
	Write  bool // at least one of Create, Update and Delete
	Create bool
	Update bool
	Delete bool

	// Why is one plain sentence that says why something is off, or else which
	// fields of a to-do the service has no place for; "" if everything is on.
	Why string
}

// ConflictError is wrapped by a Fault of kind Conflict: the item was changed at
// the server since the version that the edit was made on.
type ConflictError struct {
	// Current is the item as it is at the server now; its ID is empty if the
	// server did not send it.
	Current todo.Todo
}

// Error says it without the item's content.
func (e *ConflictError) Error() string { return "api: the to-do was changed at the server" }
