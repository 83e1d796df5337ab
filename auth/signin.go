package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

const (
	signInLimit = 5 * time.Minute // from Begin until the answer
	warmLimit   = time.Minute     // for what SignInOptions.Warm does
)

// SignInOptions say how to sign in. Connection and Transport are required.
type SignInOptions struct {
	Connection  connection.Connection
	Credentials connection.Credentials
	Transport   *transport.Client

	// OpenURL opens an address in the user's browser; it gets it as one
	// argument and must not hand it to a shell. It is called on a goroutine of
	// its own. nil: no browser is opened.
	OpenURL func(url string) error

	// Listen replaces net.Listen for the loopback port, for tests on a network
	// in memory; nil: a port of this computer that no other program can share.
	Listen func(network, address string) (net.Listener, error)

	Timeout time.Duration // until the answer must have come; 0: 5 minutes

	LoginHint string // offered to the user at the provider; may be empty
	Prompt    string // overrides the connection's prompt if not empty
	MaxAge    *int   // how old the user's proof may be, in seconds (RFC 9470); nil: any
	ACRValues string // how strong it must be; may be empty

	// SessionOnly leaves out offline_access: the user does not want to stay
	// signed in (OpenID Connect Core section 11).
	SessionOnly bool

	// Warm is called once the browser is asked to open, on a goroutine of its
	// own, to make ready what comes after the sign-in while the user types.
	// Its context ends when the attempt fails, and does not when it succeeds.
	Warm func(ctx context.Context)

	// Replaces is an attempt that this one takes the place of: it is cancelled
	// and its port closed before anything else.
	Replaces *Attempt
}

// Attempt is one sign-in under way. It is safe for concurrent use. Its state,
// nonce, verifier and metadata are its own, and are used once.
type Attempt struct {
	options  SignInOptions
	client   *clientAuth
	receiver *receiver
	deadline time.Time

	state    secret.Text
	nonce    secret.Text
	verifier secret.Text // of PKCE (RFC 7636)
	key      ProofKey    // of the session to come; empty without DPoP

	ctx    context.Context
	cancel context.CancelCauseFunc
	warm   context.Context
	cool   context.CancelFunc

	ready    chan struct{} // closed when url or urlErr is set
	url      string
	urlErr   error
	provider *Provider // frozen for this attempt

	ended   chan struct{} // closed when session or err is set
	session *Session
	err     error
	stop    chan struct{} // closed by Cancel
	settled chan struct{} // closed when the port is
	stopped sync.Once

	mu         sync.Mutex
	browserErr error
}

var (
	errSignInCanceled = errors.New("auth: the sign-in was cancelled")
	errSignInReplaced = errors.New("auth: another sign-in was begun")
	errSignInTimeout  = errors.New("auth: no answer from the browser")
)

// Begin binds the address that the identity provider will send the browser
// back to, and returns; metadata is fetched in the background, then the browser
// is opened. Begin fails, with a Fault of kind Config, if the address cannot
// be had; the browser is not opened then. The attempt ends with ctx, with
// Cancel, after the time-out, or with a Session.
func Begin(ctx context.Context, o SignInOptions) (*Attempt, error) {
	if o.Replaces != nil {
		o.Replaces.end(errSignInReplaced)
	}
	if o.Timeout <= 0 {
		o.Timeout = signInLimit
	}
	redirect, err := o.Connection.Redirect()
	if err != nil {
		return nil, err
	}
	a := &Attempt{
		options: o, state: newSecret(), nonce: newSecret(), verifier: newSecret(), key: proofKeyFor(o.Connection),
		ready: make(chan struct{}), ended: make(chan struct{}), stop: make(chan struct{}), settled: make(chan struct{}),
	}
	if a.receiver, err = listen(redirect, a.state, o.Listen); err != nil {
		return nil, err
	}
	a.deadline = time.Now().Add(o.Timeout)
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.warm, a.cool = context.WithTimeout(ctx, o.Timeout+warmLimit)
	go a.run()
	return a, nil
}

// newSecret is 32 random bytes in base64url: 43 characters, which is also what
// RFC 7636 section 4.1 asks of a verifier.
func newSecret() secret.Text {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return secret.New(base64.RawURLEncoding.EncodeToString(b[:]))
}

// RedirectURI is the address that the answer is awaited at, as it is sent to
// the identity provider.
func (a *Attempt) RedirectURI() string { return a.receiver.redirect.String() }

// Deadline is when the attempt gives up waiting for the browser.
func (a *Attempt) Deadline() time.Time { return a.deadline }

// URL returns the address of the sign-in page, as soon as the metadata says
// it. It holds the state: show it to the user alone.
func (a *Attempt) URL(ctx context.Context) (string, error) {
	select {
	case <-a.ready:
		return a.url, a.urlErr
	case <-ctx.Done():
		return "", at(fault.StepSignIn, ctx.Err())
	}
}

