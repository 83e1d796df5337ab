package session_test

import (
	"bytes"
	"strings"
	"testing"

	"waybill/archive"
	"waybill/connection"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// backUp is what a backup of the open account reads as.
func (w *world) backUp(m *session.Manager) *archive.File {
	w.t.Helper()
	c, err := m.Contents(w.t.Context(), "waybill test")
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := archive.Encode(archive.Backup, c, archive.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := archive.Read(bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func TestABackupHoldsWhatIsShownAndSaysWhatWasNotSent(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline = true })
	first := m.Replica().Snapshot().Rows[0].Todo
	if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: "Not sent"}); err != nil {
		t.Fatal(err)
	}
	if err := m.Replica().Update(t.Context(), first.ID, todo.Patch{Title: ptr("Discarded")}); err != nil {
		t.Fatal(err)
	}
	if err := m.Replica().Discard(t.Context(), m.Replica().Outbox()[1].Number); err != nil {
		t.Fatal(err)
	}
	f := w.backUp(m)
	if len(f.Todos) != 25 || len(f.Unsent) != 1 || f.Unsent[0].Title != "Not sent" || f.Unsent[0].State != "waiting" || f.Unsent[0].What != "Add" {
		t.Errorf("%d to-dos, not sent: %+v", len(f.Todos), f.Unsent)
	}
	h := f.Header
	if h.By != "waybill test" || h.Connection != connection.PlaygroundName || h.Email != "alice@example.com" || h.Subject == "" || h.Issuer == "" || h.Made.IsZero() {
		t.Errorf("the header is %+v", h)
	}
	items, err := m.Incoming(f)
	if err != nil || len(items) != 25 {
		t.Fatal(len(items), err)
	}
	if n, err := m.Replica().Compare(t.Context(), items); err != nil || n != (replica.Compared{Same: 25}) {
		t.Errorf("it would be %+v: %v", n, err)
	}
}

func ptr[T any](v T) *T { return &v }

// An id of another account may stand for any other to-do here.
func TestABackupOfAnotherAccountComesWithoutItsIDs(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	ours := w.backUp(m)
	w.as("bob@example.com")
	w.signIn(m, connection.PlaygroundName)
	items, err := m.Incoming(ours)
	if f := fault.As(err); f == nil || f.Code != "other_account" || !strings.Contains(f.Message, "alice@example.com") || !strings.Contains(f.Message, "bob@example.com") {
		t.Fatalf("it was %v", err)
	}
	for _, item := range items {
		if item.ID != "" || item.Fields.Title == nil {
			t.Errorf("brought in as %+v", item)
		}
	}
	if n, err := m.Replica().Compare(t.Context(), items); err != nil || n.Changed != 0 || n.Added+n.Same != 24 {
		t.Errorf("it would be %+v: %v", n, err)
	}
	ours.Format = archive.JSON // what names no account is of none
	if items, err := m.Incoming(ours); err != nil || items[0].ID == "" {
		t.Errorf("%+v, %v", items[0], err)
	}
}

func TestTheSameToDosOverMCPAreTheSameAccount(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	ours := w.backUp(m)
	w.signIn(m, connection.PlaygroundMCPName)
	items, err := m.Incoming(ours)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := m.Replica().Compare(t.Context(), items); err != nil || n != (replica.Compared{Same: 24}) {
		t.Errorf("it would be %+v: %v", n, err)
	}
}

func TestFilesNeedAnAccount(t *testing.T) {
	m := newWorld(t).open()
	if _, err := m.Contents(t.Context(), ""); !fault.Is(err, fault.SignInNeeded) {
		t.Error(err)
	}
	if _, err := m.Incoming(&archive.File{}); !fault.Is(err, fault.SignInNeeded) {
		t.Error(err)
	}
}
