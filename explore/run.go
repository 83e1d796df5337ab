package explore

import "errors"

// RunOf is the Run of the Flow page that recorded why a call has no answer; 0 if
// none did, or err is of something else.
func RunOf(err error) uint64 {
	var r *recorded
	if errors.As(err, &r) {
		return r.run
	}
	return 0
}

// recorded is the error of a call, and where it is seen what happened.
type recorded struct {
	error
	run uint64
}

func (r *recorded) Unwrap() error { return r.error }

// inRun is err with the Run that recorded it.
func inRun(run uint64, err error) error {
	if err == nil || run == 0 {
		return err
	}
	return &recorded{err, run}
}
