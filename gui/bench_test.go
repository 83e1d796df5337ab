package gui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"waybill/flow"
	"waybill/todo"
)

// manyTodos are n believable to-dos.
func manyTodos(n int) []todo.Todo {
	list := make([]todo.Todo, n)
	for i := range list {
		list[i] = todo.Todo{
			ID: fmt.Sprint(i), Title: fmt.Sprintf("Answer question %d of the customer", i), Priority: todo.High,
			Tags: []string{"release"}, Due: wholeDayAt(noon, i%60),
		}
	}
	return list
}

// benchWindow is a window over n to-dos, with what is queued run at once.
func benchWindow(b *testing.B, n int) *todosPage {
	now := func() time.Time { return noon }
	todos := newFakeTodos(now, manyTodos(n))
	w := New(test.NewTempApp(b), newFakeBackend(now).signedIn(todos), Options{Do: func(f func()) { f() }, Now: now})
	w.win.Resize(fyne.NewSize(1180, 760))
	b.Cleanup(w.Close)
	return w.todos()
}

// scroll goes down a list row by row.
func scroll(b *testing.B, l *widget.List, step float32, n int) {
	offset := float32(0)
	for b.Loop() {
		if offset += step; offset > step*float32(n-40) {
			offset = 0
		}
		l.ScrollToOffset(offset)
	}
}

func BenchmarkScrollByARow(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			scroll(b, &benchWindow(b, n).list.List, rowHeight+4, n)
		})
	}
	b.Run("bare labels", func(b *testing.B) {
		titles := manyTodos(1000)
		l := widget.NewList(func() int { return len(titles) }, func() fyne.CanvasObject { return widget.NewLabel("") },
			func(i int, o fyne.CanvasObject) { o.(*widget.Label).SetText(titles[i].Title) })
		win := test.NewTempApp(b).NewWindow("")
		win.SetContent(l)
		win.Resize(fyne.NewSize(640, 620))
		scroll(b, l, l.MinSize().Height+4, 1000)
	})
}

func BenchmarkShowASnapshot(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := benchWindow(b, n)
			one, other := p.todos.Snapshot(), *p.todos.Snapshot()
			rows := append(other.Rows[:0:0], other.Rows...)
			changed := *rows[3]
			changed.Todo.Title = "Changed"
			rows[3] = &changed
			other.Rows = rows
			for b.Loop() {
				p.apply(&other)
				p.apply(one)
			}
		})
	}
}

// Two long texts in which every sign is a word, as in Chinese, are laid out as
// often as a window that is being resized asks for it.
func BenchmarkTwoVersionsOfALongText(b *testing.B) {
	for name, words := range map[string]string{"German": german + " ", "Chinese": chinese} {
		b.Run(name, func(b *testing.B) {
			test.NewTempApp(b)
			mine, _ := difference(strings.Repeat(words, 20), strings.Repeat(words[3:], 20))
			for b.Loop() {
				m := newMarkedText("mine", mine, sizeBody, 0)
				for width := range 5 {
					m.heightFor(float32(200 + 40*width))
				}
			}
		})
	}
}

// manyRuns are as many runs as are kept, each with an answer of 64 KiB.
func manyRuns() []*flow.Run {
	var runs []*flow.Run
	body := longBody()
	for i := range 20 {
		r := goodRun(uint64(20-i), noon.Add(-time.Duration(i)*time.Minute))
		r.Steps[3].Exchanges[0].Response.Body = body
		runs = append(runs, r)
	}
	return runs
}

// benchFlow is a window over these runs; what is told later is not waited for.
func benchFlow(b *testing.B, runs []*flow.Run) *Window {
	now := func() time.Time { return noon }
	backend := newFakeBackend(now).signedIn(newFakeTodos(now, manyTodos(100)))
	backend.runs.Store(runs)
	w := New(test.NewTempApp(b), backend, Options{Do: func(func()) {}, Now: now})
	w.win.Resize(fyne.NewSize(1180, 760))
	b.Cleanup(w.Close)
	return w
}

// What opening the page with many runs costs beside opening it with one that is
// short, and beside opening another page.
func BenchmarkOpenTheFlow(b *testing.B) {
	for name, runs := range map[string][]*flow.Run{"one": {goodRun(1, noon)}, "twenty": manyRuns()} {
		b.Run(name, func(b *testing.B) {
			w := benchFlow(b, runs)
			for b.Loop() {
				w.showFlow()
			}
		})
	}
	b.Run("connections", func(b *testing.B) {
		w := benchFlow(b, nil)
		for b.Loop() {
			w.showConnections()
		}
	})
}

// benchAnswer is the page with an answer of 64 KiB on it.
func benchAnswer(b *testing.B) *flowPage {
	w := benchFlow(b, manyRuns())
	w.showFlow()
	p := w.flow()
	p.choose(3)
	p.showTab(tabResponse)
	return p
}

func BenchmarkShowAnAnswerOf64KiB(b *testing.B) {
	p := benchAnswer(b)
	for b.Loop() {
		p.showTab(tabRequest)
		p.showTab(tabResponse)
	}
}

func BenchmarkScrollAnAnswerOf64KiB(b *testing.B) {
	p, y := benchAnswer(b), float32(0)
	for b.Loop() {
		if y += 54; y > p.scroll.Content.Size().Height-p.scroll.Size().Height {
			y = 0
		}
		p.scroll.ScrollToOffset(fyne.NewPos(0, y))
	}
}
