package todo_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/todo"
)

// The list of the design picture, in its order.
func TestTheOrderIsThatOfTheDesign(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	due := func(days int) time.Time { return now.AddDate(0, 0, days) }
	want := []todo.Todo{
		{ID: "1", Title: "Rotate the staging signing keys", Priority: todo.High, Due: due(-1)},
		{ID: "2", Title: "Ship release notes for 2.4", Priority: todo.High, Due: due(0).Add(time.Hour)},
		{ID: "3", Title: "Review the ID-JAG policy with IT", Priority: todo.Medium, Due: due(0)},
		{ID: "4", Title: "Book travel", Priority: todo.Medium, Due: due(4)},
		{ID: "5", Title: "Clean up the demo tenant", Priority: todo.Low, Due: due(9)},
		{ID: "6", Title: "Read the draft", Priority: todo.Low},
		{ID: "7", Title: "An idea"},
		{ID: "8", Title: "Register the requesting app", Completed: true, Due: due(-11)},
		{ID: "9", Title: "Write the onboarding guide", Completed: true, Due: due(-13)},
		{ID: "10", Title: "Something without a date", Completed: true},
	}
	for _, list := range [][]todo.Todo{slices.Clone(want), reversed(want)} {
		slices.SortFunc(list, func(a, b todo.Todo) int { return todo.Compare(&a, &b, now.Location()) })
		for i := range want {
			if list[i].ID != want[i].ID {
				t.Fatalf("place %d has %q, want %q", i, list[i].Title, want[i].Title)
			}
		}
	}
	today := todo.DayOf(now)
	shown := func(f todo.Filter) (ids []string) {
		for _, item := range want {
			if f.Match(item, today) {
				ids = append(ids, item.ID)
			}
		}
		return ids
	}
	if got := shown(todo.Filter{List: todo.ListDueToday}); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("due today: %v", got)
	}
	if got := shown(todo.Filter{List: todo.ListCompleted}); !slices.Equal(got, []string{"8", "9", "10"}) {
		t.Errorf("completed: %v", got)
	}
	if got := shown(todo.Filter{List: todo.ListTodo}); len(got) != 7 {
		t.Errorf("to do: %v", got)
	}
}

func reversed[T any](list []T) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

func TestCompareIsATotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawTodo(t, "a"), drawTodo(t, "b"), drawTodo(t, "c")
		a.ID, b.ID, c.ID = "a", "b", "c"
		ab, ba := todo.Compare(&a, &b, time.UTC), todo.Compare(&b, &a, time.UTC)
		if ab == 0 || ab != -ba || todo.Compare(&a, &a, time.UTC) != 0 {
			t.Fatalf("a to b %d, b to a %d", ab, ba)
		}
		if ab < 0 && todo.Compare(&b, &c, time.UTC) < 0 && todo.Compare(&a, &c, time.UTC) >= 0 {
			t.Fatal("not transitive")
		}
	})
}

func TestR9_AWholeDayIsThatDateEverywhere(t *testing.T) {
	west, east := time.FixedZone("west", -10*3600), time.FixedZone("east", 13*3600)
	whole := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for _, loc := range []*time.Location{west, time.UTC, east} {
		morning := time.Date(2026, 11, 24, 8, 0, 0, 0, loc)
		if got := todo.DueLabel(whole, todo.DayOf(morning)); got != "Today" {
			t.Errorf("in %s: %s", loc, got)
		}
		if got := todo.DueLabel(time.Date(2026, 11, 24, 23, 59, 0, 0, loc), todo.DayOf(morning)); got != "Today" {
			t.Errorf("late in %s: %s", loc, got)
		}
	}
}

func TestDueLabels(t *testing.T) {
	today := todo.DayOf(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)) // a Monday
	for days, want := range map[int]string{-400: "19 Oct 2025", -2: "21 Nov", -1: "Yesterday", 0: "Today", 1: "Tomorrow", 4: "Fri", 6: "Sun", 7: "30 Nov", 9: "2 Dec", 60: "22 Jan 2027"} {
		due := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC).AddDate(0, 0, days)
		if got := todo.DueLabel(due, today); got != want {
			t.Errorf("in %d days: %q, want %q", days, got, want)
		}
	}
	if got := todo.DueLabel(time.Time{}, today); got != "" {
		t.Errorf("without a date: %q", got)
	}
}

func TestFiltersReadWhatTheyWrite(t *testing.T) {
	for _, words := range []string{"all", "todo", "today", "completed", "tag:home", "todo tag:two words"} {
		f, ok := todo.ParseFilter(words)
		if !ok || f.String() != words {
			t.Errorf("%q became %q, %v", words, f.String(), ok)
		}
	}
	for _, words := range []string{"done", "tag:", "tag: ", "all of them"} {
		if _, ok := todo.ParseFilter(words); ok {
			t.Errorf("%q was read", words)
		}
	}
}

func TestTheTallyComesAndGoesEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		today := todo.DayOf(day)
		var tally todo.Tally
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) todo.Todo { return drawTodo(t, "item") }), 0, 12).Draw(t, "list")
		for _, item := range list {
			tally.Add(item, today, 1)
		}
		keep := rapid.IntRange(0, len(list)).Draw(t, "keep")
		for _, item := range list[keep:] {
			tally.Add(item, today, -1)
		}
		var fresh todo.Tally
		want := 0
		for _, item := range list[:keep] {
			fresh.Add(item, today, 1)
			if (todo.Filter{List: todo.ListDueToday}).Match(item, today) {
				want++
			}
		}
		if got := tally.Counts(); fmt.Sprint(got) != fmt.Sprint(fresh.Counts()) || got.DueToday != want || got.All != keep {
			t.Fatalf("%+v, want %+v, due %d", got, fresh.Counts(), want)
		}
	})
}

func TestTagsCountOnceWhateverTheirCase(t *testing.T) {
	var tally todo.Tally
	today := todo.DayOf(day)
	tally.Add(todo.Todo{Tags: []string{"Home", "home", "shop"}}, today, 1)
	tally.Add(todo.Todo{Tags: []string{"home"}, Completed: true}, today, 1)
	if got := tally.Counts().Tags; fmt.Sprint(got) != "[{Home 2} {shop 1}]" {
		t.Fatalf("%v", got)
	}
}
