package session_test

import (
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// asAnyAPI describes the playground's API as if it were one that nobody knows.
func asAnyAPI() *connection.Todos {
	return &connection.Todos{
		Path: "/api/todos", At: "data", ItemAt: "data",
		Description: &connection.TodoText{Path: "description"}, Done: &connection.TodoDone{Path: "completed"},
		Priority: &connection.TodoPriority{TodoText: connection.TodoText{Path: "priority"}, Low: "low", Medium: "medium", High: "high"},
		Tags:     &connection.TodoTags{TodoText: connection.TodoText{Path: "tags"}}, Due: &connection.TodoDue{TodoText: connection.TodoText{Path: "dueDate"}},
		ETag: "etag", IfMatch: true,
		Create: "POST", Update: "PATCH", Delete: "DELETE", WriteScope: "todos.write",
	}
}

func TestAConnectionThatDescribesItsAPIIsUsedAsItSays(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name, mine.Connection.Resource.Todos = "mine", asAnyAPI()
	if err := m.AddConnection(t.Context(), mine.Connection, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, "mine")
	id, err := m.Replica().Add(t.Context(), todo.Todo{Title: "Written here", Priority: todo.High})
	if err != nil {
		t.Fatal(err)
	}
	w.sync(m)
	done := true
	if err := m.Replica().Update(t.Context(), id, todo.Patch{Completed: &done}); err != nil {
		t.Fatal(err)
	}
	w.sync(m)
	if got := titles(m); len(got) != 25 || got["Written here"] != replica.Synced {
		t.Fatalf("%v", got)
	}
	w.close(m)
	m = w.open() // what is kept of the connection describes it too
	w.sync(m)
	if got := titles(m); len(got) != 25 {
		t.Fatalf("%v", got)
	}

	// Todo0's own client sees the same, in a copy of its own.
	w.signIn(m, connection.PlaygroundName)
	if got := titles(m); len(got) != 25 || got["Written here"] != replica.Synced {
		t.Fatalf("%v", got)
	}
}

// Another list of the same API is another copy: edits that wait for the one are
// not sent to the other.
func TestS102_AnotherListIsAnotherCopy(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name, mine.Connection.Resource.Todos = "mine", asAnyAPI()
	if err := m.AddConnection(t.Context(), mine.Connection, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, "mine")
	other := mine.Connection
	other.Resource.Todos = asAnyAPI()
	other.Resource.Todos.Path = "/api/todos/completed"
	if err := m.AddConnection(t.Context(), other, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.close(m)
	m = w.open()
	if err := m.Sync(t.Context()); !fault.Is(err, fault.SignInNeeded) {
		t.Fatalf("the copy of one list is synced with another: %v", err)
	}
	w.signIn(m, "mine")
	if got := titles(m); len(got) == 0 || len(got) == 24 {
		t.Errorf("%v", got)
	}
}
