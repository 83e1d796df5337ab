package replica

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

// applicationID marks the files as Waybill's in SQLite's header: "WBLL".
const applicationID = 0x57424c4c

// migrations lead from each version of the schema to the next; the first makes
// it. A released one is never changed.
var migrations = []string{
	`CREATE TABLE head (k INTEGER PRIMARY KEY CHECK (k = 1), v BLOB NOT NULL);
	 CREATE TABLE view (k INTEGER PRIMARY KEY CHECK (k = 1), n INTEGER NOT NULL, v BLOB NOT NULL);
	 CREATE TABLE log (n INTEGER PRIMARY KEY, v BLOB NOT NULL)`,
}

// pageSize is small because an edit writes whole pages: most edits fit one.
const pageSize = 1024

const (
	pragmas = "_pragma=busy_timeout(5000)&_pragma=trusted_schema(0)&_pragma=temp_store(MEMORY)"
	// These hold for files that are whole: SQLite reads the schema for them.
	wholePragmas = pragmas + "&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(0)&_pragma=cache_size(-1024)"
)

// dsn names the database for SQLite, with parameters.
func dsn(path, parameters string) string {
	if path == "" {
		return "file::memory:?" + parameters
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath() + "?" + parameters
}

// openStore opens the file, or makes it.
func openStore(path string, key [32]byte, with seams) (*store, error) {
	// Without it, closing any other handle of the file in this process, such as
	// the one that looks at its header, would drop SQLite's locks. Elsewhere
	// than on Linux there is no such thing, and the error says so.
	_, _ = sqlite.OFDLocking(true)
	s := &store{path: path, box: seal.New(key), at: with.at, knows: len(with.steps)}
	version := 0
	if path != "" {
		if err := disk.EnsureFile(path); err != nil {
			return nil, err
		}
		var err error
		if version, err = headerVersion(path, len(with.steps)); err != nil {
			return nil, err
		}
	}
	err := s.connect(wholePragmas)
	if err != nil && version > 0 && s.connectReadOnly() {
		s.unwritable, err = err, nil
	}
	if err == nil {
		err = s.migrate(with.steps)
	}
	if err == nil {
		err = s.readHead()
	}
	if err != nil {
		s.close()
		return nil, s.explain("opened", err)
	}
	return s, nil
}

// headerVersion reads the version of the schema from the file itself, so that a
// file of a newer Waybill is not touched. An empty file has version 0.
func headerVersion(path string, newest int) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, disk.Explain("read", path, err)
	}
	defer f.Close()
	header := make([]byte, 100)
	switch n, err := io.ReadFull(f, header); {
	case n == 0:
		return 0, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return 0, &damage{what: "cut off", err: err}
	case err != nil:
		return 0, disk.Explain("read", path, err)
	}
	if !strings.HasPrefix(string(header), "SQLite format 3\x00") {
		return 0, &damage{what: "no database"}
	}
	version, id := int(binary.BigEndian.Uint32(header[60:])), binary.BigEndian.Uint32(header[68:])
	switch {
	case version == 0 && id == 0: // its first page is still in the write-ahead log
		return 0, nil
	case id != applicationID:
		return 0, &damage{what: "another program's database"}
	case version > newest:
		return 0, newerFault(version, newest)
	}
	return version, nil
}

func newerFault(version, newest int) error {
	return fault.New(fault.StepStore, fault.Config, "store_newer",
		fmt.Sprintf("The local copy was written by a newer Waybill (format %d; this one knows %d).", version, newest)).
		WithRemedy("Start the newer Waybill again, or update this one; the copy is left as it is.")
}

func (s *store) connect(parameters string) error {
	db, err := sql.Open("sqlite", dsn(s.path, parameters))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		_ = db.Close()
		return err
	}
	s.db, s.conn = db, conn
	var n int
	return s.query("PRAGMA schema_version", &n) // opens the file
}

// connectReadOnly opens a file whose folder cannot be written. That is only
// true to what was saved if there is no write-ahead log beside it.
func (s *store) connectReadOnly() bool {
	if info, err := os.Stat(s.path + "-wal"); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	s.close()
	if s.connect(wholePragmas+"&mode=ro&immutable=1") != nil {
		return false
	}
	s.readOnly = true
	return true
}

