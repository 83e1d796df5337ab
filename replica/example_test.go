package replica_test

import (
	"context"
	"fmt"

	"waybill/replica"
	"waybill/todo"
)

// A copy in memory takes edits before anything was ever synced.
func Example() {
	ctx := context.Background()
	r, err := replica.Open(ctx, replica.Options{}) // a folder, an account and a key keep it on the disk
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	id, _ := r.Add(ctx, todo.Todo{Title: "Buy milk"})
	done := true
	_ = r.Update(ctx, id, todo.Patch{Completed: &done})
	for _, row := range r.Snapshot().Rows {
		fmt.Println(row.Todo.Title, row.Todo.Completed)
	}
	for _, p := range r.Outbox() {
		fmt.Println(p.What, "-", p.Why)
	}
	fmt.Println(r.Snapshot().Status.Sentence)
	_ = r.Undo(ctx)
	fmt.Println(r.Snapshot().Rows[0].Todo.Completed)
	// Output:
	// Buy milk true
	// Add - It is sent at the next sync.
	// Complete - It is sent at the next sync.
	// Not synced yet. 2 changes kept until Waybill closes
	// false
}
