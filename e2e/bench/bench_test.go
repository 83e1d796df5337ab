// Package bench measures Waybill's window beside a bare Fyne list of the same
// length, and with a hundred times as many to-dos beside itself with few, in
// one run on one machine: from start to the first to-do on the screen, private
// memory, and the size of the program.
//
// Invariant: the two are started in turn, A B B A, and what is reported are
// ratios of pairs; single times on a shared machine say nothing.
package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// contender is a program whose start is measured.
type contender struct {
	name, title, path string
	args              []string
	env               []string
	first             string // the words of the first row

	spot    image.Rectangle // where they stand
	painted []byte          // and what they look like
}

// run is what one start showed.
type run struct {
	Start  time.Duration `json:"start_ns"`
	Memory int64         `json:"rss_anon_bytes"`
}

func TestStartMemoryAndSize(t *testing.T) {
	todos, pairs := setting(t, "WAYBILL_BENCH_TODOS", 1000), setting(t, "WAYBILL_BENCH_PAIRS", 12)
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	waybill := program.In(t, d, program.App)

	app := signedIn(t, waybill, "Waybill", todos)
	bare := &contender{name: "bare list", title: "Bare list", path: program.Path(t, "WAYBILL_E2E_BARELIST"), args: []string{strconv.Itoa(todos)}, env: d.Env(), first: "To-do number 1"}
	ours, theirs := inTurn(t, d, app, bare, pairs)
	report(t, todos, app, bare, ours, theirs)
}

// TestAHundredTimesAsManyAreOnTheScreenAsSoon holds the start with many to-dos
// against the start with few: the first screen needs only its own rows.
func TestAHundredTimesAsManyAreOnTheScreenAsSoon(t *testing.T) {
	few, pairs := setting(t, "WAYBILL_BENCH_TODOS", 1000), setting(t, "WAYBILL_BENCH_PAIRS", 12)
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	home := func(name string, todos int) *contender {
		return signedIn(t, program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir()), name, todos)
	}
	many, some := home("many", 100*few), home("few", few)
	ofMany, ofFew := inTurn(t, d, many, some, pairs)
	table(fmt.Sprintf("%d against %d to-dos", 100*few, few), pairs, many, some, []figure{
		compare("start to first to-do painted", "ms", 1e6, starts(ofMany), starts(ofFew)),
		compare("private memory at rest", "MB", 1e6, memories(ofMany), memories(ofFew)),
	})
}

// signedIn is Waybill with that many to-dos in its local copy. The playground
// runs beside it, as a real server would.
func signedIn(t *testing.T, w *program.Waybill, name string, todos int) *contender {
	t.Helper()
	w.Playground("--todos", strconv.Itoa(todos))
	if r := w.Browsing([]string{"email=bench@example.com", "code=123456"}, "sign-in", "--no-browser", "--connection", "playground"); r.Code != 0 {
		t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	list := program.JSON[program.Todos](t, w.Command("todos", "--json"))
	if list.Count != todos {
		t.Fatalf("%d to-dos, and %d are wanted", list.Count, todos)
	}
	return &contender{name: name, title: "Waybill", path: program.Path(t, program.App), env: w.Env(), first: list.Todos[0].Title}
}

// inTurn starts the two in pairs, A B B A.
func inTurn(t *testing.T, d *desktop.Desktop, a, b *contender, pairs int) (ofA, ofB []run) {
	t.Helper()
	for _, c := range []*contender{a, b} {
		c.learn(t, d)
	}
	for pair := range pairs {
		order := []*contender{a, b}
		if pair%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			r := c.measure(t, d)
			if c == a {
				ofA = append(ofA, r)
			} else {
				ofB = append(ofB, r)
			}
		}
	}
	return ofA, ofB
}

func setting(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is a number of 1 or more", variable)
	}
	return n
}

// learn starts the program once, finds its first row by reading the screen, and
// keeps what that row looks like.
func (c *contender) learn(t *testing.T, d *desktop.Desktop) {
	t.Helper()
	p := d.Start(c.env, c.path, c.args...)
	window := d.Window(c.title, time.Minute)
	c.spot = window.Await(c.first, time.Minute)
	c.painted = window.Part(c.spot).Pix
	if len(slices.Compact(slices.Clone(c.painted))) < 10 {
		t.Fatalf("%s: the first row looks empty", c.name)
	}
	c.close(t, window, p)
}

