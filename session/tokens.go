package session

import (
	"context"
	"sync"

	"waybill/api"
	"waybill/auth"
	"waybill/secret"
)

// tokens are a Ladder's. While one is minted, the connections of the steps
// after the first are opened, so that after a long pause a mint waits for one
// handshake and not for three in a row.
type tokens struct {
	*auth.Ladder
	plans *planner
}

var _ api.Tokens = tokens{}

// Token implements api.Tokens.
func (t tokens) Token(ctx context.Context) (secret.Text, []string, error) {
	if t.Status().Have {
		return t.Ladder.Token(ctx)
	}
	aheadCtx, cancel := context.WithCancel(ctx)
	var ahead sync.WaitGroup
	ahead.Go(func() { t.plans.ahead(aheadCtx) })
	defer ahead.Wait()
	defer cancel()
	token, granted, err := t.Ladder.Token(ctx)
	if err == nil {
		t.plans.settle()
	}
	return token, granted, err
}
