package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"waybill/archive"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
	"waybill/wording"
)

// outboxCommands are the words that may follow outbox.
func outboxCommands() []command {
	return []command{
		{"retry", "NUMBER|all", "send again what the server refused", retryChange},
		{"discard", "NUMBER", "take a change back before it is sent; with a new to-do go the later changes of it", discardChange},
		{"restore", "NUMBER", "bring a discarded change back", restoreChange},
		{"keep", "mine|theirs|both NUMBER", "decide about what was changed here and at the server", keepChange},
		{"missing", "keep|remove", "decide about many to-dos that are no longer at the server", answerMissing},
	}
}

func runOutbox(ctx context.Context, c *call) error {
	if sub := c.subcommand(); sub != nil {
		return sub(ctx, c)
	}
	c.newFlags(connectionFlags, jsonFlag)
	if words, err := c.parse(); err != nil {
		return err
	} else if len(words) > 0 {
		return c.misplaced(words[0])
	}
	return c.locally(ctx, func(m *session.Manager) error { return c.printOutbox(ctx, m.Replica()) })
}

// locally runs f over the local copy alone. Nothing is sent meanwhile: what is
// listed or taken back is not on its way at the same moment.
func (c *call) locally(ctx context.Context, f func(*session.Manager) error) error {
	c.opt.offline = true
	m, err := c.account(ctx)
	if err != nil {
		return err
	}
	return f(m)
}

// change is one entry of the output of outbox --json.
type change struct {
	archive.Unsent
	Difference string      `json:"difference,omitempty"`  // in words
	Server     string      `json:"server_said,omitempty"` // why it refused
	Theirs     *todo.Patch `json:"theirs,omitempty"`      // of a conflict: what the server has
	Choices    []string    `json:"choices"`               // what can be done

	pending replica.Pending
	theirs  string // in words
}

// outbox is the output of outbox --json.
type outbox struct {
	Status  string   `json:"status"`
	Count   int      `json:"count"`
	Changes []change `json:"changes"`
}

// choices are the commands that a change in this state can be dealt with, the
// number left out.
func choices(s replica.PendingState) []string {
	switch s {
	case replica.PendingWaiting:
		return []string{"discard"}
	case replica.PendingRefused:
		return []string{"retry", "discard"}
	case replica.PendingConflict:
		return []string{"keep mine", "keep theirs", "keep both"}
	case replica.PendingDiscarded:
		return []string{"restore"}
	default:
		return []string{}
	}
}

func (c *call) printOutbox(ctx context.Context, r *replica.Replica) error {
	s, err := r.Loaded(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	out := outbox{Status: s.Status.Sentence, Changes: []change{}}
	for _, p := range r.Outbox() {
		e := change{Unsent: session.Unsent(p), Choices: choices(p.State), Difference: wording.Difference(&p, s.Today, now), pending: p}
		if p.Fault != nil && p.State == replica.PendingRefused {
			e.Server = p.Fault.Server
		}
		if row := conflicting(s, p); row != nil {
			theirs := p.Edit.Patch.Restrict(*row.Theirs)
			e.Theirs, e.theirs = &theirs, wording.Theirs(row, s.Today, now)
		}
		out.Changes = append(out.Changes, e)
	}
	out.Count = len(out.Changes)
	if c.opt.json {
		return c.printJSON(out)
	}
	for _, e := range out.Changes {
		if err := c.printChange(e, now); err != nil {
			return unwritten("The outbox could not be written.", err)
		}
	}
	if out.Count == 0 {
		c.say("Nothing waits to be sent.")
	}
	c.say("%s", out.Status)
	return nil
}

// conflicting is the row of a change in conflict that shows the server's side,
// nil where there is none.
func conflicting(s *replica.Snapshot, p replica.Pending) *replica.Row {
	if p.State != replica.PendingConflict {
		return nil
	}
	for _, row := range s.Rows {
		if row.Todo.ID == p.Edit.ID && row.Theirs != nil {
			return row
		}
	}
	return nil
}

// printChange prints what, from what to what, and why it waits.
func (c *call) printChange(e change, now time.Time) error {
	number := strconv.FormatUint(e.Number, 10)
	lines := []string{fmt.Sprintf("%s  %s, %s", number, wording.Change(&e.pending), wording.Ago(e.pending.Edit.At, now))}
	if e.Difference != "" {
		lines = append(lines, e.Difference)
	}
	if e.theirs != "" {
		lines = append(lines, "The server has "+e.theirs)
	}
	why := todo.Line(e.Why)
	if e.Server != "" {
		why += " The server's words: " + todo.Line(e.Server)
	}
	lines = append(lines, wording.ChangeState(e.pending.State)+": "+why)
	switch e.pending.State {
	case replica.PendingConflict:
		lines = append(lines, "Decide with: waybill outbox keep mine|theirs|both "+number)
	case replica.PendingRefused:
		lines = append(lines, "Decide with: waybill outbox retry|discard "+number)
	}
	_, err := fmt.Fprintln(c.env.Stdout, strings.Join(lines, "\n"+strings.Repeat(" ", len(number)+2)))
	return err
}

const whichChange = "Name one change by its number, as 'waybill outbox' prints it."

func parseNumber(word string) (uint64, error) {
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, usageError{whichChange, "outbox"}
	}
	return n, nil
}

