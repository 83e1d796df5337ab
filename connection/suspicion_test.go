package connection_test

import (
	"strings"
	"testing"

	"waybill/connection"
)

func TestCrossedClientsAreNoticed(t *testing.T) {
	for _, c := range []struct{ idp, resource, says string }{
		{"client_1", "client_1-at-todo0", ""},
		{"client_1", "other-registration", ""},
		{"", "client_1-at-todo0", ""},
		{"client_1-at-todo0", "client_1", "crossed"},
		{"client_1", "client_1", "the same"},
		{"client_1-at-todo0", "client_2", "which belongs where"},
		{"client_1", "client_2-at-todo0", "two different registrations"},
	} {
		var conn connection.Connection
		conn.IdP.ClientID, conn.Resource.ClientID = c.idp, c.resource
		got := conn.Suspicion()
		if (c.says == "") != (got == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s / %s: %q", c.idp, c.resource, got)
		}
	}
}
