package flow

import "waybill/internal/latest"

// History holds the last Runs of all connections, in memory only. It is safe
// for concurrent use.
type History struct {
	runs *latest.Value[[]*Run]
}

// NewHistory makes a History that holds nothing.
func NewHistory() *History { return &History{runs: latest.New[[]*Run](nil)} }

// Runs are those kept, newest first. Neither they nor the slice are changed
// afterwards.
func (h *History) Runs() []*Run { return h.runs.Load() }

// Watch calls f with the Runs as they are and after each change, the newest
// only, from one goroutine; stop ends that and must not be called from f.
func (h *History) Watch(f func([]*Run)) (stop func()) { return h.runs.Watch(f) }