// pendingChange finds a change by its number; it must be in this state, or for
// discarding in one that allows it.
func pendingChange(r *replica.Replica, number uint64, action string) (replica.Pending, error) {
	for _, p := range r.Outbox() {
		if p.Number != number {
			continue
		}
		if slices.Contains(choices(p.State), action) || action == "discard" && p.State == replica.PendingConflict {
			return p, nil
		}
		return p, fault.New(fault.StepStore, fault.Invalid, "wrong_state",
			fmt.Sprintf("The change %d is in another state: %s.", number, wording.StateName(p.State)))
	}
	return replica.Pending{}, fault.New(fault.StepStore, fault.NotFound, "no_such_edit",
		fmt.Sprintf("There is no change %d in the outbox.", number)).WithRemedy("It may have been sent; 'waybill outbox' lists what is left.")
}

// decided is the result of a decision about changes as JSON.
type decided struct {
	Numbers []uint64 `json:"numbers"`
	Status  string   `json:"status"`
}

func (c *call) sayDecided(done string, numbers []uint64, status string) error {
	if c.opt.json {
		return c.printJSON(decided{append([]uint64{}, numbers...), status})
	}
	c.say("%s", done)
	c.say("%s", status)
	return nil
}

func retryChange(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	word, err := c.oneWord("Name one change by its number, or say all.")
	if err != nil {
		return err
	}
	var only uint64
	if word != "all" {
		if only, err = parseNumber(word); err != nil {
			return err
		}
	}
	var numbers []uint64
	return c.edited(ctx, func(m *session.Manager) error {
		r := m.Replica()
		if word != "all" {
			numbers = []uint64{only}
			if _, err := pendingChange(r, only, "retry"); err != nil {
				return err
			}
		}
		for _, p := range r.Outbox() {
			if word == "all" && p.State == replica.PendingRefused {
				numbers = append(numbers, p.Number)
			}
		}
		for _, n := range numbers {
			if err := r.Retry(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, func(status string) error {
		return c.sayDecided(wording.Plural(len(numbers), "change is", "changes are")+" tried again.", numbers, status)
	})
}

func discardChange(ctx context.Context, c *call) error {
	c.newFlags(connectionFlags, jsonFlag)
	number, err := c.oneNumber()
	if err != nil {
		return err
	}
	return c.locally(ctx, func(m *session.Manager) error {
		r := m.Replica()
		p, err := pendingChange(r, number, "discard")
		if err != nil {
			return err
		}
		before := discarded(r)
		if err := r.Discard(ctx, number); err != nil {
			return err
		}
		numbers := slices.DeleteFunc(discarded(r), func(n uint64) bool { return slices.Contains(before, n) })
		words := make([]string, len(numbers))
		for i, n := range numbers {
			words[i] = strconv.FormatUint(n, 10)
		}
		done := fmt.Sprintf("Discarded: %s. For a month it can be brought back: waybill outbox restore %s", wording.Change(&p), strings.Join(words, ", then "))
		return c.sayDecided(done, numbers, r.Snapshot().Status.Sentence)
	})
}

// discarded are the numbers of the changes that can be restored.
func discarded(r *replica.Replica) (numbers []uint64) {
	for _, p := range r.Outbox() {
		if p.State == replica.PendingDiscarded {
			numbers = append(numbers, p.Number)
		}
	}
	return numbers
}

func restoreChange(ctx context.Context, c *call) error {
	c.newFlags(connectionFlags, jsonFlag)
	number, err := c.oneNumber()
	if err != nil {
		return err
	}
	return c.locally(ctx, func(m *session.Manager) error {
		r := m.Replica()
		p, err := pendingChange(r, number, "restore")
		if err != nil {
			return err
		}
		if err := r.Restore(ctx, number); err != nil {
			return err
		}
		return c.sayDecided("Brought back: "+wording.Change(&p)+". It is sent at the next sync.", []uint64{number}, r.Snapshot().Status.Sentence)
	})
}

func keepChange(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	sides := map[string]replica.Choice{"mine": replica.KeepMine, "theirs": replica.KeepTheirs, "both": replica.KeepBoth}
	words, err := c.parse()
	if err != nil {
		return err
	}
	if len(words) != 2 {
		return usageError{"Say whose to keep, and the number of the change: keep mine 3.", c.command.name}
	}
	side, ok := sides[words[0]]
	if !ok {
		return usageError{fmt.Sprintf("Keep mine, theirs or both, not %q.", fault.Clean(words[0], 40)), c.command.name}
	}
	number, err := parseNumber(words[1])
	if err != nil {
		return err
	}
	var p replica.Pending
	return c.edited(ctx, func(m *session.Manager) error {
		if p, err = pendingChange(m.Replica(), number, "keep "+words[0]); err != nil {
			return err
		}
		return m.Replica().Resolve(ctx, p.Edit.ID, side)
	}, func(status string) error {
		return c.sayDecided("Decided: "+wording.Change(&p)+".", []uint64{number}, status)
	})
}

func answerMissing(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag)
	word, err := c.oneWord("Say what shall become of them: keep or remove.")
	if err != nil {
		return err
	}
	choice, done := replica.SendAgain, "Kept. They are added to the server again."
	switch word {
	case "keep":
	case "remove":
		choice, done = replica.RemoveHere, "Removed here, too."
	default:
		return usageError{fmt.Sprintf("Say keep or remove, not %q.", fault.Clean(word, 40)), c.command.name}
	}
	return c.edited(ctx, func(m *session.Manager) error { return m.Replica().ResolveRemoval(ctx, choice) },
		func(status string) error { return c.sayDecided(done, nil, status) })
}

func (c *call) oneNumber() (uint64, error) {
	word, err := c.oneWord(whichChange)
	if err != nil {
		return 0, err
	}
	return parseNumber(word)
}
