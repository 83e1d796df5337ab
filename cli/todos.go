package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// todoCommands are the words that may follow todos.
func todoCommands() []command {
	return []command{
		{"add", "TITLE", "add a to-do and print its id", addTodo},
		{"done", "ID", "tick a to-do off, or open it again", finishTodo},
		{"edit", "ID", "change a to-do", editTodo},
		{"rm", "ID", "delete a to-do", removeTodo},
	}
}

func runTodos(ctx context.Context, c *call) error {
	if sub := c.subcommand(); sub != nil {
		return sub(ctx, c)
	}
	return listTodos(ctx, c)
}

func offlineFlag(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.offline, "offline", false, "use the local copy only; changes wait until the next sync")
}

func listTodos(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	words := c.flags.String("filter", "", "`which` to-dos: todo, today, completed, or tag:NAME")
	rest, err := c.parse()
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return c.misplaced(rest[0])
	}
	filter, ok := todo.ParseFilter(*words)
	if !ok {
		return usageError{fmt.Sprintf("There is no filter %q; it is todo, today, completed or tag:NAME.", fault.Clean(*words, 40)), "todos"}
	}
	return c.synced(ctx, func(m *session.Manager) error {
		s, err := m.Replica().Loaded(ctx)
		if err != nil {
			return err
		}
		return c.printTodos(s, filter)
	})
}

// synced syncs and shows something. If that could not be brought up to date it
// is shown all the same, and the exit status says so.
func (c *call) synced(ctx context.Context, show func(*session.Manager) error) error {
	var offline error
	return errors.Join(c.withSession(ctx, func(m *session.Manager) error {
		if offline = c.sync(ctx, m); offline != nil && !showable(m, offline) {
			return offline
		}
		return show(m)
	}), offline)
}

// sync brings the local copy up to date, unless the command is to stay offline.
func (c *call) sync(ctx context.Context, m *session.Manager) error {
	if c.opt.offline {
		return nil
	}
	return m.Sync(ctx)
}

// showable reports whether the local copy is worth showing although it could
// not be brought up to date: the exit status still says that it was not.
func showable(m *session.Manager, err error) bool {
	return fault.Is(err, fault.Offline) && !m.Replica().Snapshot().Status.LastSync.IsZero()
}

// row is one to-do as JSON: Todo0's members, and how it stands.
type row struct {
	todo.Todo
	State string
}

var stateNames = map[replica.RowState]string{
	replica.Synced: "synced", replica.Waiting: "waiting", replica.Conflict: "conflict", replica.Refused: "refused",
}

// MarshalJSON adds "state" to the to-do's own members.
func (r row) MarshalJSON() ([]byte, error) {
	item, err := r.Todo.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `%s,"state":%q}`, strings.TrimSuffix(string(item), "}"), r.State), nil
}

// list is the output of todos --json.
type list struct {
	Status string `json:"status"`
	Count  int    `json:"count"`
	Todos  []row  `json:"todos"`
}

func (c *call) printTodos(s *replica.Snapshot, filter todo.Filter) error {
	rows := []row{}
	for _, r := range s.Rows {
		if filter.Match(r.Todo, s.Today) {
			rows = append(rows, row{r.Todo, stateNames[r.State]})
		}
	}
	if c.opt.json {
		return c.printJSON(list{s.Status.Sentence, len(rows), rows})
	}
	var lines [][]string
	for _, r := range rows {
		lines = append(lines, textRow(r, s.Today))
	}
	if err := writeTable(c.env.Stdout, lines); err != nil {
		return unwritten("The to-dos could not be written.", err)
	}
	c.say("%s", s.Status.Sentence)
	if q := s.Removal; q != nil {
		c.say("'waybill outbox missing keep' adds the %d to the server again, 'waybill outbox missing remove' removes them here, too.", q.Missing)
	}
	if s.Status.Look > 0 {
		c.say("See 'waybill outbox'.")
	}
	return nil
}

func textRow(r row, today todo.Day) []string {
	box, mark := "[ ]", ""
	if r.Completed {
		box = "[x]"
	}
	if r.State != "synced" {
		mark = "(" + r.State + ")"
	}
	due := ""
	if !r.Due.IsZero() {
		due = dueText(r.Due, time.Local)
		if !r.Completed && today.DaysUntil(r.Due) < 0 {
			due += " overdue"
		}
	}
	tags := make([]string, len(r.Tags))
	for i, tag := range r.Tags {
		tags[i] = "#" + todo.Line(tag)
	}
	return []string{box, todo.Line(r.ID), string(r.Priority), todo.Line(r.Title), due, strings.Join(tags, " "), mark}
}

// dueText is the day on which something is due, with the time if one was
// set, as --due takes it.
func dueText(due time.Time, here *time.Location) string {
	if u := due.UTC(); u.Equal(u.Truncate(24 * time.Hour)) {
		return u.Format(time.DateOnly) // a whole day, wherever one is
	}
	return due.In(here).Format("2006-01-02 15:04")
}

// fieldFlags are the flags that set a to-do's fields.
type fieldFlags struct {
	flags                             *flag.FlagSet
	title, description, priority, due *string
	tags                              *string
}

