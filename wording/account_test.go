package wording_test

import (
	"testing"

	"waybill/wording"
)

func TestR37_WhoSignedInAndWhoDidBefore(t *testing.T) {
	alice := wording.Person{Email: "alice@example.com", Subject: "1", Issuer: "https://idp.example"}
	bob := wording.Person{Name: "Bob\u202e", Subject: "2", Issuer: "https://idp.example"}
	other := alice
	other.Subject, other.Issuer = "7", "https://other.example"
	for _, c := range []struct {
		now, before wording.Person
		unsent      int
		lasting     bool
		want        string
	}{
		{bob, alice, 0, true, "You are signed in as Bob□ now, not as alice@example.com like before."},
		{bob, alice, 1, true, "You are signed in as Bob□ now, not as alice@example.com like before; 1 unsent change of theirs is kept until they sign in again."},
		{alice, bob, 2, false, "You are signed in as alice@example.com now, not as Bob□ like before; 2 unsent changes of theirs are kept until they sign in again or Waybill is closed."},
		{alice, other, 0, true, "You are signed in as alice@example.com (1 at https://idp.example) now, not as alice@example.com (7 at https://other.example) like before."},
	} {
		if got := wording.SomebodyElse(c.now, c.before, c.unsent, c.lasting); got != c.want {
			t.Errorf("%q\nwant %q", got, c.want)
		}
	}
}