// Wait returns the session, or the Fault that ended the attempt: Canceled;
// SignInNeeded if no answer came in time; Denied if the user or the provider
// refused; Config if the provider does not know this app; Offline; Hostile.
// Giving up waiting does not end the attempt.
func (a *Attempt) Wait(ctx context.Context) (*Session, error) {
	select {
	case <-a.ended:
		return a.session, a.err
	default:
	}
	select {
	case <-a.ended:
		return a.session, a.err
	case <-ctx.Done():
		return nil, at(fault.StepSignIn, ctx.Err())
	}
}

// Cancel ends the attempt, if it has not ended. When it returns, the port is
// closed and nothing of the attempt can come to anything.
func (a *Attempt) Cancel() { a.end(errSignInCanceled) }

// Settle waits until the port is closed: after an answer that is when the
// browser has fetched its last page, or did not for 3 s. A program that ends
// right after Wait would leave the user in front of a browser's error page.
func (a *Attempt) Settle(ctx context.Context) {
	select {
	case <-a.settled:
	case <-ctx.Done():
	}
}

func (a *Attempt) end(cause error) {
	a.cancel(cause)
	a.stopped.Do(func() { close(a.stop) })
	<-a.ended
	a.receiver.close()
}

// run is the attempt from beginning to end.
func (a *Attempt) run() {
	answered := false
	a.session, answered, a.err = a.signIn()
	if a.err != nil {
		a.cool()
	}
	if answered {
		go func() {
			a.receiver.linger(a.stop) // the browser still has to fetch its page
			close(a.settled)
		}()
	} else {
		a.receiver.close()
		close(a.settled)
	}
	close(a.ended)
	a.cancel(nil)
}

func (a *Attempt) signIn() (s *Session, answered bool, err error) {
	waiting, cancel := context.WithDeadlineCause(a.ctx, a.deadline, errSignInTimeout)
	defer cancel()
	err = a.prepare(waiting)
	if err != nil {
		err = a.ending(waiting, err)
	}
	a.urlErr = err
	close(a.ready)
	if err != nil {
		return nil, false, err
	}
	go a.prefetchKeys(a.ctx)
	go a.openAndWarm()
	select {
	case answer := <-a.receiver.answers:
		s, err := a.redeem(a.ctx, answer)
		if err != nil {
			err = a.ending(a.ctx, err)
		}
		return s, true, err
	case <-waiting.Done():
		return nil, false, a.ending(waiting, nil)
	}
}

// prepare finds out where to send the browser.
func (a *Attempt) prepare(ctx context.Context) (err error) {
	o := a.options
	if a.provider, err = DiscoverProvider(ctx, o.Transport, o.Connection.IdP); err != nil {
		return err
	}
	if err := a.mayBeSent(); err != nil {
		return err
	}
	if err := changeFault(a.provider.changes(o.Connection.Approved)); err != nil {
		return err
	}
	if a.client, err = providerClient(a.provider, o.Connection, o.Credentials); err != nil {
		return err
	}
	a.url, err = a.authorizationURL()
	return err
}

// mayBeSent checks what the connection leaves to the metadata.
func (a *Attempt) mayBeSent() error {
	if a.provider.AuthorizationEndpoint == "" {
		return missingEndpoint("authorization_endpoint")
	}
	idp := a.options.Connection.IdP
	return endpointBelongs(atProvider, idp.Issuer, a.provider.TokenEndpoint, idp.TokenEndpoint)
}

// prefetchKeys has the provider's keys ready when the ID token comes. If that
// fails, they are fetched again then.
func (a *Attempt) prefetchKeys(ctx context.Context) {
	if a.provider.JWKSURI != "" {
		_ = a.provider.keySet(a.options.Transport).ensure(ctx)
	}
}

// ending makes the Fault that an attempt ends with: why ctx ended if it did,
// else err.
func (a *Attempt) ending(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return at(fault.StepSignIn, err)
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSignInTimeout):
		return fault.New(fault.StepSignIn, fault.SignInNeeded, "sign_in_timeout",
			fmt.Sprintf("No answer came from the browser within %s.", inWords(a.options.Timeout))).
			WithRemedy(a.afterSilence()).Because(cause)
	case errors.Is(cause, errSignInReplaced):
		return fault.New(fault.StepSignIn, fault.Canceled, "replaced", "Another sign-in was started.").Because(cause)
	default:
		return fault.New(fault.StepSignIn, fault.Canceled, "canceled", "The sign-in was cancelled.").Because(cause)
	}
}

// afterSilence says what to do when nothing came. An identity provider that
// does not know the client or the redirect URI leaves the user in front of an
// error page and tells the app nothing.
func (a *Attempt) afterSilence() string {
	remedy := "Start the sign-in again; if the browser showed an error, compare the client id and the redirect URI with the registration."
	if suspicion := a.options.Connection.Suspicion(); suspicion != "" {
		remedy += " " + suspicion
	}
	return remedy
}

func inWords(d time.Duration) string {
	if d >= 2*time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return seconds(d)
}