func newFieldFlags(f *flag.FlagSet) fieldFlags {
	return fieldFlags{
		flags:       f,
		title:       f.String("title", "", "the `text` of the to-do"),
		description: f.String("description", "", "a longer `text`"),
		priority:    f.String("priority", "", "the `level`: high, medium, low or none"),
		due:         f.String("due", "", "the `date` it is due, as 2026-11-24 or \"2026-11-24 17:00\", or none"),
		tags:        f.String("tags", "", "the tags, a `list` separated by commas; empty for none"),
	}
}

// patch makes a Patch of the flags that were given.
func (ff fieldFlags) patch() (p todo.Patch, err error) {
	ff.flags.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "title":
			p.Title = ff.title
		case "description":
			p.Description = ff.description
		case "tags":
			tags := splitTags(*ff.tags)
			p.Tags = &tags
		case "priority":
			var v todo.Priority
			if v, err = parsePriority(*ff.priority); err == nil {
				p.Priority = &v
			}
		case "due":
			var v time.Time
			if v, err = parseDue(*ff.due, time.Local); err == nil {
				p.Due = &v
			}
		}
	})
	return p, err
}

func splitTags(s string) []string {
	var tags []string
	for tag := range strings.SplitSeq(s, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

func parsePriority(s string) (todo.Priority, error) {
	switch p := todo.Priority(strings.ToLower(s)); p {
	case todo.High, todo.Medium, todo.Low, todo.NoPriority:
		return p, nil
	case "none":
		return todo.NoPriority, nil
	}
	return "", usageError{fmt.Sprintf("There is no priority %q; it is high, medium, low or none.", fault.Clean(s, 40)), "todos edit"}
}

func parseDue(s string, here *time.Location) (time.Time, error) {
	if s == "" || s == "none" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil // midnight UTC: the whole day, wherever one is
	}
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, s, here); err == nil {
			return t, nil
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Year() > 9999 || t.UTC().Year() < 0 {
		return t, usageError{fmt.Sprintf("%q is no date; write it as 2026-11-24, or 2026-11-24 17:00.", fault.Clean(s, 40)), "todos edit"}
	}
	return t, nil
}

const whichTodo = "Name one to-do by its id, as 'waybill todos' prints it."

func addTodo(ctx context.Context, c *call) error {
	f := c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	fields := newFieldFlags(f)
	words, err := c.parse()
	if err != nil {
		return err
	}
	p, err := fields.patch()
	if err != nil {
		return err
	}
	t := p.Apply(todo.Todo{})
	if len(words) > 0 {
		t.Title = strings.Join(words, " ")
	}
	if strings.TrimSpace(t.Title) == "" {
		return usageError{"Say what the to-do is.", c.command.name}
	}
	return c.change(ctx, func(r *replica.Replica) (string, error) { return r.Add(ctx, t) })
}

func finishTodo(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	reopen := c.flags.Bool("reopen", false, "open it again instead")
	id, err := c.oneWord(whichTodo)
	if err != nil {
		return err
	}
	done := !*reopen
	return c.change(ctx, func(r *replica.Replica) (string, error) {
		return id, r.Update(ctx, id, todo.Patch{Completed: &done})
	})
}

func editTodo(ctx context.Context, c *call) error {
	f := c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	fields := newFieldFlags(f)
	id, err := c.oneWord(whichTodo)
	if err != nil {
		return err
	}
	p, err := fields.patch()
	if err != nil {
		return err
	}
	if p.IsZero() {
		return usageError{"Say what to change.", c.command.name}
	}
	return c.change(ctx, func(r *replica.Replica) (string, error) { return id, r.Update(ctx, id, p) })
}

func removeTodo(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	id, err := c.oneWord(whichTodo)
	if err != nil {
		return err
	}
	return c.change(ctx, func(r *replica.Replica) (string, error) { return id, r.Delete(ctx, id) })
}

// change makes one edit, syncs, and prints the to-do's id.
func (c *call) change(ctx context.Context, edit func(*replica.Replica) (string, error)) error {
	id := ""
	return c.edited(ctx, func(m *session.Manager) (err error) {
		id, err = edit(m.Replica())
		return err
	}, func(status string) error {
		if c.opt.json {
			return c.printJSON(map[string]string{"id": id, "status": status})
		}
		if _, err := fmt.Fprintln(c.env.Stdout, id); err != nil {
			return err
		}
		c.say("%s", status)
		return nil
	})
}

// edited syncs, edits, syncs again, and shows the result along with how things
// stand. What can be edited is known only after the first sync; the edit itself
// is made once, whatever becomes of the second.
func (c *call) edited(ctx context.Context, edit func(*session.Manager) error, show func(status string) error) error {
	var m *session.Manager
	err := c.withSession(ctx, func(open *session.Manager) error {
		m = open
		err := c.sync(ctx, m)
		if err != nil && showable(m, err) {
			return nil // it is saved here and sent later
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := edit(m); err != nil {
		return err
	}
	err = c.sync(ctx, m)
	if st := m.State(); err != nil && st.VaultMode == auth.VaultMemory {
		err = fault.As(err).WithRemedy("The change is lost, since nothing can be kept here: make it again.")
	}
	return errors.Join(show(m.Replica().Snapshot().Status.Sentence), err)
}
