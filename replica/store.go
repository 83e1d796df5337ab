package replica

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"modernc.org/sqlite"
	sqlitecodes "modernc.org/sqlite/lib"

	"waybill/fault"
	"waybill/internal/seal"
)

// A store is the file: a log of sealed records in SQLite, which gives crash
// safety and lets the window and the terminal write in turn.
//
// One table of numbered, append-only records instead of a row per to-do: an
// edit writes one small page wherever its to-do is; a second process reads on
// from where it was; and a record that is changed, missing, doubled or put back
// shows, since each is sealed under its number and the numbers have no gaps.
type store struct {
	db   *sql.DB
	conn *sql.Conn // all writing goes through it
	path string    // "" in memory
	box  *seal.Box
	head head
	last uint64 // number of the last record that the caller has seen
	seen int64  // SQLite's data_version at that time

	knows      int // newest version of the schema that this process understands
	readOnly   bool
	unwritable error                    // why it is
	at         func(point string) error // a failpoint of tests; never nil
}

// head binds the records to their file.
type head struct {
	id    string // random
	epoch uint64 // grows when the log is written anew
	first uint64 // number of the first record
}

const (
	tableLog  = "log"
	tableHead = "head"
	tableView = "view"
	tableMark = "mark"
)

// damage is an error that says that the file is not what was written to it.
type damage struct {
	what string
	err  error
}

func (d *damage) Error() string { return "replica: damaged: " + d.what }
func (d *damage) Unwrap() error { return d.err }

// errUnreadable is for a file that does not open with the key and does not
// prove that the key is the right one.
var errUnreadable = errors.New("replica: the file does not open with this key")

// query reads one row.
func (s *store) query(q string, into ...any) error {
	return s.conn.QueryRowContext(context.Background(), q).Scan(into...)
}

// exec runs statements. Writing is never interrupted half way: it is short.
func (s *store) exec(q string, args ...any) error {
	_, err := s.conn.ExecContext(context.Background(), q, args...)
	return err
}

// transaction runs f while no other process writes. Its error, as a Fault, means
// that nothing was changed, as far as this process can see.
func (s *store) transaction(f func() error) error {
	if s.readOnly && !s.connectAgain() {
		return s.explain("saved", s.whyReadOnly())
	}
	err := s.at("begin")
	if err == nil {
		err = s.exec("BEGIN IMMEDIATE")
	}
	if err != nil {
		return s.explain("saved", err)
	}
	if err = f(); err == nil {
		err = s.at("commit")
	}
	if err == nil {
		err = s.exec("COMMIT")
	}
	if err != nil {
		_ = s.exec("ROLLBACK") // an error here says that SQLite did it already
		return s.explain("saved", err)
	}
	return s.explain("saved", s.at("committed"))
}

