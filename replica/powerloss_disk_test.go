package replica

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A simDisk is a disk with a cache: what was written is on it for certain only
// after it was flushed, file by file and folder by folder, as POSIX has it.
// Until then the disk may keep each sector in any state that it has been in,
// tear it, and know of any of the names or not.
type simDisk struct {
	root  string
	now   map[string]*inode // by path, as the program sees it
	kept  map[string]*inode // names that are on the disk for certain
	names []naming          // what was done to names since, of all folders
}

// inode is a file, or a folder.
type inode struct {
	folder bool
	kept   []byte  // what is on the disk for certain
	later  []write // what was written since
	bytes  []byte  // as the program sees it
}

// write changes a file from an offset on, or sets its length.
type write struct {
	at       int
	data     []byte
	truncate bool
}

// naming gives a file a name, takes a name away, or both.
type naming struct {
	folder   string
	from, to string // paths; "" for none
	file     *inode
}

// newSimDisk is a disk that holds a folder as it is, flushed.
func newSimDisk(t *testing.T, root string) *simDisk {
	t.Helper()
	d := &simDisk{root: root, now: map[string]*inode{}}
	must(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		file := &inode{folder: entry.IsDir()}
		if !file.folder {
			if file.kept, err = os.ReadFile(path); err != nil {
				return err
			}
			file.bytes = slices.Clone(file.kept)
		}
		d.now[path] = file
		return nil
	}))
	d.kept = maps.Clone(d.now)
	return d
}

func (f *inode) apply(w write) {
	f.later = append(f.later, w)
	f.bytes = w.to(f.bytes)
}

func (w write) to(b []byte) []byte {
	end := w.at + len(w.data)
	if w.truncate && end < len(b) {
		return b[:end:end]
	}
	for len(b) < end {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[w.at:], w.data)
	return b
}

func (f *inode) flush() {
	for _, w := range f.later {
		f.kept = w.to(f.kept)
	}
	f.later = nil
}

// lose is a flush that failed: the disk has kept of what was to be flushed what
// it happened to, and no later flush writes the rest, though the program still
// sees it.
func (f *inode) lose(r *rand.Rand) { f.kept, f.later = f.crash(r), nil }

// name notes a change of names; nil for a file makes none.
func (d *simDisk) name(from, to string, file *inode) {
	if from != "" {
		delete(d.now, from)
	}
	if to != "" {
		d.now[to] = file
	}
	folder := filepath.Dir(to)
	if to == "" {
		folder = filepath.Dir(from)
	}
	d.names = append(d.names, naming{folder, from, to, file})
}

func (n naming) apply(names map[string]*inode) {
	if n.from != "" {
		delete(names, n.from)
	}
	if n.to != "" {
		names[n.to] = n.file
	}
}

// flushFolder makes all names in a folder certain.
func (d *simDisk) flushFolder(path string) {
	d.names = slices.DeleteFunc(d.names, func(n naming) bool {
		if n.folder != path {
			return false
		}
		n.apply(d.kept)
		return true
	})
}

// crash leaves in the folder to what a loss of power at this moment may leave,
// and says what it has left out.
func (d *simDisk) crash(t *testing.T, r *rand.Rand, to string) {
	t.Helper()
	names := maps.Clone(d.kept)
	inOrder, until := r.IntN(2) == 0, r.IntN(len(d.names)+1)
	for i, n := range d.names {
		if inOrder && i < until || !inOrder && r.IntN(2) == 0 {
			n.apply(names)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(names)) { // folders before what is in them
		place := filepath.Join(to, strings.TrimPrefix(path, d.root))
		if _, err := os.Stat(filepath.Dir(place)); err != nil {
			continue // in a folder that is not there
		}
		switch file := names[path]; {
		case file.folder:
			must(t, os.Mkdir(place, 0o700))
		case strings.HasSuffix(path, "-shm"): // never flushed; whatever is in it
			must(t, os.WriteFile(place, randomBytes(r, 32768*r.IntN(2)), 0o600))
		default:
			must(t, os.WriteFile(place, file.crash(r), 0o600))
		}
	}
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// crash is what a loss of power may leave of a file. Cutting it off is one change
// to a file system: it has been done or not, and what was there before it is not
// mixed with what was written after it.
func (f *inode) crash(r *rand.Rand) []byte {
	moods := []func() int{ // up to which of the writes a sector was kept
		func() int { return 0 },
		func() int { return len(f.later) },
		func() int { return r.IntN(len(f.later) + 1) },
		func() int { return len(f.later) * r.IntN(2) },
	}
	mood := moods[r.IntN(len(moods))]
	states := [][]byte{f.kept}
	for _, w := range f.later {
		states = append(states, w.to(slices.Clone(states[len(states)-1])))
	}
	size := mood()
	first, last := size, size // the states between two cuts
	for ; first > 0 && !f.later[first-1].cuts(states[first-1]); first-- {
	}
	for ; last < len(f.later) && !f.later[last].cuts(states[last]); last++ {
	}
	state := func() []byte { return states[min(max(mood(), first), last)] }
	out := make([]byte, len(states[size]))
	sector := []int{512, 4096}[r.IntN(2)]
	for at := 0; at < len(out); at += sector {
		end := min(at+sector, len(out))
		put(out, at, end, state())
		if r.IntN(20) == 0 { // torn: its beginning is of another moment
			put(out, at, at+r.IntN(end-at+1), state())
		}
	}
	return out
}

// cuts reports whether the write makes a file shorter.
func (w write) cuts(b []byte) bool { return w.truncate && w.at < len(b) }

// put copies a part of a state, which may be shorter.
func put(out []byte, from, to int, state []byte) {
	for i := from; i < to; i++ {
		if out[i] = 0; i < len(state) {
			out[i] = state[i]
		}
	}
}
