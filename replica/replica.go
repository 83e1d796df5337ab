// Package replica keeps a local copy of one account's to-dos, and an outbox of
// the edits that the server does not have yet.
//
// Invariant: an edit that was acknowledged to the user is on the disk, and
// leaves the outbox only when the server has taken it, or when the user has
// discarded it. Nothing else removes it: no error of a server, no damage, no
// listing that lacks its to-do. What is shown is always the server's to-do with
// the outbox on top.
package replica

import (
	"context"

	"waybill/api"
	"waybill/fault"
	"waybill/internal/latest"
	"waybill/todo"
)

// Replica is one open local copy. Its methods are safe for concurrent use.
type Replica struct {
	snapshots *latest.Value[*Snapshot]
}

var errNotReady = fault.New(fault.StepStore, fault.Failed, "not_ready", "The local copy is not open.")

// Open opens or begins the local copy of an account.
func Open(ctx context.Context, o Options) (*Replica, error) { return nil, errNotReady }

// Snapshot returns the newest snapshot; it is never nil.
func (r *Replica) Snapshot() *Snapshot { return r.snapshots.Load() }

// Watch calls f with the newest snapshot, at once and after every change, from
// a goroutine of its own and never twice at a time; snapshots that come while f
// runs are skipped but for the last. stop must not be called from f.
func (r *Replica) Watch(f func(*Snapshot)) (stop func()) { return r.snapshots.Watch(f) }

// Add saves a new to-do and returns the id that it has from now on.
func (r *Replica) Add(ctx context.Context, t todo.Todo) (id string, err error) {
	return "", errNotReady
}

// Update saves a change of the named fields.
func (r *Replica) Update(ctx context.Context, id string, p todo.Patch) error { return errNotReady }

// Delete saves a deletion.
func (r *Replica) Delete(ctx context.Context, id string) error { return errNotReady }

// Undo takes back the last edit of this process that was not taken back.
func (r *Replica) Undo(ctx context.Context) error { return errNotReady }

// Redo does again what Undo took back.
func (r *Replica) Redo(ctx context.Context) error { return errNotReady }

// Resolve ends the conflict of a to-do.
func (r *Replica) Resolve(ctx context.Context, id string, choice Choice) error { return errNotReady }

// Outbox lists the edits that the server does not have, oldest first.
func (r *Replica) Outbox() []Pending { return nil }

// Retry lets a refused edit be sent again.
func (r *Replica) Retry(ctx context.Context, number uint64) error { return errNotReady }

// Discard takes an edit out of what is sent and shown; Restore brings it back.
func (r *Replica) Discard(ctx context.Context, number uint64) error { return errNotReady }

// Restore brings a discarded edit back.
func (r *Replica) Restore(ctx context.Context, number uint64) error { return errNotReady }

// ResolveRemoval answers Snapshot.Removal.
func (r *Replica) ResolveRemoval(ctx context.Context, choice RemovalChoice) error { return errNotReady }

// DismissNotice ends Snapshot.Notice.
func (r *Replica) DismissNotice() {}

// Run keeps the copy in step with the server until ctx ends.
func (r *Replica) Run(ctx context.Context, client api.Client) error { return errNotReady }

// SyncNow has Run do a whole round now and waits for its end.
func (r *Replica) SyncNow(ctx context.Context) error { return errNotReady }

// Wake tells Run that a sync is worth trying.
func (r *Replica) Wake(reason Reason) {}

// Close ends everything that the Replica has running and closes its file.
func (r *Replica) Close() error { return nil }

// Remove deletes the files of an account's copy. Destroy its key first.
func Remove(o Options) error { return errNotReady }
