package todostore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"time"

	"waybill/internal/disk"
	"waybill/playground/internal/state"
)

// version is the form of the file that this program writes and reads.
const version = 1

const extension = ".todos"

// errNewer is a file that a newer program wrote. It is left alone.
var errNewer = errors.New("the file was written by a newer version of this program")

// record is one line of a file. A line is the CRC-32C of the JSON in eight
// hexadecimal digits, a blank and the JSON.
type record struct {
	Version int    `json:"version,omitempty"` // of the first line
	User    string `json:"user,omitempty"`    // of the first line

	N      uint64          `json:"n,omitempty"`
	Item   json.RawMessage `json:"item,omitempty"`   // the item in place N is now this
	Delete string          `json:"delete,omitempty"` // the item with this id is gone
	Key    *keyRecord      `json:"key,omitempty"`    // an idempotency key was used
}

// keyRecord is what an idempotency key was answered with.
type keyRecord struct {
	Key    string          `json:"key"`
	Print  string          `json:"print"` // fingerprint of the request
	N      uint64          `json:"n"`
	Answer json.RawMessage `json:"answer"` // body of the item
}

// journal is the file of one user.
type journal struct {
	path string
	user string
	now  func() time.Time
	log  *slog.Logger

	size   int64
	lines  int
	broken error // a flush failed: what is on disk is not known any more
}

// fileName gives nothing away of the user, and is legal everywhere.
func fileName(user string) string {
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:16]) + extension
}

func encode(r record) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	line := fmt.Appendf(make([]byte, 0, len(body)+10), "%08x ", checksum(body))
	return append(append(line, body...), '\n'), nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// decode reads one line without its end.
func decode(line []byte) (r record, ok bool) {
	digits, body, found := bytes.Cut(line, []byte(" "))
	want, err := strconv.ParseUint(string(digits), 16, 32)
	if !found || err != nil || uint32(want) != checksum(body) {
		return r, false
	}
	return r, json.Unmarshal(body, &r) == nil
}

// read calls replay with each record, and reports whether there is a file. A
// last line that was cut short by a crash was never acknowledged, and is cut
// off. A file with other damage is set aside; what comes before the damage is
// kept.
func (j *journal) read(replay func(record) error) (found bool, err error) {
	data, err := disk.Read(j.path, state.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	good, err := j.walk(data, replay)
	if err != nil || good == len(data) {
		return true, err
	}
	if good > 0 && torn(data[good:]) {
		return true, j.truncate(int64(good))
	}
	aside, err := disk.SetAside(j.path, j.now())
	if err != nil {
		return false, err
	}
	j.log.Warn("a file with to-dos is damaged; it was set aside", "file", aside, "kept_records", j.lines)
	if j.lines == 0 {
		return false, nil
	}
	return true, disk.Replace(j.path, data[:good])
}

// walk replays lines until one is not good, and returns where that one begins.
func (j *journal) walk(data []byte, replay func(record) error) (good int, err error) {
	j.size, j.lines = 0, 0
	for good < len(data) {
		end := bytes.IndexByte(data[good:], '\n')
		if end < 0 {
			return good, nil
		}
		r, ok := decode(data[good : good+end])
		if !ok {
			return good, nil
		}
		if j.lines == 0 {
			if r.Version > version {
				return good, errNewer
			}
			if r.Version < 1 || r.User != j.user {
				return good, nil
			}
		} else if replay(r) != nil {
			return good, nil
		}
		good += end + 1
		j.size, j.lines = int64(good), j.lines+1
	}
	return good, nil
}

// torn reports whether what follows the last good line is one unfinished write
// and not damage in the middle: no line after it is good.
func torn(rest []byte) bool {
	for line := range bytes.Lines(rest) {
		if _, ok := decode(bytes.TrimSuffix(line, []byte("\n"))); ok {
			return false
		}
	}
	return true
}

// append adds one record and flushes it. When it fails, the file is as before.
func (j *journal) append(r record) error {
	if j.broken != nil {
		return fmt.Errorf("the file cannot be trusted since a write failed; start again: %w", j.broken)
	}
	line, err := encode(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return err
	} else if info.Size() != j.size {
		return fmt.Errorf("%s was changed by another program", j.path)
	}
	if _, err := f.WriteAt(line, j.size); err != nil {
		j.broken = f.Truncate(j.size) // a full disk is no reason to give up
		return errors.Join(err, j.broken)
	}
	if err := f.Sync(); err != nil {
		j.broken = err
		return err
	}
	j.size += int64(len(line))
	j.lines++
	return nil
}

func (j *journal) truncate(size int64) error {
	f, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}

// replace writes the file anew, atomically.
func (j *journal) replace(records func(yield func(record) error) error) error {
	var data bytes.Buffer
	lines := 0
	write := func(r record) error {
		line, err := encode(r)
		data.Write(line)
		lines++
		return err
	}
	if err := write(record{Version: version, User: j.user}); err != nil {
		return err
	}
	if err := records(write); err != nil {
		return err
	}
	if err := disk.Replace(j.path, data.Bytes()); err != nil {
		return err
	}
	j.size, j.lines = int64(data.Len()), lines
	return nil
}

// shrink drops outdated lines. Its failure loses nothing: if the old file is
// still there it serves on, and if not, append notices.
func (j *journal) shrink(records func(yield func(record) error) error) {
	if err := j.replace(records); err != nil {
		j.log.Warn("a file with to-dos could not be shortened", "file", j.path, "error", err)
	}
}
