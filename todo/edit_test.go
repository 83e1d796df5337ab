package todo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/todo"
)

func ptr[T any](v T) *T { return &v }

var day = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// The pairs of R30 that concern one item's fields: what one side did, what the
// other did, and what comes of it.
func TestR30_MergeOfEveryFieldAgainstEveryChange(t *testing.T) {
	base := todo.Todo{ID: "1", Title: "Milk", Description: "two", Priority: todo.Low, Tags: []string{"home", "shop"}, Due: day}
	mine := map[todo.Field]todo.Patch{
		todo.FieldTitle:       {Title: ptr("Oat milk")},
		todo.FieldDescription: {Description: ptr("three")},
		todo.FieldCompleted:   {Completed: ptr(true)},
		todo.FieldPriority:    {Priority: ptr(todo.High)},
		todo.FieldTags:        {Tags: &[]string{"home", "urgent"}},
		todo.FieldDue:         {Due: ptr(day.AddDate(0, 0, 1))},
	}
	theirs := map[todo.Field]todo.Patch{
		todo.FieldTitle:       {Title: ptr("Soy milk")},
		todo.FieldDescription: {Description: ptr("four")},
		todo.FieldCompleted:   {Completed: ptr(true)},
		todo.FieldPriority:    {Priority: ptr(todo.Medium)},
		todo.FieldTags:        {Tags: &[]string{"shop", "week"}},
		todo.FieldDue:         {Due: ptr(day.AddDate(0, 0, 2))},
	}
	pairs := 0
	for f, m := range mine {
		for g, th := range theirs {
			pairs++
			edit := todo.Edit{ID: "1", Op: todo.Update, Patch: m, Base: base}
			server := th.Apply(base)
			patch, conflicts := edit.Merge(server)
			got := patch.Apply(server)
			switch {
			case f != g:
				if len(conflicts) != 0 || !todo.SameContent(got, th.Apply(m.Apply(base))) {
					t.Errorf("%s here, %s there: conflicts %v, result %+v", f, g, conflicts, got)
				}
			case f == todo.FieldCompleted:
				if len(conflicts) != 0 || !patch.IsZero() {
					t.Errorf("completed on both sides: conflicts %v, patch %v", conflicts, patch.Fields())
				}
			case f == todo.FieldTags:
				if len(conflicts) != 0 || !slices.Equal(got.Tags, []string{"week", "urgent"}) {
					t.Errorf("tags merged to %v, conflicts %v", got.Tags, conflicts)
				}
			default:
				if !slices.Equal(conflicts, []todo.Field{f}) || !patch.IsZero() {
					t.Errorf("%s on both sides: conflicts %v, patch %v", f, conflicts, patch.Fields())
				}
			}
		}
	}
	if pairs != 36 {
		t.Fatalf("%d pairs", pairs)
	}
}

func TestMergeOfTheSameChangeOnBothSidesIsDone(t *testing.T) {
	base := todo.Todo{ID: "1", Title: "Milk"}
	edit := todo.Edit{ID: "1", Op: todo.Update, Patch: todo.Patch{Title: ptr("Oat milk")}, Base: base}
	if patch, conflicts := edit.Merge(todo.Todo{ID: "1", Title: "Oat milk"}); !patch.IsZero() || conflicts != nil {
		t.Fatalf("left %v, conflicts %v", patch.Fields(), conflicts)
	}
}

func TestMergeLeavesWhatTheEditDidNotReallyChangeToTheOthers(t *testing.T) {
	base := todo.Todo{ID: "1", Title: "Milk", Priority: todo.Low}
	edit := todo.Edit{ID: "1", Op: todo.Update, Patch: todo.Patch{Title: ptr("Milk"), Priority: ptr(todo.High)}, Base: base}
	patch, conflicts := edit.Merge(todo.Todo{ID: "1", Title: "Soy milk", Priority: todo.Low})
	if conflicts != nil || patch.Title != nil || patch.Priority == nil {
		t.Fatalf("left %v, conflicts %v", patch.Fields(), conflicts)
	}
}

func drawTodo(t *rapid.T, label string) todo.Todo {
	word := rapid.SampledFrom([]string{"", "a", "b", "c"})
	return todo.Todo{
		ID: "x", Title: word.Draw(t, label+" title"), Description: word.Draw(t, label+" description"),
		Completed: rapid.Bool().Draw(t, label+" completed"),
		Priority:  rapid.SampledFrom([]todo.Priority{"", todo.Low, todo.High}).Draw(t, label+" priority"),
		Tags:      rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, label+" tags"),
		Due:       rapid.SampledFrom([]time.Time{{}, day, day.AddDate(0, 0, 1)}).Draw(t, label+" due"),
	}
}

