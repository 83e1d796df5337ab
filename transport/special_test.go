package transport

import (
	"net/netip"
	"testing"

	"waybill/fault"
)

func TestS76_WhatCountsAsPrivate(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
		"224.0.0.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
	} {
		if !special(netip.MustParseAddr(a)) {
			t.Errorf("%s counts as public", a)
		}
	}
	for _, a := range []string{"93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::5db8:d822"} {
		if special(netip.MustParseAddr(a)) {
			t.Errorf("%s counts as private", a)
		}
	}
}

// A name that was public when it was checked and is private when it is dialled
// (DNS rebinding) gains nothing, and a name that was configured keeps working.
func TestS76_TheDialledAddressDecides(t *testing.T) {
	c := New(Options{})
	c.Trust("https://intranet.example/x")
	c.Trust("http://localhost:1/")
	c.Trust("javascript:alert(1)")
	cases := []struct {
		host, address string
		ok            bool
	}{
		{"evil.example", "93.184.216.34:443", true},
		{"evil.example", "127.0.0.1:22", false},
		{"evil.example", "[::ffff:10.0.0.1]:443", false},
		{"evil.example", "[fe80::1%eth0]:443", false},
		{"INTRANET.example", "10.0.0.1:443", true},
		{"localhost", "127.0.0.1:80", true},
		{"localhost", "93.184.216.34:80", false},
		{"evil.example", "nonsense", false},
	}
	for _, tc := range cases {
		err := c.mayDial(t.Context(), tc.host, tc.address)
		if (err == nil) != tc.ok {
			t.Errorf("%s at %s: %v", tc.host, tc.address, err)
		}
		if err != nil && tc.address != "nonsense" && !fault.Is(err, fault.Hostile) {
			t.Errorf("%s at %s: kind of %v", tc.host, tc.address, err)
		}
	}
}