// whyReadOnly is what kept the file from being opened as it should be.
func (s *store) whyReadOnly() error {
	var f *fault.Fault
	if errors.As(s.explain("opened", s.unwritable), &f) && f.Code == codeFull {
		return s.unwritable
	}
	return fs.ErrPermission
}

// connectAgain reports whether a file that could only be read can be written
// now: there may be room again on its disk.
func (s *store) connectAgain() bool {
	again := &store{path: s.path, at: s.at, knows: s.knows}
	version := 0
	if again.connect(wholePragmas) != nil || again.query("PRAGMA user_version", &version) != nil || version != s.knows {
		again.close()
		return false
	}
	s.close()
	s.db, s.conn, s.readOnly = again.db, again.conn, false
	s.seen = -1 // read what others have written meanwhile
	return true
}

// migrate brings the schema up to date, all steps or none.
func (s *store) migrate(steps []string) error {
	version := 0
	if err := s.query("PRAGMA user_version", &version); err != nil {
		return s.explain("read", err)
	}
	switch {
	case version == len(steps):
		return nil
	case version > len(steps):
		return newerFault(version, len(steps))
	case s.readOnly:
		return s.explain("opened", s.whyReadOnly())
	case version == 0:
		if err := s.exec("PRAGMA page_size=" + fmt.Sprint(pageSize)); err != nil {
			return s.explain("made", err)
		}
		var mode string
		if err := s.query("PRAGMA journal_mode=WAL", &mode); err != nil {
			return s.explain("made", err)
		}
	default:
		if err := s.backUp(version); err != nil {
			return err
		}
	}
	err := s.transaction(func() error { return s.runSteps(steps) })
	if err != nil {
		return err
	}
	// The header in the file itself must say what it is, see headerVersion.
	return s.checkpoint()
}

// checkVersion notices that a newer Waybill has brought the schema up to date
// while this one had the file open: from then on this one does not write what
// that one might not understand.
func (s *store) checkVersion() error {
	version := 0
	if err := s.query("PRAGMA user_version", &version); err != nil {
		return s.explain("read", err)
	}
	if version > s.knows {
		return newerFault(version, s.knows)
	}
	return nil
}

// backUpName is the copy that is made before a migration from a version. It is
// kept until a sync has gone well.
func (s *store) backUpName(version int) string { return fmt.Sprint(s.path, formatSuffix, version) }

func (s *store) backUp(version int) error {
	if s.path == "" {
		return nil
	}
	name := s.backUpName(version)
	if err := disk.Remove(name); err != nil {
		return err
	}
	if err := disk.EnsureFile(name); err != nil {
		return err
	}
	return s.explain("copied", s.exec("VACUUM INTO ?", name))
}

// runSteps runs the steps that are missing, inside a transaction.
func (s *store) runSteps(steps []string) error {
	version := 0
	if err := s.query("PRAGMA user_version", &version); err != nil {
		return err
	}
	if version >= len(steps) {
		return nil // another process was quicker
	}
	for i, step := range steps[version:] {
		if err := s.at(fmt.Sprintf("migration %d", version+i+1)); err != nil {
			return err
		}
		if err := s.exec(step); err != nil {
			return err
		}
	}
	if err := s.exec(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, len(steps))); err != nil {
		return err
	}
	if version > 0 {
		return nil
	}
	s.head = head{id: rand.Text(), epoch: 1, first: 1}
	return s.exec("INSERT INTO head (k, v) VALUES (1, ?)", s.sealHead())
}

func (s *store) sealHead() []byte {
	e := &encoder{}
	e.text(s.head.id)
	e.uint(s.head.epoch)
	e.uint(s.head.first)
	return s.box.Seal(tableHead, "", 1, e.b)
}

// readHead opens the head.
func (s *store) readHead() error {
	var sealed []byte
	switch err := s.query("SELECT v FROM head WHERE k = 1", &sealed); {
	case errors.Is(err, sql.ErrNoRows):
		return &damage{what: "no head"}
	case err != nil:
		return s.explain("read", err)
	}
	plain, err := s.box.Open(tableHead, "", 1, sealed)
	if err != nil {
		return errUnreadable
	}
	d := &decoder{s: string(plain)}
	s.head = head{id: d.text(), epoch: d.uint(), first: d.uint()}
	if d.bad {
		return &damage{what: "head"}
	}
	return nil
}
