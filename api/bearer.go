package api

import (
	"context"
	"sync"
	"time"

	"waybill/fault"
	"waybill/secret"
)

// After backOffAfter newly minted tokens in a row were refused no further one
// is minted for backOffFirst, then for twice as long each time.
const (
	backOffAfter = 3
	backOffFirst = 30 * time.Second
	backOffMost  = time.Hour
)

// bearer hands out access tokens and decides what follows a 401. It is safe for
// concurrent use.
//
// A 401 leads to one newly minted token and one repetition per request. Where
// the resource refuses every token, minting stops for a while: a request is then
// sent once, with the token that is there, and its 401 is shown.
type bearer struct {
	tokens Tokens
	prover Prover          // nil: the tokens are bearer tokens
	root   context.Context // ends when the client is closed

	mu      sync.Mutex
	refused int         // newly minted tokens refused in a row
	last    secret.Text // the last of them, so that it is counted once
	until   time.Time   // no minting before
}

// token returns an access token to send. A grant of no scope at all is refused
// here, since every call with it would fail with a less clear error.
func (b *bearer) token(ctx context.Context) (secret.Text, []string, error) {
	if b.root.Err() != nil {
		return secret.Text{}, nil, errClosed
	}
	ctx, stop := within(ctx, b.root, exchangeLimit)
	defer stop()
	token, granted, err := b.tokens.Token(ctx)
	if b.root.Err() != nil {
		return secret.Text{}, nil, errClosed
	}
	if err != nil {
		return secret.Text{}, nil, err
	}
	if granted != nil && len(granted) == 0 {
		f := fault.New(fault.StepJWTBearer, fault.Denied, "empty_scope", "The authorization server granted an access token without any scope.").
			WithRemedy("Check the scopes of the connection, and that the identity provider allows them.")
		return secret.Text{}, nil, f
	}
	return token, granted, nil
}

// renew is called after a 401 to used. It returns another token to repeat the
// request with, or ok false if there is none to be had at present.
func (b *bearer) renew(ctx context.Context, used secret.Text) (token secret.Text, granted []string, ok bool, err error) {
	b.mu.Lock()
	wait := time.Until(b.until) > 0
	b.mu.Unlock()
	if wait {
		return secret.Text{}, nil, false, nil
	}
	b.tokens.Refused(used)
	token, granted, err = b.token(ctx)
	return token, granted, err == nil && !token.Equal(used), err
}

// refusedAgain tells that the resource refused a newly minted token.
func (b *bearer) refusedAgain(token secret.Text) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token.Equal(b.last) {
		return
	}
	b.last = token
	if b.refused++; b.refused >= backOffAfter {
		b.until = time.Now().Add(min(backOffFirst<<min(b.refused-backOffAfter, 16), backOffMost))
	}
}

// accepted tells that the resource answered something else than 401.
func (b *bearer) accepted() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused, b.last, b.until = 0, secret.Text{}, time.Time{}
}

// wait is how many seconds minting is suspended, -1 if it is not.
func (b *bearer) wait() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := time.Until(b.until); left > 0 {
		return int((left + time.Second - 1) / time.Second)
	}
	return -1
}

// refuse tells that the resource answered 401 to token, and that the request is
// not repeated: the next one is sent with another.
func (b *bearer) refuse(token secret.Text) {
	b.mu.Lock()
	wait := time.Until(b.until) > 0
	b.mu.Unlock()
	if wait {
		return
	}
	b.refusedAgain(token)
	b.tokens.Refused(token)
}
