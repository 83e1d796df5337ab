//go:build unix

package replica

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"waybill/api"
	"waybill/internal/seal"
	"waybill/todo"
)

// processorTime is what this process has used until now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkImportShare is the processor time of a whole new list of 100,000
// against that of decoding and sealing the same to-dos, the least of all turns:
// unlike a time it is hardly changed by what else the computer does.
func BenchmarkImportShare(b *testing.B) {
	text, err := json.Marshal(believable(100_000))
	must(b, err)
	box := seal.New([32]byte{1})
	base := b.TempDir()
	var bare, whole time.Duration
	least := func(so *time.Duration, f func()) {
		runtime.GC()
		before := processorTime(b)
		f()
		if took := processorTime(b) - before; *so == 0 || took < *so {
			*so = took
		}
	}
	for b.Loop() {
		least(&bare, func() {
			list, err := todo.DecodeList(text)
			must(b, err)
			for i := range list.Todos {
				e := &encoder{}
				e.todo(&list.Todos[i])
				box.Seal("log", "bench", uint64(i), e.b)
			}
		})
		dir, err := os.MkdirTemp(base, "")
		must(b, err)
		r, err := open(b.Context(), Options{Dir: filepath.Join(dir, "data"), Account: "bench"}, testSeams())
		must(b, err)
		least(&whole, func() {
			list, err := todo.DecodeList(text)
			must(b, err)
			must(b, r.pull(b.Context(), lister{list: api.List{Todos: list.Todos, ETag: `"1"`, Complete: true}}))
		})
		must(b, r.Close())
		must(b, os.RemoveAll(dir))
	}
	b.ReportMetric(float64(whole)/float64(bare), "of-bare")
}
