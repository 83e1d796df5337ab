package replica

import (
	"encoding/binary"
	"errors"
	"time"
)

// errCodec says that opened text is no record: it was sealed by something else
// than this version's encoder.
var errCodec = errors.New("replica: not a record")

// encoder appends values in the form that decoder reads: numbers as varints,
// texts behind their length.
type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) byte(v byte)   { e.b = append(e.b, v) }
func (e *encoder) text(s string) { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) texts(l []string) {
	e.uint(uint64(len(l)))
	for _, s := range l {
		e.text(s)
	}
}

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) time(t time.Time) {
	if e.bool(!t.IsZero()); !t.IsZero() {
		e.int(t.Unix())
		e.uint(uint64(t.Nanosecond()))
	}
}

// decoder reads what encoder wrote. The first mistake makes every later read
// give zero values; bad says that there was one.
type decoder struct {
	s   string
	bad bool
}

func (d *decoder) fail() { d.s, d.bad = "", true }

func (d *decoder) uint() uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		v |= uint64(d.s[i]&0x7f) << (7 * i)
		if d.s[i] < 0x80 {
			d.s = d.s[i+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 {
	v := d.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) byte() byte {
	if d.s == "" {
		d.fail()
		return 0
	}
	v := d.s[0]
	d.s = d.s[1:]
	return v
}

func (d *decoder) bool() bool { return d.byte() != 0 }

// text shares the decoder's memory: the texts of one record are one allocation.
func (d *decoder) text() string {
	n := d.uint()
	if n > uint64(len(d.s)) {
		d.fail()
		return ""
	}
	v := d.s[:n]
	d.s = d.s[n:]
	return v
}

// count reads a number of things that take at least one byte each.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.s)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) texts() []string {
	n := d.count()
	if n == 0 {
		return nil
	}
	l := make([]string, n)
	for i := range l {
		l[i] = d.text()
	}
	return l
}

func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	seconds, nanos := d.int(), d.uint()
	if d.bad || nanos >= 1e9 {
		d.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}
