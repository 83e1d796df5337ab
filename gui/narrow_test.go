package gui

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// What is put into every scene: words that do not break, a script without
// spaces, and one that runs from right to left.
const (
	german  = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrtsgesellschaftskapitän"
	chinese = "购买机票并预订酒店然后更新团队日历并通知所有参加身份峰会的同事"
	arabic  = "احجز الرحلة والفندق ثم حدّث تقويم الفريق وأبلغ جميع المشاركين في القمة بالمواعيد الجديدة قبل نهاية الأسبوع"
)

// scenes are the places of the window that say what is not synced, each with
// texts of this language in it.
func scenes() map[string]func(r *rig, words string) {
	return map[string]func(*rig, string){
		"list": func(r *rig, words string) { r.title("1", words) },
		"details in conflict": func(r *rig, words string) {
			r.bothVersions(words)
			r.page().openDetails("1")
		},
		"details refused": func(r *rig, words string) {
			r.title("2", words)
			r.putRow("2", func(row *replica.Row) { row.State, row.Fault = replica.Refused, refusedWith(words) })
			r.page().openDetails("2")
		},
		"outbox": func(r *rig, words string) {
			changes := manyKindsOfChanges()
			for i := range changes {
				changes[i].Title = words
			}
			changes[1].Fault = refusedWith(words)
			r.change(func() {
				r.todos.status = replica.Status{Sentence: "2 changes need a look", Kind: replica.Attention, LastSync: noon, Look: 2, Waiting: 4,
					Fault: fault.New(fault.StepCall, fault.Offline, "timeout", "The server did not answer in time.")}
			})
			more := changes[1]
			more.Number = 12
			r.openOutbox(append(changes, more)...)
		},
		"both versions": func(r *rig, words string) {
			r.bothVersions(words)
			r.click("1", false)
			r.page().openConflict()
			r.settle()
			theirs := find(r, func(b *choiceButton) bool { return b.words == "Theirs" })
			theirs[0].Tapped(nil) // a mix is one more button
		},
		"deleted at the server": func(r *rig, words string) {
			r.title("1", words)
			r.putRow("1", func(row *replica.Row) { row.State = replica.Conflict })
			r.click("1", false)
			r.page().openConflict()
		},
		"notices": func(r *rig, words string) {
			r.change(func() {
				r.todos.removal = &replica.Removal{Missing: 12_345, Total: 100_000}
				r.todos.status = replica.Status{Sentence: "Sign in to send 12345 changes", Kind: replica.SignIn, LastSync: noon, Waiting: 12_345}
			})
			r.b.update(func(s *session.State) {
				s.VaultMode, s.VaultReason = auth.VaultMemory, "This computer has no keyring, so you stay signed in only until Waybill is closed."
			})
			r.w.report(refusedWith(words))
		},
		"removal": func(r *rig, words string) {
			r.change(func() { r.todos.removal = &replica.Removal{Missing: 12_345, Total: 100_000} })
			r.w.notices.confirmRemoval(*r.todos.removal)
		},
		"sign-out": func(r *rig, words string) { r.w.confirmSignOut(12_345, session.Leaving{}) },
		"settings": func(r *rig, words string) { r.w.openSettings() },
		"fault":    func(r *rig, words string) { r.w.openFault(refusedWith(words)) },
		"toast": func(r *rig, words string) {
			r.title("1", words)
			r.click("1", false)
			r.page().remove("1")
		},
		"read-only": func(r *rig, words string) {
			r.change(func() { r.todos.writable, r.todos.why = false, "This server offers no way to change to-dos." })
			r.title("1", words)
			r.page().openDetails("1")
		},
	}
}

// fileScenes are those of the dialogs about files.
func fileScenes() map[string]func(r *rig, words string) {
	return map[string]func(*rig, string){
		"export": func(r *rig, words string) {
			r.inFolder(map[string]string{words[:60] + ".csv": ""})
			r.page().openExport()
		},
		"import": func(r *rig, words string) {
			r.inFolder(map[string]string{"list.json": "{"})
			r.page().openImport()
			r.settle()
			r.key(fyne.KeyDown)
			r.key(fyne.KeyReturn)
		},
		"preview": func(r *rig, words string) {
			in := somethingIncoming()
			in.name = words + ".json"
			r.page().preview(in)
		},
		"replace": func(r *rig, words string) { r.w.askToReplace("/"+words+"/"+words, func() {}) },
	}
}

func refusedWith(words string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Invalid, "invalid", "The server does not take this title.").
		WithServer(422, words).WithRemedy("Change the to-do and try again, or discard the change in the outbox.")
}

func (r *rig) title(id, words string) {
	r.putRow(id, func(row *replica.Row) { row.Todo.Title, row.Todo.Tags = words, []string{words, "home"} })
}

