package cli_test

import (
	"slices"
	"strings"
	"testing"

	"waybill/cli"
)

func TestAToDoIsAddedChangedTickedOffAndDeleted(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	out, said := c.runs("todos", "add", "Water", "the", "ferns", "--description", "not too much", "--priority", "HIGH", "--due", "2026-12-24", "--tags", "home, green,")
	id := strings.TrimSpace(out)
	if out != id+"\n" || !strings.HasPrefix(said, "Synced") {
		t.Errorf("out %q, said %q", out, said)
	}
	i := c.find("Water the ferns")
	if i == nil || i.ID != id || i.Description != "not too much" || i.Priority != "high" || i.DueDate != "2026-12-24T00:00:00Z" || !slices.Equal(i.Tags, []string{"home", "green"}) || i.State != "synced" {
		t.Fatalf("added was %+v", i)
	}
	out, _ = c.runs("todos")
	if want := "[ ] " + id + " high Water the ferns 2026-12-24 #home #green"; !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
		t.Errorf("the list does not hold %q:\n%s", want, out)
	}
	c.runs("todos", "edit", id, "--title", "Water them", "--description", "", "--priority", "none", "--due", "none", "--tags", "")
	if i = c.find("Water them"); i == nil || i.ID != id || i.Description+i.Priority+i.DueDate != "" || len(i.Tags) != 0 {
		t.Errorf("changed it is %+v", i)
	}
	c.runs("todos", "done", id)
	if i = c.find("Water them"); !i.Completed {
		t.Error("it is not done")
	}
	c.runs("todos", "done", id, "--reopen")
	if i = c.find("Water them"); i.Completed {
		t.Error("it is still done")
	}
	if got := answer[map[string]string](c, "todos", "rm", id); got["id"] != id || !strings.HasPrefix(got["status"], "Synced") {
		t.Errorf("got %v", got)
	}
	if c.find("Water them") != nil {
		t.Error("it is still there")
	}
	for _, args := range [][]string{{"done", id}, {"edit", id, "--title", "x"}, {"rm", id}, {"rm", id, "--offline"}} {
		c.fails(cli.ExitFailed, "no such to-do", append([]string{"todos"}, args...)...)
	}
	c.fails(cli.ExitFailed, "title", "todos", "edit", c.todos()[0].ID, "--title", " ")
}

func TestOfflineChangesWaitAndAreSentLater(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	before := c.todos()
	s.whileStopped(func() {
		id, said := c.runs("todos", "add", "Later", "--offline")
		if !strings.Contains(said, "1 change") {
			t.Errorf("it said %q", said)
		}
		c.runs("todos", "done", strings.TrimSpace(id), "--offline")
		c.runs("todos", "rm", before[0].ID, "--offline")
		if n := len(c.todos("--offline")); n != len(before) {
			t.Errorf("%d are shown", n)
		}
		c.fails(cli.ExitOffline, "", "todos")
		c.fails(cli.ExitOffline, "3 changes saved on this computer", "todos", "done", strings.TrimSpace(id))
	})
	c.runs("todos")
	other := s.signedIn("alice@example.com")
	if i := other.find("Later"); i == nil || !i.Completed || len(other.todos()) != len(before) {
		t.Errorf("the server has %+v", i)
	}
}
