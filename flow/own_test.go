package flow_test

import (
	"testing"
	"testing/synctest"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

// calls records exchanges of one connection with its resource.
type calls struct {
	h    *flow.History
	r    *flow.Recorder
	last uint64
}

// newCalls has an access token, "one".
func newCalls() *calls {
	h := flow.NewHistory()
	c := &calls{h: h, r: h.Recorder("c")}
	c.mints("one")
	return c
}

// mints records how an access token was got.
func (c *calls) mints(token string) {
	p := c.r.Mint(flow.ReasonMint, "")
	c.last++
	x := transport.Recording{ID: c.last, Step: fault.StepJWTBearer, Role: transport.Token, Method: "POST", URL: "https://as.example/token", Start: time.Now()}
	p.Record(x)
	x.Secrets = []transport.Hidden{{Name: "access_token", Value: secret.New(token)}}
	x.Response.Body = `{"access_token":"` + x.Secrets[0].Placeholder() + `","token_type":"Bearer"}`
	x.Status, x.Done = 200, true
	p.Record(x)
	p.Event(auth.Event{Step: fault.StepJWTBearer})
	p.End("", nil)
}

// made records an exchange under p with this access token, and its answer.
func (c *calls) made(p *flow.Passage, token string, status int) {
	c.last++
	x := transport.Recording{ID: c.last, Step: fault.StepCall, Role: transport.Resource, Method: "POST", URL: "https://api.example/mcp", Start: time.Now(),
		Secrets: []transport.Hidden{{Name: "access_token", Value: secret.New(token)}}}
	p.Record(x)
	x.Status, x.Done = status, true
	p.Record(x)
}

// run is the Run with the id.
func (c *calls) run(t *testing.T, id uint64) *flow.Run {
	t.Helper()
	for _, r := range c.h.Runs() {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("run %d is gone", id)
	return nil
}

func exchanges(r *flow.Run) int { return len(r.Step(fault.StepCall).Exchanges) }

// What the user asked for takes several requests, and the sync runs meanwhile:
// neither gets what is the other's.
func TestWhatWasAskedForAndTheSyncDoNotMix(t *testing.T) {
	c := newCalls()
	early, own, late := c.r.Call(flow.ReasonCall), c.r.Call(flow.ReasonExplore), c.r.Call(flow.ReasonCall)
	c.made(early, "one", 200)
	c.made(own, "one", 200)
	c.made(early, "one", 200)
	c.made(late, "one", 200)
	c.made(own, "one", 200)
	c.made(early, "one", 200)
	own.End("answered", nil)
	c.made(own, "one", 202) // what a stream still asks for
	early.End("", nil)
	late.End("", nil)
	r := c.run(t, own.Run().ID)
	if r.Reason != flow.ReasonExplore || r.Running || exchanges(r) != 3 {
		t.Errorf("own: %+v", r)
	}
	for name, p := range map[string]*flow.Passage{"early": early, "late": late} {
		if r := p.Run(); r.Reason != flow.ReasonCall || r.Running || exchanges(r) == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The stream of a subscription is open for as long as somebody watches. What is
// called meanwhile is not part of it.
func TestASubscriptionSwallowsNoSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCalls()
		watch := c.r.Call(flow.ReasonCall)
		c.last++
		x := transport.Recording{ID: c.last, Step: fault.StepCall, Role: transport.Stream, Method: "GET", URL: "https://api.example/mcp", Start: time.Now(),
			Secrets: []transport.Hidden{{Name: "access_token", Value: secret.New("one")}}, Status: 200}
		watch.Record(x)
		watch.End("", nil)
		for range 3 {
			time.Sleep(time.Minute)
			sync := c.r.Call(flow.ReasonCall)
			c.made(sync, "one", 200)
			sync.End("", nil)
		}
		if r := c.run(t, watch.Run().ID); !r.Running || exchanges(r) != 1 {
			t.Errorf("%+v", r)
		}
		if runs := c.h.Runs(); len(runs) != 2 || runs[0].Running || exchanges(runs[0]) != 1 {
			t.Errorf("%d runs, %+v", len(runs), runs[0])
		}
	})
}

// A call that was refused goes on where its next token came from, and is found
// there.
func TestWhatWasAskedForGoesOnWithItsNextToken(t *testing.T) {
	c := newCalls()
	own := c.r.Call(flow.ReasonExplore)
	c.made(own, "one", 401)
	c.mints("two")
	c.made(own, "two", 200)
	own.End("answered", nil)
	r := own.Run()
	if r.Reason != flow.ReasonMint || exchanges(r) != 1 || r.Running {
		t.Errorf("%+v", r)
	}
	for _, r := range c.h.Runs() {
		if r.Reason == flow.ReasonExplore && (exchanges(r) != 1 || r.Step(fault.StepCall).State != flow.Failed) {
			t.Errorf("the refused one: %+v", r)
		}
	}

	c = newCalls()
	own = c.r.Call(flow.ReasonExplore)
	c.made(own, "one", 200)
	c.mints("two") // for the sync
	c.made(own, "one", 200)
	own.End("answered", nil)
	if r := own.Run(); r.Reason != flow.ReasonExplore || exchanges(r) != 2 {
		t.Errorf("while the sync got a token: %+v", r)
	}
}

// After the end of a call the session that it opened may still send something:
// that makes no run, and keeps none open.
func TestWhatComesAfterACallKeepsNoRunOpen(t *testing.T) {
	c := newCalls()
	first, second := c.r.Call(flow.ReasonCall), c.r.Call(flow.ReasonCall)
	c.made(first, "one", 200)
	first.End("", nil)
	c.mints("two")
	c.made(second, "two", 200)
	second.End("", nil)
	c.made(first, "one", 202)
	if r := c.h.Runs()[0]; r.Running || exchanges(r) != 1 || r.ID != second.Run().ID {
		t.Errorf("%+v", r)
	}
}
