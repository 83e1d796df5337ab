package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"waybill/fault"
)

// cut marks an error that came while an answer was being read.
type cut struct{ error }

func (c *cut) Unwrap() error { return c.error }

// classify makes a Fault of what a request failed with. under is the context
// that it ran under, whose cause says whether a limit of ours ended it.
func classify(step fault.Step, host string, under context.Context, err error) *fault.Fault {
	var known *fault.Fault
	if errors.As(err, &known) {
		return known
	}
	host = fault.Clean(host, 80)
	offline := func(code, format string, args ...any) *fault.Fault {
		return fault.New(step, fault.Offline, code, fmt.Sprintf(format, args...)).Because(err)
	}
	var dns *net.DNSError
	var netErr net.Error
	var part *cut
	switch cause := context.Cause(under); {
	case errors.Is(cause, context.Canceled):
		return fault.New(step, fault.Canceled, "canceled", "Cancelled.").Because(context.Canceled)
	case errors.Is(cause, errTooSlow), errors.Is(cause, context.DeadlineExceeded):
		return offline("timeout", "The server at %s did not answer in time.", host)
	case errors.As(err, &dns):
		return offline("dns", "The name %s could not be looked up.", host).
			WithRemedy("Check the network, and the address in the connection.")
	case isTLS(err):
		return tlsFault(step, host, err)
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return offline("timeout", "The server at %s did not answer in time.", host)
	case errors.As(err, &part):
		return offline("truncated", "The answer of the server at %s broke off.", host)
	}
	return offline("network", "The server at %s could not be reached.", host)
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var op *net.OpError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) ||
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}

// tlsFault says why a server was not believed. There is no way on past it.
func tlsFault(step fault.Step, host string, err error) *fault.Fault {
	why := "no safe connection could be agreed on"
	remedy := "Check the network: it may ask for a sign-in of its own, or read along."
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		why, remedy = "its certificate is not valid at this time", "Check this computer's clock."
	case errors.As(err, &name):
		why = "its certificate is for another name"
	case errors.As(err, &authority):
		why = "its certificate is from nobody whom this computer trusts"
	}
	return fault.New(step, fault.Offline, "tls", "The server at "+host+" was not believed: "+why+".").
		WithRemedy(remedy).Because(err)
}