// Whatever both sides did: no change of either is lost but where both changed
// the same field, and that is named.
func TestI4_MergeLosesNothingInSilence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, mine, theirs := drawTodo(t, "base"), drawTodo(t, "mine"), drawTodo(t, "theirs")
		edit := todo.Edit{ID: "x", Op: todo.Update, Patch: todo.Diff(base, mine), Base: base}
		patch, conflicts := edit.Merge(theirs)
		got := patch.Apply(theirs)
		left := todo.Diff(mine, got).Fields() // where the result is not mine
		for _, f := range edit.Patch.Fields() {
			if f != todo.FieldTags && slices.Contains(left, f) && !slices.Contains(conflicts, f) {
				t.Fatalf("my %s was lost: %+v", f, got)
			}
		}
		for _, f := range todo.Diff(base, theirs).Fields() {
			lost := slices.Contains(todo.Diff(theirs, got).Fields(), f)
			if f != todo.FieldTags && lost {
				t.Fatalf("their %s was lost: %+v", f, got)
			}
		}
		for _, tag := range mine.Tags {
			if !slices.Contains(base.Tags, tag) && !slices.Contains(got.Tags, tag) {
				t.Fatalf("my tag %q was lost: %v", tag, got.Tags)
			}
		}
		for _, tag := range theirs.Tags {
			if !slices.Contains(base.Tags, tag) && !slices.Contains(got.Tags, tag) {
				t.Fatalf("their tag %q was lost: %v", tag, got.Tags)
			}
		}
		again, more := edit.Merge(got)
		if !again.IsZero() || len(more) != len(conflicts) {
			t.Fatalf("merged again: %v, %v", again.Fields(), more)
		}
	})
}

func TestDiffThenApplyGivesTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawTodo(t, "a"), drawTodo(t, "b"), drawTodo(t, "c")
		ab, bc := todo.Diff(a, b), todo.Diff(b, c)
		if !todo.SameContent(ab.Apply(a), b) || !todo.SameContent(ab.Then(bc).Apply(a), c) {
			t.Fatal("a patch does not lead from one to the other")
		}
		back := ab.Restrict(a)
		if !todo.SameContent(back.Apply(ab.Apply(a)), a) {
			t.Fatal("the old values do not lead back")
		}
	})
}

func TestApplyChangesNoArgument(t *testing.T) {
	tags := []string{"a", "b"}
	p := todo.Patch{Tags: &tags}
	got := p.Apply(todo.Todo{})
	got.Tags[0] = "changed"
	if tags[0] != "a" {
		t.Fatal("the result shares its tags with the patch")
	}
}

func ExampleEdit_Merge() {
	base := todo.Todo{ID: "1", Title: "Milk"}
	high, title := todo.High, "Oat milk"
	edit := todo.Edit{ID: "1", Op: todo.Update, Base: base, Patch: todo.Patch{Title: &title, Priority: &high}}
	patch, conflicts := edit.Merge(todo.Todo{ID: "1", Title: "Soy milk"})
	fmt.Println(patch.Fields(), conflicts)
	// Output: [priority] [title]
}

// A server that takes blanks off has changed nothing that anyone must be asked
// about: not what was typed over since, and not what was typed.
func TestR30_BlanksAroundATextAreNoConflict(t *testing.T) {
	stored := todo.Todo{ID: "1", Title: "Milk", Description: "two"}
	for _, c := range []struct {
		name, base, mine string
		want             todo.Patch
	}{
		{"typed over since", " Milk ", "Oat milk", todo.Patch{Title: ptr("Oat milk")}},
		{"its answer was lost", "Bread", "Milk ", todo.Patch{}},
	} {
		edit := todo.Edit{ID: "1", Op: todo.Update, Patch: todo.Patch{Title: &c.mine}, Base: todo.Todo{Title: c.base}}
		patch, conflicts := edit.Merge(stored)
		if len(conflicts) > 0 || !todo.SameContent(patch.Apply(stored), c.want.Apply(stored)) {
			t.Errorf("%s: %+v, conflicts %v", c.name, patch, conflicts)
		}
	}
	edit := todo.Edit{ID: "1", Op: todo.Update, Patch: todo.Patch{Title: ptr("Milk ")}, Base: stored}
	if patch, _ := edit.Merge(stored); patch.Title == nil || *patch.Title != "Milk " {
		t.Errorf("blanks that the user typed are not sent: %+v", patch)
	}
}