// measure starts the program and watches the place of its first row until that
// looks as it should, then lets it come to rest and reads its private memory.
func (c *contender) measure(t *testing.T, d *desktop.Desktop) run {
	t.Helper()
	screen := d.Watch()
	start := time.Now()
	p := d.Start(c.env, c.path, c.args...)
	// Looking costs little, but the program needs both processors.
	looks := time.NewTicker(2 * time.Millisecond)
	defer looks.Stop()
	for ; !bytes.Equal(screen.Part(c.title, c.spot), c.painted); <-looks.C {
		if time.Since(start) > time.Minute || !p.Running() {
			t.Fatalf("%s did not paint its first row", c.name)
		}
	}
	took := time.Since(start)
	memory := rest(t, p.PID())
	c.close(t, d.Window(c.title, time.Minute), p)
	return run{took, memory}
}

func (c *contender) close(t *testing.T, window *desktop.Window, p *desktop.Process) {
	t.Helper()
	window.Close()
	if r := p.Wait(20 * time.Second); r.Code != 0 {
		t.Fatalf("%s ended with %d:\n%s", c.name, r.Code, r.Stderr)
	}
}

// rest waits until the private memory has not changed by more than one part in
// a hundred for two seconds, and returns it.
func rest(t *testing.T, pid int) int64 {
	t.Helper()
	last, since := anonymous(t, pid), time.Now()
	desktop.Eventually(20*time.Second, func() bool {
		now := anonymous(t, pid)
		if difference := now - last; difference > last/100 || difference < -last/100 {
			last, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
	return last
}

// anonymous is RssAnon of proc(5): memory that is the process's own, without
// the mapped files of the graphics library.
func anonymous(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "RssAnon:"); found {
			kB, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kB << 10
		}
	}
	t.Fatal("the kernel does not say RssAnon")
	return 0
}

// figure is one line of the report.
type figure struct {
	What       string     `json:"what"`
	Ours       float64    `json:"waybill"`
	Theirs     float64    `json:"bare_list"`
	Unit       string     `json:"unit"`
	Ratio      float64    `json:"ratio"`
	Confidence [2]float64 `json:"interval_95"`
}

func compare(what, unit string, scale float64, ours, theirs []float64) figure {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	return figure{what, median(ours) / scale, median(theirs) / scale, unit, median(ratios), interval(ratios)}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// interval is the 95 % interval of the median by bootstrap, from a fixed seed.
func interval(values []float64) [2]float64 {
	source := rand.New(rand.NewPCG(1, 2))
	medians := make([]float64, 2000)
	for i := range medians {
		sample := make([]float64, len(values))
		for j := range sample {
			sample[j] = values[source.IntN(len(values))]
		}
		medians[i] = median(sample)
	}
	slices.Sort(medians)
	return [2]float64{medians[len(medians)*25/1000], medians[len(medians)*975/1000]}
}

func report(t *testing.T, todos int, app, bare *contender, ours, theirs []run) {
	t.Helper()
	size := func(c *contender) []float64 {
		info, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		return []float64{float64(info.Size())}
	}
	figures := []figure{
		compare("start to first to-do painted", "ms", 1e6, starts(ours), starts(theirs)),
		compare("private memory at rest", "MB", 1e6, memories(ours), memories(theirs)),
		compare("size of the program, stripped", "MB", 1e6, size(app), size(bare)),
	}
	table(fmt.Sprintf("%d to-dos", todos), len(ours), app, bare, figures)
	record(t, map[string]any{"todos": todos, "figures": figures, "waybill": ours, "bare_list": theirs, "go": runtime.Version(), "processors": runtime.NumCPU()})
}

func starts(runs []run) (values []float64) {
	for _, r := range runs {
		values = append(values, float64(r.Start))
	}
	return values
}

func memories(runs []run) (values []float64) {
	for _, r := range runs {
		values = append(values, float64(r.Memory))
	}
	return values
}

func table(what string, pairs int, a, b *contender, figures []figure) {
	fmt.Printf("\n%s, %d pairs, order A B B A; %s, %d processors\n\n", what, pairs, runtime.Version(), runtime.NumCPU())
	fmt.Printf("%-32s %12s %12s   %s\n", "", a.name, b.name, "ratio (95 % interval)")
	for _, f := range figures {
		fmt.Printf("%-32s %9.1f %s %9.1f %s   %.2f (%.2f to %.2f)\n", f.What, f.Ours, f.Unit, f.Theirs, f.Unit, f.Ratio, f.Confidence[0], f.Confidence[1])
	}
}

// record keeps every single value beside the figures.
func record(t *testing.T, values any) {
	t.Helper()
	folder := os.Getenv("WAYBILL_BENCH_RESULTS")
	if folder == "" {
		return
	}
	text, err := json.MarshalIndent(values, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bench.json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