// bothVersions makes the first to-do one that both sides changed.
func (r *rig) bothVersions(words string) {
	r.title("1", words)
	r.putRow("1", func(row *replica.Row) {
		theirs := row.Todo
		theirs.Title, theirs.Description, theirs.Due = words+" "+words, strings.Repeat(words, 20), wholeDayAt(noon, 2)
		row.State, row.Theirs, row.Fields = replica.Conflict, &theirs, []todo.Field{todo.FieldTitle, todo.FieldDescription, todo.FieldDue}
	})
}

// Whatever the width, the language and the appearance: nothing that can be
// pressed is outside of the window, cut off by what holds it, squeezed, or
// under something else; and no text and no field reaches out of the window.
func TestEverythingThatCanBePressedIsThereInWhole(t *testing.T) {
	all := scenes()
	maps.Copy(all, fileScenes())
	maps.Copy(all, accessScenes())
	testInWhole(t, all)
}

func testInWhole(t *testing.T, all map[string]func(r *rig, words string)) {
	for name, scene := range all {
		for language, words := range map[string]string{"German": german, "Chinese": chinese, "Arabic": arabic} {
			t.Run(name+", "+language, func(t *testing.T) {
				signedIn(t, func(r *rig) {
					scene(r, words)
					r.settle()
					for _, width := range []float32{340, 400, 700, 960, 1280} {
						r.w.win.Resize(fyne.NewSize(width, 640))
						r.settle()
						for _, fault := range r.cutOff() {
							r.Errorf("%v wide: %s", width, fault)
						}
					}
				})
			})
		}
	}
}

// pressable is a place on screen that can be pressed.
type pressable struct {
	name     string
	pos      fyne.Position
	size     fyne.Size
	passive  bool       // a text or a field, which may lie on others
	shown    [2]float32 // from where to where, across, what holds it can be seen
	visibleY [2]float32
}

// cutOff says which of the things that can be pressed are not there in whole.
func (r *rig) cutOff() (faults []string) {
	root := r.w.Canvas().Content()
	if top := r.w.Canvas().Overlays().Top(); top != nil {
		root = top
	}
	window := r.w.Canvas().Size()
	var all []pressable
	gather(root, fyne.Position{}, [2]float32{0, window.Width}, [2]float32{0, window.Height}, func(p pressable, least fyne.Size) {
		if p.size.Width < least.Width-0.5 || p.size.Height < least.Height-0.5 {
			faults = append(faults, fmt.Sprintf("%s is %v and needs %v", p.name, p.size, least))
		}
		if p.pos.X < p.shown[0]-0.5 || p.pos.X+p.size.Width > p.shown[1]+0.5 {
			faults = append(faults, fmt.Sprintf("%s reaches from %v to %v, of %v", p.name, p.pos.X, p.pos.X+p.size.Width, p.shown))
		}
		if !p.passive {
			all = append(all, p)
		}
	})
	for i, a := range all {
		for _, b := range all[:i] {
			if overlap(a.pos.X, a.size.Width, b.pos.X, b.size.Width) && overlap(a.pos.Y, a.size.Height, b.pos.Y, b.size.Height) &&
				a.visibleY == b.visibleY { // else one of them has scrolled away under the other
				faults = append(faults, a.name+" lies on "+b.name)
			}
		}
	}
	return faults
}

func overlap(a, aSize, b, bSize float32) bool { return a+0.5 < b+bSize && b+0.5 < a+aSize }

// gather finds the buttons and links under o. Those of the list stand for
// themselves, its rows are made for any width.
func gather(o fyne.CanvasObject, at fyne.Position, shown, y [2]float32, found func(pressable, fyne.Size)) {
	if o == nil || !o.Visible() {
		return
	}
	at = at.Add(o.Position())
	press := func(name string, o fyne.CanvasObject) {
		found(pressable{name: name, pos: at, size: o.Size(), shown: shown, visibleY: y}, o.MinSize())
	}
	switch o := o.(type) {
	case *text:
		found(pressable{name: fmt.Sprintf("the text %q", o.content), pos: at, size: o.Size(), passive: true, shown: shown, visibleY: y}, fyne.Size{})
		return
	case *field:
		found(pressable{name: fmt.Sprintf("the field %q", o.PlaceHolder), pos: at, size: o.Size(), passive: true, shown: shown, visibleY: y}, fyne.Size{})
		return
	case *button:
		press(fmt.Sprintf("the button %q", o.label), o)
		return
	case *link:
		press(fmt.Sprintf("the link %q", o.words), o)
		return
	case *choiceButton:
		press(fmt.Sprintf("the choice %q", o.words), o)
		return
	case *tabButton:
		press(fmt.Sprintf("the tab %q", o.words), o)
		return
	case *toggle:
		press(fmt.Sprintf("the toggle %q", o.words), o)
		return
	case *container.Scroll:
		shown = [2]float32{max(shown[0], at.X), min(shown[1], at.X+o.Size().Width)}
		y = [2]float32{max(y[0], at.Y), min(y[1], at.Y+o.Size().Height)}
	}
	for _, child := range childrenOf(o) {
		gather(child, at, shown, y, found)
	}
}
