package todo

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// List names one of the fixed lists of the sidebar.
type List string

// The lists. The zero List is ListAll.
const (
	ListAll       List = ""
	ListTodo      List = "todo"      // not completed
	ListDueToday  List = "today"     // not completed and due today or before
	ListCompleted List = "completed" // completed
)

// Filter says which to-dos are shown: those of a list that also carry the tag,
// if one is named. The zero Filter lets every to-do through.
type Filter struct {
	List List
	Tag  string // "" for any; compared without regard to case
}

// tagPrefix starts a filter that names a tag.
const tagPrefix = "tag:"

// ParseFilter reads what Filter.String writes: "all", "todo", "today",
// "completed", "tag:NAME", or a list and a tag with a blank between them. It
// reports false for anything else.
func ParseFilter(words string) (Filter, bool) {
	var f Filter
	head, tag, hasTag := strings.Cut(words, tagPrefix)
	if hasTag {
		if f.Tag = strings.TrimSpace(tag); f.Tag == "" {
			return Filter{}, false
		}
	}
	switch list := strings.ToLower(strings.TrimSpace(head)); list {
	case "", "all":
	case string(ListTodo), string(ListDueToday), string(ListCompleted):
		f.List = List(list)
	default:
		return Filter{}, false
	}
	return f, true
}

// String names the filter in the way that ParseFilter reads.
func (f Filter) String() string {
	list := string(f.List)
	switch {
	case f.Tag == "" && list == "":
		return "all"
	case f.Tag == "":
		return list
	case list == "":
		return tagPrefix + f.Tag
	default:
		return list + " " + tagPrefix + f.Tag
	}
}

// Match reports whether the filter lets t through on the given day.
func (f Filter) Match(t Todo, today Day) bool {
	switch f.List {
	case ListTodo:
		if t.Completed {
			return false
		}
	case ListDueToday:
		if !t.IsDue(today) {
			return false
		}
	case ListCompleted:
		if !t.Completed {
			return false
		}
	}
	return f.Tag == "" || slices.ContainsFunc(t.Tags, func(tag string) bool { return strings.EqualFold(tag, f.Tag) })
}

// IsDue reports whether t is open and due on the given day or before.
func (t Todo) IsDue(today Day) bool {
	return !t.Completed && !t.Due.IsZero() && DueDay(t.Due, today.loc) <= today.number
}

// Day is a calendar day in a place. Make it with DayOf.
type Day struct {
	number int64 // days since 1 January 1970 in that calendar
	loc    *time.Location
}

// DayOf returns the calendar day of an instant in the instant's own location.
func DayOf(t time.Time) Day {
	return Day{number: dayNumber(t), loc: t.Location()}
}

// Equal reports whether two days are the same date.
func (d Day) Equal(e Day) bool { return d.number == e.number }

// DueDay returns the calendar day on which something is due, as a number that
// orders and subtracts. A due time of exactly midnight UTC stands for a whole
// day, and is that date everywhere; any other time is seen from loc.
func DueDay(due time.Time, loc *time.Location) int64 {
	u := due.UTC()
	if h, m, s := u.Clock(); h == 0 && m == 0 && s == 0 && u.Nanosecond() == 0 {
		return dayNumber(u)
	}
	if loc == nil {
		loc = time.Local
	}
	return dayNumber(due.In(loc))
}

// DaysUntil returns how many calendar days after d something is due: 0 is
// today, negative is overdue.
func (d Day) DaysUntil(due time.Time) int64 { return DueDay(due, d.loc) - d.number }

func dayNumber(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// TagCount is a tag and how many to-dos carry it.
type TagCount struct {
	Tag   string
	Count int
}

// Counts are the numbers beside the lists.
type Counts struct {
	All, Todo, DueToday, Completed int
	Tags                           []TagCount // most used first, then by name; completed to-dos count too
}

// Tally keeps Counts while to-dos come and go. The zero value is empty and
// ready; it is not safe for concurrent use.
type Tally struct {
	all, completed, due int
	tags                map[string]*tagTally
	sorted              []TagCount // nil when stale
}

type tagTally struct {
	spellings map[string]int
	count     int
}

// Add counts t in, by = 1, or out again, by = -1, as of the given day.
func (c *Tally) Add(t Todo, today Day, by int) {
	c.all += by
	if t.Completed {
		c.completed += by
	}
	if t.IsDue(today) {
		c.due += by
	}
	if len(t.Tags) == 0 {
		return
	}
	c.sorted = nil
	if c.tags == nil {
		c.tags = map[string]*tagTally{}
	}
	for i, tag := range t.Tags {
		if tag == "" || containsFold(t.Tags[:i], tag) {
			continue
		}
		c.addTag(tag, by)
	}
}

func (c *Tally) addTag(tag string, by int) {
	key := strings.ToLower(tag)
	e := c.tags[key]
	if e == nil {
		e = &tagTally{spellings: map[string]int{}}
		c.tags[key] = e
	}
	e.count += by
	if e.spellings[tag] += by; e.spellings[tag] == 0 {
		delete(e.spellings, tag)
	}
	if e.count == 0 {
		delete(c.tags, key)
	}
}

// Counts returns the numbers. The result is shared by calls between which no
// tag changed, and must not be changed.
func (c *Tally) Counts() Counts {
	if c.sorted == nil {
		c.sorted = make([]TagCount, 0, len(c.tags))
		for _, e := range c.tags {
			c.sorted = append(c.sorted, TagCount{Tag: e.spelling(), Count: e.count})
		}
		slices.SortFunc(c.sorted, func(a, b TagCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Tag, b.Tag))
		})
	}
	return Counts{All: c.all, Todo: c.all - c.completed, DueToday: c.due, Completed: c.completed, Tags: c.sorted}
}

// spelling is the most used way of writing the tag, the first by alphabet
// among equals, so that it does not depend on the order of arrival.
func (e *tagTally) spelling() string {
	best := ""
	for s, n := range e.spellings {
		if best == "" || n > e.spellings[best] || n == e.spellings[best] && s < best {
			best = s
		}
	}
	return best
}

func containsFold(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(other string) bool { return strings.EqualFold(other, tag) })
}

// Compare says which of two to-dos stands first on screen, as a three-way
// comparison: open before completed; open ones by the day they are due, undated
// last, then by priority; completed ones by due day, latest first; then by exact
// time, title and id, so that the order is total and the same everywhere.
func Compare(a, b *Todo, loc *time.Location) int {
	if a.Completed != b.Completed {
		if b.Completed {
			return -1
		}
		return 1
	}
	if c := compareDue(a, b, loc); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(b.Priority.rank(), a.Priority.rank()),
		a.Due.Compare(b.Due),
		cmp.Compare(a.Title, b.Title),
		cmp.Compare(a.ID, b.ID),
	)
}

func compareDue(a, b *Todo, loc *time.Location) int {
	switch az, bz := a.Due.IsZero(), b.Due.IsZero(); {
	case az && bz:
		return 0
	case az:
		return 1
	case bz:
		return -1
	}
	c := cmp.Compare(DueDay(a.Due, loc), DueDay(b.Due, loc))
	if a.Completed {
		return -c
	}
	return c
}

// rank orders priorities; an unknown one counts as none.
func (p Priority) rank() int {
	switch p {
	case High:
		return 3
	case Medium:
		return 2
	case Low:
		return 1
	default:
		return 0
	}
}