// append adds records, inside a transaction.
func (s *store) append(records []*record) error {
	insert, err := s.conn.PrepareContext(context.Background(), "INSERT INTO log (n, v) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	var e encoder // one room for all records: SQLite takes a copy of each
	for i, r := range records {
		if err := s.at("append"); err != nil {
			return err
		}
		n := s.last + uint64(i) + 1
		e.b = slices.Grow(e.b[:0], seal.Overhead+r.room())[:seal.Prefix]
		e.record(r)
		e.b = s.box.SealInPlace(tableLog, s.head.id, n, e.b)
		if _, err := insert.ExecContext(context.Background(), int64(n), e.b); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere reports whether another connection has written since the last call.
func (s *store) elsewhere() (bool, error) {
	var version int64
	if err := s.query("PRAGMA data_version", &version); err != nil {
		return false, s.explain("read", err)
	}
	changed := version != s.seen
	s.seen = version
	return changed, nil
}

// newest is the number of the log's last record.
func (s *store) newest() (uint64, error) {
	var n sql.NullInt64
	if err := s.query("SELECT max(n) FROM log", &n); err != nil {
		return 0, s.explain("read", err)
	}
	return uint64(max(n.Int64, int64(s.head.first)-1)), nil
}

// rows is what can read records: the connection, or another one.
type rows interface {
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
}

// each reads the records after a number, in order. A gap and a record that does
// not open are damage.
func (s *store) each(from rows, after uint64, f func(n uint64, r *record) error) error {
	found, err := from.QueryContext(context.Background(), "SELECT n, v FROM log WHERE n > ? ORDER BY n", int64(after))
	if err != nil {
		return s.explain("read", err)
	}
	defer found.Close()
	want := after
	for found.Next() {
		var number int64
		var sealed sql.RawBytes
		if err := found.Scan(&number, &sealed); err != nil {
			return s.explain("read", err)
		}
		if want++; uint64(number) != want {
			return &damage{what: "a record is missing"}
		}
		r, err := s.open(want, sealed)
		if err != nil {
			return err
		}
		if err := f(want, r); err != nil {
			return err
		}
	}
	return s.explain("read", found.Err())
}

func (s *store) open(n uint64, sealed []byte) (*record, error) {
	plain, err := s.box.Open(tableLog, s.head.id, n, sealed)
	if err != nil {
		return nil, &damage{what: "a record does not open", err: err}
	}
	r, err := decodeRecord(plain)
	if err != nil {
		return nil, &damage{what: "a record cannot be read", err: err}
	}
	return r, nil
}

// reader is another connection, so that a long read holds up no edit.
func (s *store) reader() (from rows, done func(), err error) {
	if s.path == "" || s.readOnly {
		return s.conn, func() {}, nil
	}
	db, err := sql.Open("sqlite", dsn(s.path, wholePragmas+"&_pragma=query_only(1)"))
	if err != nil {
		return nil, nil, s.explain("read", err)
	}
	return db, func() { _ = db.Close() }, nil
}

// checkpoint moves the write-ahead log into the file, if nobody is reading.
func (s *store) checkpoint() error {
	if s.path == "" || s.readOnly {
		return nil
	}
	if err := s.at("checkpoint"); err != nil {
		return s.explain("saved", err)
	}
	var busy, log, moved int
	return s.explain("saved", s.query("PRAGMA wal_checkpoint(TRUNCATE)", &busy, &log, &moved))
}

// walSize is the size of the write-ahead log.
func (s *store) walSize() int64 {
	if s.path == "" {
		return 0
	}
	info, err := os.Stat(s.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (s *store) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		_ = s.db.Close()
		s.conn, s.db = nil, nil
	}
}

const codeFull = "disk_full"

// explain makes a Fault or damage of an error of SQLite.
func (s *store) explain(doing string, err error) error {
	var ours *fault.Fault
	var broken *damage
	var code *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours), errors.As(err, &broken), errors.Is(err, errUnreadable), !errors.As(err, &code):
		if errors.Is(err, fs.ErrPermission) {
			return s.fault(doing, "disk_read_only", ": its folder is read-only", "Make it writable, or give Waybill another folder with WAYBILL_HOME.", err)
		}
		return err
	}
	primary := code.Code() & 0xff
	if code.Code() == sqlitecodes.SQLITE_IOERR_SHMSIZE { // no room for the index of the write-ahead log
		primary = sqlitecodes.SQLITE_FULL
	}
	switch primary {
	case sqlitecodes.SQLITE_CORRUPT, sqlitecodes.SQLITE_NOTADB:
		return &damage{what: "the database is malformed", err: err}
	case sqlitecodes.SQLITE_ERROR: // a table is missing: no statement of ours is wrong otherwise
		return &damage{what: "the database lacks its tables", err: err}
	case sqlitecodes.SQLITE_FULL:
		return s.fault(doing, codeFull, ": the disk is full", "Free some space and try again; nothing that was saved before is lost.", err)
	case sqlitecodes.SQLITE_READONLY, sqlitecodes.SQLITE_PERM, sqlitecodes.SQLITE_CANTOPEN:
		return s.fault(doing, "disk_read_only", ": it cannot be written", "Check who owns its folder, or give Waybill another one with WAYBILL_HOME.", err)
	case sqlitecodes.SQLITE_BUSY, sqlitecodes.SQLITE_LOCKED, sqlitecodes.SQLITE_PROTOCOL:
		return s.fault(doing, "store_busy", ": another program is using it", "Try again; if it stays so, close other windows of Waybill.", err)
	default:
		return s.fault(doing, "disk_error", "", "Check the disk; nothing that was saved before is lost.", err)
	}
}

func (s *store) fault(doing, code, why, remedy string, err error) error {
	return fault.New(fault.StepStore, fault.Failed, code, fmt.Sprintf("The local copy could not be %s%s.", doing, why)).
		WithRemedy(remedy).Because(err)
}
