package flow

import "waybill/auth"

// Signed notes what was found of the signature of the ID-JAG that the passage has
// brought, as long as its value is there to be checked: a newer Run takes that
// away.
func (p *Passage) Signed(verdict auth.Tri) {
	h := p.r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.run == nil {
		return
	}
	p.run.read()
	s := &p.run.run.Steps[exchangeStep]
	if s.Token == nil || s.Token.Kind != KindIDJAG || s.Token.Signature == verdict {
		return
	}
	known := *s.Token
	known.Signature = verdict
	if p.r.brought[exchangeStep] == s.Token {
		p.r.brought[exchangeStep] = &known
	}
	s.Token = &known
	h.publish(p.run)
}
