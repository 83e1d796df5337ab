package cli

import (
	"errors"
	"io"

	"waybill/fault"
)

// output is standard output, and keeps the first error of a write, after which
// nothing is written: a result that did not get out, onto a full disk for one,
// must not end with status 0.
type output struct {
	io.Writer
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.Writer.Write(p)
	o.failed = err
	return n, err
}

// why is err, in words where it is the failed write itself.
func (o *output) why(err error) error {
	if f := (*fault.Fault)(nil); o.failed == nil || errors.As(err, &f) || !errors.Is(err, o.failed) {
		return err
	}
	return unwritten("The result could not be written.", err)
}

// unwritten is the Fault of a result that could not be written out.
func unwritten(what string, err error) error {
	return fault.New(fault.StepSetup, fault.Failed, "output", what).Because(err)
}
