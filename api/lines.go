package api

import (
	"net/http"
	"sync/atomic"
)

// lines notes how requests reach the server. It is safe for concurrent use.
type lines struct{ shared atomic.Bool }

// answered looks at an answer.
func (l *lines) answered(resp *http.Response) { l.shared.Store(resp.ProtoMajor >= 2) }

// Multiplexed reports whether the last answer came over a connection that many
// requests share (RFC 9113 section 5): then a hundred at once cost the server no
// further connection.
func (l *lines) Multiplexed() bool { return l.shared.Load() }
