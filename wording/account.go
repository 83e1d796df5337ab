package wording

import (
	"cmp"
	"fmt"
)

// Person is somebody as the identity provider knows them. Any part but the
// subject may be missing.
type Person struct{ Email, Name, Subject, Issuer string }

// longestName is how much of a name is said.
const longestName = 80

func (p Person) name() string { return Short(cmp.Or(p.Email, p.Name, p.Subject), longestName) }

// SomebodyElse says that it was not before who signed in, but now: one sentence
// that names both. unsent is how many changes of theirs were not sent; lasting,
// that these outlive Waybill's end.
func SomebodyElse(now, before Person, unsent int, lasting bool) string {
	is, was := now.name(), before.name()
	if is == was { // the same address at two tenants, or of two accounts
		is += " (" + Short(now.Subject, longestName) + " at " + Short(now.Issuer, longestName) + ")"
		was += " (" + Short(before.Subject, longestName) + " at " + Short(before.Issuer, longestName) + ")"
	}
	words := fmt.Sprintf("You are signed in as %s now, not as %s like before", is, was)
	if unsent == 0 {
		return words + "."
	}
	until := "until they sign in again"
	if !lasting {
		until += " or Waybill is closed"
	}
	return fmt.Sprintf("%s; %s of theirs %s kept %s.", words, Plural(unsent, "unsent change", "unsent changes"),
		map[bool]string{true: "is", false: "are"}[unsent == 1], until)
}
