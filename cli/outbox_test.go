package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"waybill/cli"
)

func number(w waiting) string { return strconv.FormatUint(w.Number, 10) }

// only is the one change that waits.
func (c *computer) only() waiting {
	c.t.Helper()
	all := c.outbox()
	if len(all) != 1 {
		c.t.Fatalf("%d changes wait: %+v", len(all), all)
	}
	return all[0]
}

func TestTheOutboxListsWhatWaitsAndWhy(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	first := c.todos()[0]
	c.runs("todos", "edit", first.ID, "--title", "Renamed", "--offline")
	c.runs("todos", "add", "New", "--tags", "a,b", "--offline")
	s.stop() // nothing of it needs a server
	defer s.start()
	all := c.outbox()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	if w := all[0]; w.What != "Rename" || w.ID != first.ID || w.Title != "Renamed" || w.State != "waiting" || w.Why != "It is sent at the next sync." ||
		w.Change["title"] != "Renamed" || w.Was["title"] != first.Title || !slices.Equal(w.Choices, []string{"discard"}) {
		t.Errorf("the first is %+v", w)
	}
	out, said := c.runs("outbox")
	want := fmt.Sprintf("%d  Rename “Renamed”, just now\n%sWas “%s”\n%[2]sWaits to be sent: It is sent at the next sync.\n",
		all[0].Number, strings.Repeat(" ", len(number(all[0]))+2), first.Title)
	if !strings.HasPrefix(out, want) || !strings.Contains(out, "Add “New”, just now\n") || !strings.Contains(out, "Tags: a, b\n") {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if !strings.Contains(said, "2 changes") {
		t.Errorf("it said %q", said)
	}
}

func TestAnEmptyOutboxSaysSo(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.runs("todos")
	if out, said := c.runs("outbox"); out != "" || !strings.HasPrefix(said, "Nothing waits to be sent.\nSynced") {
		t.Errorf("out %q, said %q", out, said)
	}
	if got := answer[map[string]any](c, "outbox"); got["count"] != 0.0 || got["changes"] == nil {
		t.Errorf("got %v", got)
	}
}

func TestADiscardedChangeIsNotSentAndCanBeBroughtBack(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	first := c.todos()[0]
	c.runs("todos", "edit", first.ID, "--title", "Renamed", "--offline")
	n := number(c.only())
	if _, said := c.runs("outbox", "discard", n); !strings.Contains(said, "Discarded: Rename “Renamed”. For a month it can be brought back: waybill outbox restore "+n) {
		t.Errorf("it said %q", said)
	}
	if i := c.find(first.Title); i == nil || i.State != "synced" {
		t.Errorf("it is %+v", i)
	}
	if w := c.only(); w.State != "discarded" || !slices.Equal(w.Choices, []string{"restore"}) {
		t.Errorf("it waits as %+v", w)
	}
	c.fails(cli.ExitFailed, "is in another state: discarded", "outbox", "discard", n)
	c.runs("outbox", "restore", n)
	if w := c.only(); w.State != "waiting" || w.Title != "Renamed" {
		t.Errorf("it waits as %+v", w)
	}
	if i := c.find("Renamed"); i == nil || i.State != "synced" {
		t.Errorf("it is %+v", i)
	}
}

func TestWithANewToDoGoItsLaterChanges(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.runs("todos")
	c.runs("todos", "add", "New", "--offline")
	c.runs("todos", "done", c.id("New"), "--offline")
	all := c.outbox()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	got := answer[struct{ Numbers []uint64 }](c, "outbox", "discard", number(all[0]))
	if !slices.Equal(got.Numbers, []uint64{all[0].Number, all[1].Number}) {
		t.Errorf("discarded were %v of %+v", got.Numbers, all)
	}
	for _, n := range got.Numbers {
		c.runs("outbox", "restore", strconv.FormatUint(n, 10))
	}
	if i := c.find("New"); i == nil || !i.Completed || i.State != "synced" {
		t.Errorf("it is %+v", i)
	}
}

// inConflict are a computer and a to-do whose title was changed there and
// elsewhere.
func inConflict(t *testing.T, s *server) (c *computer, id string) {
	t.Helper()
	c, other := s.signedIn("alice@example.com"), s.signedIn("alice@example.com")
	id = c.todos()[0].ID
	c.runs("todos", "edit", id, "--title", "Mine "+evil, "--offline")
	other.runs("todos", "edit", id, "--title", "Theirs "+evil)
	c.runs("todos")
	return c, id
}

func TestAConflictIsDecidedInTheTerminal(t *testing.T) {
	for side, want := range map[string][]string{"mine": {"Mine " + evil}, "theirs": {"Theirs " + evil}, "both": {"Theirs " + evil, "Mine " + evil}} {
		t.Run(side, func(t *testing.T) {
			s := newServer(t)
			c, id := inConflict(t, s)
			w := c.only()
			if w.State != "conflict" || w.ID != id || w.Theirs["title"] != "Theirs "+evil || !slices.Contains(w.Choices, "keep "+side) {
				t.Fatalf("it waits as %+v", w)
			}
			c.fails(cli.ExitFailed, "is in another state: conflict", "outbox", "retry", number(w))
			_, said := c.runs("outbox", "keep", side, number(w))
			if !strings.Contains(said, "Decided: ") || strings.ContainsAny(said, "\x1b\u202e\u009b") {
				t.Errorf("it said %q", said)
			}
			for _, title := range want {
				if i := s.signedIn("alice@example.com").find(title); i == nil {
					t.Errorf("%q is not at the server", title)
				}
			}
			if n := len(c.todos()); n != 23+len(want) || len(c.outbox()) != 0 {
				t.Errorf("%d to-dos, outbox %+v", n, c.outbox())
			}
		})
	}
}

func TestS84_TheOutboxHidesNothingAndObeysNothing(t *testing.T) {
	c, _ := inConflict(t, newServer(t))
	out, said := c.runs("outbox")
	if strings.ContainsAny(out+said, "\x1b\u202e\u009b\t") {
		t.Errorf("a terminal would obey\n%q", out)
	}
	for _, words := range []string{"The server has Title: “Theirs =1+1", "Changed at the server too: ", "Decide with: waybill outbox keep mine|theirs|both "} {
		if !strings.Contains(out, words) {
			t.Errorf("it does not say %q:\n%s", words, out)
		}
	}
	if strings.Count(out, "\n") != 5 {
		t.Errorf("it is not in five lines:\n%s", out)
	}
	raw, _ := c.runs("outbox", "--json")
	if strings.ContainsAny(raw, "\x1b\u202e\u009b") {
		t.Errorf("a terminal would obey\n%q", raw)
	}
	for _, args := range [][]string{{"todos"}, {"todos", "--json"}} {
		if out, _ := c.runs(args...); strings.ContainsAny(out, "\x1b\u202e\u009b\t") {
			t.Errorf("%q: a terminal would obey\n%q", args, out)
		}
	}
}

// tooLong is a description that the playground's server does not take.
func tooLong(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "long.csv")
	if err := os.WriteFile(path, []byte("title,description\nToo long,"+strings.Repeat("x", 3<<20)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestARefusedChangeSaysWhyAndIsTriedAgainOrDiscarded(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.runs("todos")
	c.runs("import", tooLong(t))
	w := c.only()
	if w.State != "refused" || w.Server == "" || !slices.Equal(w.Choices, []string{"retry", "discard"}) {
		t.Fatalf("it waits as %.500q", fmt.Sprintf("%+v", w))
	}
	out, said := c.runs("outbox")
	if !strings.Contains(out, "Refused by the server: ") || !strings.Contains(out, "The server's words: "+w.Server) ||
		!strings.Contains(out, "Decide with: waybill outbox retry|discard "+number(w)) || !strings.Contains(said, "1 change needs a look") {
		t.Errorf("out %.600q, said %q", out, said)
	}
	for _, which := range []string{number(w), "all"} {
		if _, said := c.runs("outbox", "retry", which); !strings.Contains(said, "1 change is tried again.\n1 change needs a look") {
			t.Errorf("it said %q", said)
		}
	}
	if _, said := c.runs("todos"); !strings.Contains(said, "waybill outbox") {
		t.Errorf("the list does not say where to look: %q", said)
	}
	c.runs("outbox", "discard", number(c.only()))
	if _, said := c.runs("outbox", "retry", "all"); !strings.Contains(said, "0 changes are tried again.") {
		t.Errorf("it said %q", said)
	}
}

func TestManyMissingToDosAreKeptOrRemovedInTheTerminal(t *testing.T) {
	for word, left := range map[string]int{"keep": 24, "remove": 2} {
		t.Run(word, func(t *testing.T) {
			s := newServer(t)
			c, other := s.signedIn("alice@example.com"), s.signedIn("alice@example.com")
			c.fails(cli.ExitFailed, "nothing to decide", "outbox", "missing", word)
			for _, i := range other.todos()[:22] {
				other.runs("todos", "rm", i.ID, "--offline")
			}
			other.runs("todos")
			_, said := c.runs("todos")
			for _, words := range []string{"22 of 24 to-dos are no longer at the server", "waybill outbox missing keep", "waybill outbox missing remove"} {
				if !strings.Contains(said, words) {
					t.Errorf("it did not say %q: %s", words, said)
				}
			}
			if n := len(c.todos()); n != 24 {
				t.Fatalf("%d are shown before the question is answered", n)
			}
			c.runs("outbox", "missing", word)
			if n := len(c.todos()); n != left {
				t.Errorf("%d are shown", n)
			}
			if n := len(other.todos()); n != left {
				t.Errorf("%d are at the server", n)
			}
		})
	}
}

func TestAChangeThatIsNotThereIsSaid(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	for _, args := range [][]string{{"discard", "9"}, {"restore", "9"}, {"retry", "9", "--offline"}, {"keep", "both", "9", "--offline"}} {
		c.fails(cli.ExitFailed, "There is no change 9 in the outbox.", append([]string{"outbox"}, args...)...)
	}
}
