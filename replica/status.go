package replica

import (
	"fmt"
	"time"

	"waybill/fault"
)

// codeStepUp is the error code that asks for a step-up (RFC 9470 section 3).
const codeStepUp = "insufficient_user_authentication"

// phase is what a sync is doing.
type phase int

const (
	idle phase = iota
	fetching
	sending
)

// syncing is the state of the sync in this process; mu of the Replica guards it.
type syncing struct {
	wake    chan struct{} // holds one token when reasons were added
	reasons reasons
	waiters []chan error    // of SyncNow
	running bool            // Run is
	owner   bool            // this process sends and fetches at this moment
	handed  map[uint64]bool // edits that this process has sent, whatever came of it
	doubt   map[string]bool // to-dos that are gone at the server; a listing must say what became of them

	phase       phase
	asked       bool // the user asked for the round that runs
	done, total int  // edits sent, of those to send

	last     *fault.Fault // why the last round failed; nil if it did not
	store    *fault.Fault // why the last write failed; nil if it did not
	lastSync time.Time
	lastPull time.Time
	active   time.Time // when the user last did something
	capsRead bool      // capabilities were asked for in this Run
}

// status describes the sync in one sentence that is true.
func (r *Replica) status(now time.Time) Status {
	y := &r.sync
	s := Status{LastSync: y.lastSync, Waiting: r.m.waiting, Look: r.m.look, Fault: y.last}
	saved := s.Waiting + s.Look
	switch {
	case r.failed != nil:
		s.Kind, s.Fault = Attention, fault.As(r.failed)
		s.Sentence = s.Fault.Message
	case y.store != nil:
		s.Kind, s.Fault, s.Sentence = Attention, y.store, y.store.Message
	case y.phase == sending && y.total > 0:
		s.Kind, s.Sentence = Busy, fmt.Sprintf("Sending %d of %d", min(y.done+1, y.total), y.total)
	case y.phase != idle && (y.asked || y.lastSync.IsZero()):
		s.Kind, s.Sentence = Busy, "Fetching to-dos"
	case y.last != nil:
		s.Kind, s.Sentence = r.failure(y.last, saved, now)
	case r.removal != nil:
		s.Kind, s.Sentence = Attention, fmt.Sprintf("%d of %d to-dos are no longer at the server", len(r.removal.ids), r.removal.total)
	case s.Look > 0:
		s.Kind, s.Sentence = Attention, plural(s.Look, "change needs a look", "changes need a look")
	case s.Waiting > 0 && r.m.sync.known && !r.m.sync.caps.Write:
		s.Kind, s.Sentence = Attention, fmt.Sprintf("%s cannot be sent. %s", changes(s.Waiting), r.m.sync.caps.Why)
	case y.lastSync.IsZero():
		s.Kind, s.Sentence = Offline, "Not synced yet"
		if saved > 0 {
			s.Sentence += ". " + r.kept(saved)
		}
	default:
		s.Kind, s.Sentence = OK, "Synced "+clock(y.lastSync, now)
		if s.Waiting > 0 {
			s.Sentence += " · " + changes(s.Waiting) + " waiting"
		}
	}
	return s
}

// failure is the sentence for a failed round. A network that is away is no
// reason to sign in, and the other way round.
func (r *Replica) failure(f *fault.Fault, saved int, now time.Time) (StatusKind, string) {
	after := r.kept(saved)
	if saved == 0 {
		if after = "Not synced yet"; !r.sync.lastSync.IsZero() {
			after = "Last synced " + clock(r.sync.lastSync, now)
		}
	}
	what := "sync"
	if saved > 0 {
		what = "send " + changes(saved)
	}
	switch f.Kind {
	case fault.SignInNeeded:
		return SignIn, "Sign in to " + what
	case fault.StepUp:
		if f.Challenge["acr_values"] == "" {
			return SignIn, "Fresh sign-in needed to " + what
		}
		return SignIn, "Stronger sign-in needed to " + what
	case fault.Offline:
		return Offline, "Offline. " + after
	case fault.Denied:
		if f.Code == codeStepUp { // the sign-in that was asked for did not help
			return Attention, f.Message + " " + after
		}
		return Attention, "Access denied by your organisation. " + after
	default:
		return Attention, f.Message + " " + after
	}
}

// kept says where unsent edits are.
func (r *Replica) kept(n int) string {
	if r.o.Dir == "" {
		return changes(n) + " kept until Waybill closes"
	}
	return changes(n) + " saved on this computer"
}

func changes(n int) string { return plural(n, "change", "changes") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// clock says when something was, as short as it can be without being mistaken.
func clock(at, now time.Time) string {
	at = at.In(now.Location())
	switch days := now.Sub(at); {
	case at.Year() == now.Year() && at.YearDay() == now.YearDay():
		return at.Format("15:04")
	case days >= 0 && days < 6*24*time.Hour:
		return at.Format("Mon 15:04")
	case at.Year() == now.Year():
		return at.Format("2 Jan 15:04")
	default:
		return at.Format("2 Jan 2006")
	}
}
