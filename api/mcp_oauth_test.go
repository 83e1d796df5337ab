package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"waybill/fault"
)

// The SDK takes an *oauth2.RetrieveError of invalid_grant as a hint to send the
// request without a token. It must not see one.
func TestHandler_AnErrorOfTheTokensNeverBecomesARequestWithoutOne(t *testing.T) {
	over := fault.New(fault.StepExchange, fault.SignInNeeded, "invalid_grant", "The session is over.").
		Because(&oauth2.RetrieveError{ErrorCode: "invalid_grant"})
	p := newMCPPeer(t, nil)
	c := p.mcp(t, legacy)
	if _, err := c.List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	<-c.current().ready // what goes out beside the first calls has arrived
	sent := len(p.requests())
	p.mint.mu.Lock()
	p.mint.err = over
	p.mint.mu.Unlock()
	source, err := c.handler.TokenSource(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Token()
	var retrieve *oauth2.RetrieveError
	var f *fault.Fault
	if errors.As(fmt.Errorf("by the SDK: %w", err), &retrieve) || !errors.As(err, &f) || f != over || !hopeless(err) {
		t.Fatalf("%v", err)
	}
	if _, err := c.current().cs.ListTools(t.Context(), nil); err == nil || len(p.requests()) != sent {
		t.Fatalf("%v, then %d requests", err, len(p.requests())-sent)
	}
}

func TestMCP_R13_ManyCallsThatMeetAnExpiredTokenShareOneMint(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
			refusing(func(token string) bool { return !strings.Contains(token, "000001") }, func(w http.ResponseWriter, r *http.Request) {
				replies(textResult(listJSON(t, milk)))(w, r, m)
			})(w, r)
		}})
		c := p.mcp(t, version)
		var calls sync.WaitGroup
		errs := make([]error, 100)
		for i := range errs {
			calls.Go(func() { _, errs[i] = c.List(t.Context(), "") })
		}
		calls.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if p.mint.count() != 2 {
			t.Errorf("%s: %d tokens", version, p.mint.count())
		}
	}
}
