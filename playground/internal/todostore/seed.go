package todostore

import (
	"fmt"
	"time"

	"waybill/todo"
)

// never is the due day of what has none.
const never = 1 << 20

// sample is a to-do of the first list. Days are relative to the day on which
// the list is first looked at.
type sample struct {
	title, description string
	priority           todo.Priority
	day                int
	done               bool
	tags               []string
}

// samples is the list that a new user finds: what someone who looks after an
// app with Cross App Access might have on their desk.
func samples() []sample {
	release, security, home := []string{"release"}, []string{"security"}, []string{"home"}
	const open, done = false, true
	return []sample{
		{"Rotate the staging signing keys", "Old kid stays in JWKS for 24 h so cached ID tokens still verify.", todo.High, -1, open, security},
		{"Ship release notes for 2.4", "Lead with offline edits. Ask Maren to read the part on sign-in.", todo.High, 0, open, release},
		{"Review the ID-JAG policy with IT", "Which apps may reach the to-dos, and with which scopes.", todo.Medium, 0, open, security},
		{"Book travel for the identity summit", "Train if it is under seven hours. The hotel has rooms until the end of the month.", todo.Medium, 4, open, nil},
		{"Clean up the demo tenant", "Delete the test users; keep alice and bob.", todo.Low, 9, open, home},
		{"Read draft-ietf-oauth-identity-assertion-authz-grant", "Section 4.4 on processing rules, then the security considerations.", todo.Low, never, open, nil},
		{"Register the requesting app", "Two client ids: one at the identity provider, one at the resource.", todo.Medium, -11, done, nil},
		{"Write the onboarding guide", "", todo.Low, -13, done, nil},
		{"Tag 2.4.0 and sign the packages", "After the notes are out. Two people hold the key.", todo.High, 1, open, release},
		{"Move the build to the new runners", "The old ones are switched off next week.", todo.Medium, 3, open, release},
		{"Ask for the penetration test report", "The summary is enough for the audit.", todo.Medium, 6, open, security},
		{"Plan the 2.5 milestone", "Step-up sign-in, attachments, the Windows installer.", todo.Medium, 7, open, release},
		{"Answer the customer in Lyon", "They see an empty list: most likely the scope is missing at the second grant.", todo.High, 2, open, nil},
		{"Update the screenshots in the help pages", "", todo.Low, 12, open, release},
		{"Renew the certificate of the status page", "It expires in three weeks. Automate it this time.", todo.High, 14, open, nil},
		{"Draft the talk on signing in without a consent page", "Twenty minutes, one demo, no slides with code.", todo.Medium, 18, open, nil},
		{"Buy a present for Grandma", "She likes crossword puzzles.", todo.NoPriority, 5, open, home},
		{"Sort the backlog", "Close what nobody asked about for a year.", todo.Low, never, open, nil},
		{"Try the new screen reader build", "", todo.NoPriority, never, open, nil},
		{"Turn on two-factor sign-in for the package registry", "Recovery codes are in the safe.", todo.High, -6, done, security},
		{"Publish the 2.3.1 fix", "Sync no longer stops after the computer was asleep.", todo.High, -9, done, release},
		{"Reply to the accessibility review", "", todo.Medium, -4, done, nil},
		{"Order the second test laptop", "", todo.NoPriority, -20, done, nil},
		{"Thank the translators", "Fourteen languages now.", todo.NoPriority, never, done, nil},
	}
}

// seed returns the first n to-dos of a new user: the samples, and then as many
// made-up ones as are asked for. 0 means the samples alone.
func seed(n int, now time.Time) []todo.Todo {
	list := samples()
	if n == 0 {
		n = len(list)
	}
	out := make([]todo.Todo, 0, n)
	for i := range n {
		s := made(i)
		if i < len(list) {
			s = list[i]
		}
		out = append(out, todo.Todo{ID: fmt.Sprintf("todo-%d", i+1), Title: s.title, Description: s.description,
			Completed: s.done, Priority: s.priority, Tags: s.tags, Due: day(now, s.day)})
	}
	return out
}

// day is a whole day as to-dos have it: midnight UTC of the date that it is
// where now is.
func day(now time.Time, offset int) time.Time {
	if offset == never {
		return time.Time{}
	}
	y, m, d := now.Date()
	return time.Date(y, m, d+offset, 0, 0, 0, 0, time.UTC)
}

// made is the made-up to-do number i. The same number always gives the same,
// and neighbours differ in everything.
func made(i int) sample {
	verbs := []string{"Check", "Write", "Review", "Plan", "Update", "Call about", "Tidy up", "Test", "Order", "Prepare", "Read"}
	things := []string{"the quarterly report", "the new badge readers", "the staging database", "the travel budget",
		"the release checklist", "the access policy", "the welcome letter", "the meeting room screens", "the backup drill",
		"the supplier contract", "the on-call rota", "the style guide", "the garden shed"}
	tags := [][]string{nil, {"release"}, {"security"}, {"home"}, nil, {"release", "security"}, nil}
	priorities := []todo.Priority{todo.NoPriority, todo.Low, todo.Medium, todo.High, todo.Medium}
	s := sample{
		title:    fmt.Sprintf("%s %s (%d)", verbs[i%len(verbs)], things[i%len(things)], i+1),
		priority: priorities[i%len(priorities)],
		day:      i%61 - 20,
		done:     i%3 == 0,
		tags:     tags[i%len(tags)],
	}
	if i%2 == 0 {
		s.description = fmt.Sprintf("Number %d of a long list. It comes before %s.", i+1, things[(i+7)%len(things)])
	}
	if i%8 == 0 {
		s.day = never
	}
	return s
}
