package auth

import (
	"context"
	"errors"
	"time"

	"github.com/zalando/go-keyring"
)

// Keyring is the operating system's store for passwords. Its calls may be made
// on any goroutine, one at a time, and may block for ever, on an unlock prompt
// for instance; the vault calls them with a limit.
type Keyring interface {
	Get(service, user string) (string, error) // ErrKeyringNotFound if there is no such item
	Set(service, user, value string) error
	Delete(service, user string) error // ErrKeyringNotFound if there is no such item
}

// ErrKeyringNotFound means that the keyring works and has no such item. Every
// other error means that the keyring cannot be used: the systems answer a
// missing, a locked and a broken one in too many ways to tell apart.
var ErrKeyringNotFound = errors.New("auth: not in the keyring")

var (
	errKeyringSlow     = errors.New("auth: the keyring did not answer in time")
	errKeyringUnused   = errors.New("auth: no keyring is in use")
	errKeyringReadBack = errors.New("auth: the keyring does not give back what it was given")
)

// OSKeyring is this computer's keyring: Secret Service on Linux, Keychain on
// macOS, Credential Manager on Windows.
func OSKeyring() Keyring { return osKeyring{} }

type osKeyring struct{}

func (osKeyring) Get(service, user string) (string, error) {
	value, err := keyring.Get(service, user)
	return value, keyringError(err)
}

func (osKeyring) Set(service, user, value string) error {
	return keyringError(keyring.Set(service, user, value))
}

func (osKeyring) Delete(service, user string) error {
	return keyringError(keyring.Delete(service, user))
}

func keyringError(err error) error {
	if errors.Is(err, keyring.ErrNotFound) {
		return ErrKeyringNotFound
	}
	return err
}

// boundedKeyring makes the calls of a Keyring on another goroutine and stops
// waiting for them after a limit. A call that hangs keeps its goroutine until
// the keyring answers; there is at most one such, since calls made meanwhile
// give up without starting.
type boundedKeyring struct {
	ring    Keyring
	service string
	limit   time.Duration
	slot    chan struct{} // holds one token while a call runs
}

func newBoundedKeyring(ring Keyring, service string, limit time.Duration) *boundedKeyring {
	return &boundedKeyring{ring: ring, service: service, limit: limit, slot: make(chan struct{}, 1)}
}

// call runs fn, which must touch nothing that its caller reads, and returns
// its results, or errKeyringSlow, or the cause of ctx's end.
func (b *boundedKeyring) call(ctx context.Context, fn func() (string, error)) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.limit, errKeyringSlow)
	defer cancel()
	select {
	case b.slot <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer func() { <-b.slot }()
		value, err := fn()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (b *boundedKeyring) get(ctx context.Context, user string) (string, error) {
	return b.call(ctx, func() (string, error) { return b.ring.Get(b.service, user) })
}

// set stores value and reads it back, since some keyrings cut what they are
// given and say nothing.
func (b *boundedKeyring) set(ctx context.Context, user, value string) error {
	if _, err := b.call(ctx, func() (string, error) { return "", b.ring.Set(b.service, user, value) }); err != nil {
		return err
	}
	back, err := b.get(ctx, user)
	if err != nil {
		return err
	}
	if back != value {
		return errKeyringReadBack
	}
	return nil
}

// delete removes the item; that it is not there is no error.
func (b *boundedKeyring) delete(ctx context.Context, user string) error {
	_, err := b.call(ctx, func() (string, error) { return "", b.ring.Delete(b.service, user) })
	if errors.Is(err, ErrKeyringNotFound) {
		return nil
	}
	return err
}
