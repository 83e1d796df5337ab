package replica

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

// rebuild makes a new file from whatever of the damaged one can still be read,
// puts it in the old one's place and keeps the old one. What the server has is
// fetched again; the edits that it does not have are what matters.
func rebuild(ctx context.Context, f files, u *use, o Options, with seams, cause error) (notice *fault.Fault, err error) {
	now := o.Now()
	err = u.alone(ctx, f.database(), func() error {
		saved := salvage(f, o)
		if err := f.removeDatabase(f.fresh()); err != nil {
			return err
		}
		made, err := writeFresh(f.fresh(), o, with, saved)
		if err != nil {
			return err
		}
		aside, err := f.putRebuilt(now)
		if err != nil {
			return err
		}
		// Before anyone else opens it: by the mark of the old file it is too old.
		if err := writeMark(f.mark(), seal.New(o.Key), made); err != nil {
			return err
		}
		notice = damagedNotice(filepath.Base(aside), len(saved.entries), cause)
		return nil
	})
	return notice, err
}

func damagedNotice(aside string, edits int, cause error) *fault.Fault {
	unsent := "No unsent change was found in it."
	if edits == 1 {
		unsent = "One unsent change was saved from it."
	} else if edits > 1 {
		unsent = fmt.Sprintf("%d unsent changes were saved from it.", edits)
	}
	code, what := "store_damaged", "damaged"
	if d := (*damage)(nil); errors.As(cause, &d) && d.what == older {
		code, what = "store_rolled_back", "replaced by an older file"
	}
	return fault.New(fault.StepStore, fault.Failed, code,
		fmt.Sprintf("The to-dos saved on this computer were %s, and are fetched again. %s", what, unsent)).
		WithRemedy(fmt.Sprintf("That file is kept as %s.", aside)).Because(cause)
}

// salvage reads every record that opens, in whatever state the rest is.
func salvage(f files, o Options) *model {
	m := newModel(o.Now())
	s := &store{path: f.database(), box: seal.New(o.Key), at: func(string) error { return nil }}
	defer s.close()
	// A file that is shorter than its header says is only read with this pragma.
	if s.connect(pragmas+"&mode=ro&_pragma=writable_schema(1)") != nil {
		return m
	}
	if s.readHead() != nil {
		known, ok := readMark(f.mark(), s.box)
		if !ok {
			return m
		}
		s.head.id = known.id
	}
	var touched touched
	seen := map[uint64]*record{}
	first, last, whole := s.collect("SELECT n, v FROM log ORDER BY n", seen)
	if !whole {
		if after, before, _ := s.collect("SELECT n, v FROM log ORDER BY n DESC", seen); after != 0 {
			first, last = min(first, after, before), max(last, after, before)
		}
	}
	for n := first; n <= last && n != 0; n++ {
		if r := seen[n]; r != nil {
			m.apply(r, &touched)
		}
	}
	m.refresh(touched)
	return m
}

// collect reads records in the order of the query until an error of the
// database, skipping those that do not open. It returns the numbers of the
// first and last record that opened, and whether there was no such error.
func (s *store) collect(query string, into map[uint64]*record) (first, last uint64, whole bool) {
	found, err := s.conn.QueryContext(context.Background(), query)
	if err != nil {
		return 0, 0, false
	}
	defer found.Close()
	for found.Next() {
		var n int64
		var sealed sql.RawBytes
		if found.Scan(&n, &sealed) != nil {
			return first, last, false
		}
		if into[uint64(n)] == nil {
			r, err := s.open(uint64(n), sealed)
			if err != nil {
				continue
			}
			into[uint64(n)] = r
		}
		if first == 0 {
			first = uint64(n)
		}
		last = uint64(n)
	}
	return first, last, found.Err() == nil
}

// writeFresh makes a file at path that holds what was salvaged, whole and
// flushed, and returns the mark for it.
func writeFresh(path string, o Options, with seams, m *model) (mark, error) {
	s, err := openStore(path, o.Key, with)
	if err != nil {
		return mark{}, err
	}
	defer s.close()
	m.sync.etag, m.sync.pullFirst = "", true
	records := m.snapshot(o.Now().Add(-keepDiscarded))
	if err := s.transaction(func() error { return s.append(records) }); err != nil {
		return mark{}, err
	}
	return mark{s.head.id, s.last + uint64(len(records))}, s.checkpoint()
}

// isDamage reports whether err says that the file is damaged.
func isDamage(err error) bool {
	var d *damage
	return errors.As(err, &d)
}

// inWords makes a Fault of what may be damage, for a file that is in use.
func inWords(err error) error {
	if err == nil || !isDamage(err) {
		return err
	}
	return fault.New(fault.StepStore, fault.Failed, "store_damaged", "The to-dos saved on this computer are damaged.").
		WithRemedy("Start Waybill again: it saves what can be read and keeps the damaged file.").Because(err)
}

// startFresh sets aside a file that does not open, and what belongs to it.
func (f files) startFresh(o Options) (*fault.Fault, error) {
	aside, err := disk.SetAside(f.database(), o.Now())
	if err != nil {
		return nil, err
	}
	for _, path := range []string{f.database() + "-wal", f.mark()} {
		if exists(path) {
			if _, err := disk.SetAside(path, o.Now()); err != nil {
				return nil, err
			}
		}
	}
	return fault.New(fault.StepStore, fault.Config, "store_key", "The to-dos saved on this computer did not open, and are fetched again.").
		WithRemedy(fmt.Sprintf("The old file is kept as %s.", filepath.Base(aside))), nil
}
