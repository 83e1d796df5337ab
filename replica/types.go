package replica

import (
	"log/slog"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// Options say which local copy to open.
type Options struct {
	// Dir is the folder that holds the copies; "" keeps everything in memory,
	// for a session whose secrets last only as long as the process.
	Dir string

	// Key seals the content of every record. It is not used in memory.
	Key [32]byte

	// Account names whose copy it is: issuer, subject, tenant and resource. It
	// is hashed for the file's name and never written itself.
	Account string

	// StartFresh sets a copy that cannot be opened with this key aside, under
	// a name that says so, and begins an empty one. Without it Open fails.
	StartFresh bool

	// Settled, once it is closed, says that what is shown first is on the
	// screen. Only then is the rest of a long copy read, so that reading does
	// not take the processor from drawing. Whoever needs the rest does not wait
	// for it, and nobody waits more than a second. Nil: it is read at once.
	Settled <-chan struct{}

	// Parallel is how many items are sent at once, 0 for 16. Shared is how many
	// over a connection that requests share, 0 for 100, the number of streams
	// that RFC 9113 section 6.5.2 asks a server to allow at least; less than
	// Parallel is no more than Parallel.
	Parallel, Shared int

	Now func() time.Time // nil: time.Now; its location is the user's
	Log *slog.Logger     // nil: nothing is logged
}

// RowState says whether a row is what the server has.
type RowState int

// The states, from good to bad; a row with several edits shows the worst.
const (
	Synced   RowState = iota // the server has it like this
	Waiting                  // an edit of it is saved here and not yet at the server
	Conflict                 // the same field was changed here and at the server; Theirs is the server's
	Refused                  // the server will not take an edit of it as it is; Fault says why
)

// Row is one to-do as it is shown: the server's, with the edits that are not
// there yet. Rows are immutable and are shared by snapshots: a row that did not
// change is the same pointer in the next one.
type Row struct {
	Todo  todo.Todo
	State RowState

	// Theirs is the to-do as the server has it, if State is Conflict.
	Theirs *todo.Todo
	// Fields are the fields that both sides changed, if State is Conflict.
	Fields []todo.Field

	Fault   *fault.Fault // why the server refused, if State is Refused
	Changed time.Time    // of the last edit on this computer that is not synced; else zero

	rank uint64 // see rankOf
}

// Snapshot is everything there is to show, at one moment. It is immutable.
type Snapshot struct {
	Rows   []*Row // in display order, see todo.Compare
	Status Status
	Counts todo.Counts

	// Loading is true while only the rows of the last view are there and the
	// rest is being read; Counts are those of the last view then.
	Loading bool

	// Writable says whether edits can be sent; if not, Why is one sentence
	// that says why. CanAdd, CanUpdate and CanDelete say it for each.
	Writable                     bool
	Why                          string
	CanAdd, CanUpdate, CanDelete bool

	// Undo and Redo name what Undo and Redo would do ("Complete"), "" if there
	// is nothing.
	Undo, Redo string

	// Removal is a question to the user: the server no longer lists many
	// to-dos. Nil if there is none. ResolveRemoval answers it.
	Removal *Removal

	// Notice is something that the user should read once, such as that a
	// damaged copy was set aside; nil if there is none. DismissNotice ends it.
	Notice *fault.Fault

	Today      todo.Day
	Generation uint64 // grows with every snapshot

	find *finder
}

// Removal says how many of the to-dos here the server no longer lists.
type Removal struct{ Missing, Total int }

// RemovalChoice is the answer to a Removal.
type RemovalChoice int

// The answers.
const (
	RemoveHere RemovalChoice = iota // remove them here too
	SendAgain                       // keep them, and add them to the server again
)

// StatusKind is the colour of the status line.
type StatusKind int

// The kinds.
const (
	OK        StatusKind = iota // everything is at the server
	Busy                        // sending or fetching
	Offline                     // the server cannot be reached; edits are saved here
	Attention                   // something needs a look
	SignIn                      // a sign-in is needed to go on
)

// Status is the state of the sync. Sentence is true at the moment of its
// snapshot, and holds no text of a server or of a to-do.
type Status struct {
	Sentence string
	Kind     StatusKind
	LastSync time.Time    // when the server's list was last known; zero for never
	Waiting  int          // edits that are saved here and will be sent
	Look     int          // edits that need a look: refused or in conflict
	Fault    *fault.Fault // why the last attempt failed; nil if it did not
}

// PendingState says why an edit is still in the outbox.
type PendingState int

// The states.
const (
	PendingWaiting   PendingState = iota // will be sent
	PendingSending                       // is being sent
	PendingConflict                      // the same field was changed at the server: keep mine, theirs or both
	PendingRefused                       // the server will not take it as it is
	PendingDiscarded                     // discarded here; Restore brings it back
)

// Pending is one edit in the outbox.
type Pending struct {
	Number uint64    // names the edit for Retry, Discard and Restore
	Edit   todo.Edit // what and when; Base holds the fields that the edit changed, as they were
	Title  string    // of the to-do, as it is shown
	What   string    // "Complete", "Rename" …
	State  PendingState
	Why    string       // one sentence: why it waits
	Fault  *fault.Fault // what the server answered, if it did
}

// Choice is how a conflict is resolved.
type Choice int

// The choices.
const (
	KeepMine   Choice = iota // my values replace the server's
	KeepTheirs               // the server's values stay, my edits of these fields are dropped
	KeepBoth                 // the server's to-do stays, mine becomes a second one
)

// Reason says why a sync is worth trying now.
type Reason int

// The reasons.
const (
	WakeEdit     Reason = iota // something was edited
	WakeFocus                  // the window came to the front
	WakeNetwork                // the network is there again, or is another one
	WakeResume                 // the computer woke up
	WakeSignedIn               // the user has signed in again
	WakeUser                   // the user asked for it: goes at once, whatever the server asked for
)
