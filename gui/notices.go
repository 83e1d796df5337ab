package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/wording"
)

// notices are the bars at the top of the window: what failed, what needs an
// answer, what should be known. Each says one sentence and offers what can be
// done about it. They never take the focus.
type notices struct {
	box *fyne.Container
	w   *Window

	failed  *fault.Fault // shown until it is dismissed or another fails
	memory  string       // why secrets last for this session only
	seen    string       // the memory sentence that was dismissed
	signIn  string       // the sentence that asks for a sign-in
	removal *replica.Removal
	canKeep bool         // they can be added to the server again
	asking  *sheet       // asks whether to remove; nil while it is closed
	once    *fault.Fault // Snapshot.Notice
	changed *fault.Fault // a server is not what was approved; the sync stands still

	replaced *session.Replaced // whose place a sign-in has taken; nil if nobody's
	whose    string            // the sentence about it
	known    *session.Replaced // the one that was dismissed
}

func newNotices(w *Window) *notices {
	return &notices{box: column(0), w: w}
}

// fault shows a failure in the place of an earlier one.
func (n *notices) fault(f *fault.Fault) {
	n.failed = f
	n.rebuild()
}

func (n *notices) clearFault() { n.fault(nil) }

func (n *notices) stateChanged(s *session.State) {
	memory := ""
	if s.VaultMode == auth.VaultMemory {
		memory = s.VaultReason
	}
	if s.Phase != session.SignedIn {
		n.signIn, n.removal, n.once, n.changed = "", nil, nil, nil
	}
	n.memory = memory
	n.replaced, n.whose = nil, ""
	if a := s.Account; a != nil && a.Replaced != nil {
		n.replaced = a.Replaced
		n.whose = wording.SomebodyElse(person(a.Identity), person(a.Replaced.Identity), a.Replaced.Unsent, a.Replaced.Lasting)
	}
	n.rebuild()
}

func person(id auth.Identity) wording.Person {
	return wording.Person{Email: id.Email, Name: id.Name, Subject: id.Subject, Issuer: id.Issuer}
}

func (n *notices) snapshotChanged(s *replica.Snapshot) {
	signIn := ""
	if s.Status.Kind == replica.SignIn {
		signIn = s.Status.Sentence
	}
	changed := s.Status.Fault
	if changed != nil && changed.Code != changedServer {
		changed = nil
	}
	sameRemoval := s.Removal == n.removal || s.Removal != nil && n.removal != nil && *s.Removal == *n.removal
	if signIn == n.signIn && sameRemoval && s.CanAdd == n.canKeep && s.Notice == n.once && changed == n.changed {
		return
	}
	if !sameRemoval && n.asking != nil {
		n.asking.close() // it is about others than those that would be removed now
	}
	n.signIn, n.removal, n.canKeep, n.once, n.changed = signIn, s.Removal, s.CanAdd, s.Notice, changed
	n.rebuild()
}

// rebuild makes the bars anew, the gravest first.
func (n *notices) rebuild() {
	var bars []fyne.CanvasObject
	if n.failed != nil {
		bars = append(bars, n.faultBar(n.failed, n.clearFault))
	}
	if n.once != nil {
		bars = append(bars, n.faultBar(n.once, n.dismissOnce))
	}
	if n.changed != nil && n.changed != n.failed {
		bars = append(bars, bar(colorNotice, colorNoticeBorder, colorNoticeText, n.changed.Message,
			smallButton("Look at it", buttonPlain, func() { n.w.review(n.w.state.Current) })))
	}
	if n.removal != nil {
		bars = append(bars, n.removalBar(*n.removal))
	}
	if n.signIn != "" {
		bars = append(bars, bar(colorNotice, colorNoticeBorder, colorNoticeText, n.signIn+".",
			smallButton("Sign in", buttonPlain, n.w.signInAgain)))
	}
	if n.replaced != nil && n.replaced != n.known {
		bars = append(bars, bar(colorNotice, colorNoticeBorder, colorNoticeText, n.whose,
			smallButton("Understood", buttonPlain, func() { n.known = n.replaced; n.rebuild() })))
	}
	if n.memory != "" && n.memory != n.seen {
		bars = append(bars, bar(colorNotice, colorNoticeBorder, colorNoticeText, n.memory,
			smallButton("Understood", buttonPlain, func() { n.seen = n.memory; n.rebuild() })))
	}
	if len(bars) == 0 && len(n.box.Objects) == 0 {
		return
	}
	n.box.Objects = bars
	n.box.Refresh()
	if content := n.w.win.Content(); content != nil {
		content.Refresh() // what is below moves up or down
	}
}

func (n *notices) faultBar(f *fault.Fault, dismiss func()) fyne.CanvasObject {
	if f.Code == changedServer {
		return bar(colorNotice, colorNoticeBorder, colorNoticeText, f.Error(),
			smallButton("Look at it", buttonPlain, func() { n.w.review(n.w.reviewName(f)) }),
			newIconButton(theme.CancelIcon(), "Dismiss", dismiss))
	}
	return bar(colorFault, colorFaultBorder, colorFaultText, f.Error(),
		smallButton("Details", buttonPlain, func() { n.w.openFault(f) }),
		newIconButton(theme.CancelIcon(), "Dismiss", dismiss))
}

func (n *notices) dismissOnce() {
	if t := n.w.route.todos; t != nil {
		t.DismissNotice()
	}
	n.once = nil
	n.rebuild()
}

// removalBar asks what shall become of the to-dos that the server no longer
// lists. Nothing happens to them until it is answered.
func (n *notices) removalBar(r replica.Removal) fyne.CanvasObject {
	words := fmt.Sprintf("The server no longer lists %d of your %d to-dos. They are still here, and nothing happens to them until you choose.", r.Missing, r.Total)
	remove := smallButton("Remove them…", buttonPlain, func() { n.confirmRemoval(r) })
	if !n.canKeep {
		return bar(colorNotice, colorNoticeBorder, colorNoticeText, words, remove)
	}
	return bar(colorNotice, colorNoticeBorder, colorNoticeText, words, smallButton("Keep them here", buttonPlain, n.keepThem), remove)
}

// keepThem is the answer that loses nothing, so it is not asked for twice.
func (n *notices) keepThem() {
	n.answerRemoval(replica.SendAgain, "Kept. They are added to the server again.")
}

func (n *notices) answerRemoval(c replica.RemovalChoice, said string) {
	if n.w.todos() == nil {
		n.w.showHome()
	}
	if p := n.w.todos(); p != nil {
		p.resolveRemoval(c, said)
	}
}

// confirmRemoval asks once more, since what is removed cannot be brought back.
func (n *notices) confirmRemoval(r replica.Removal) {
	many := wording.Plural(r.Missing, "to-do", "to-dos")
	answer := func(do func()) func() { return func() { n.asking.close(); do() } }
	keep := newButton("Keep them here", buttonPlain, answer(n.keepThem))
	remove := newButton("Remove "+many, buttonDanger, answer(func() { n.answerRemoval(replica.RemoveHere, "Removed "+many) }))
	words := fmt.Sprintf("This removes %d of your %d to-dos from this computer. It cannot be undone.", r.Missing, r.Total)
	more := "If the server was restored from a backup, or somebody emptied the list by mistake, keep them: they are added to the server again."
	if !n.canKeep {
		keep = newButton("Not now", buttonPlain, func() { n.asking.close() })
		more = "If the server was restored from a backup, or somebody emptied the list by mistake, they may come back by themselves. Until then they stay here."
	}
	n.asking = n.w.openSheet(sheetOptions{title: "Remove " + many + "?",
		body:    column(10, newText(words, textStyle{wrap: true}), newText(more, textStyle{color: colorMuted, wrap: true})),
		buttons: []fyne.CanvasObject{keep, remove}, focus: keep, closed: func() { n.asking = nil }})
}

// bar is one notice with its buttons.
func bar(fill, border, ink fyne.ThemeColorName, words string, buttons ...fyne.CanvasObject) fyne.CanvasObject {
	says := newText(words, textStyle{color: ink, wrap: true, lines: 6})
	line := container.New(barLayout{}, says, container.New(&wrapLayout{gap: 8, right: true}, buttons...))
	return column(0, newPanel(line, panelStyle{fill: fill, pad: insets{6, 14, 6, 16}}),
		newPanel(gap(1, 1), panelStyle{fill: border}))
}

// barLayout puts the buttons of a notice beside its words or, where these would
// have too little room then, below them.
type barLayout struct{}

const (
	barGap   = 8
	barWords = 190 // the least room of the words beside buttons
)

// places are where the words and the buttons are at this width.
func (barLayout) places(objects []fyne.CanvasObject, width float32) (words, buttons fyne.Size, below bool) {
	row := float32(0)
	for _, b := range objects[1].(*fyne.Container).Objects {
		row += b.MinSize().Width + barGap
	}
	rest := width - row
	if below = rest < barWords; below {
		rest, row = width, width
	} else {
		row -= barGap
	}
	return fyne.NewSize(rest, heightFor(objects[0], rest)), fyne.NewSize(row, heightFor(objects[1], row)), below
}

func (l barLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	words, buttons, below := l.places(objects, width)
	if below {
		return words.Height + barGap + buttons.Height
	}
	return max(words.Height, buttons.Height)
}

func (l barLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(objects[1].MinSize().Width, objects[1].MinSize().Height)
}

func (l barLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	words, buttons, below := l.places(objects, size.Width)
	if below {
		place(objects[0], 0, 0, words.Width, words.Height)
		place(objects[1], 0, words.Height+barGap, buttons.Width, buttons.Height)
		return
	}
	place(objects[0], 0, (size.Height-words.Height)/2, words.Width, words.Height)
	place(objects[1], size.Width-buttons.Width, (size.Height-buttons.Height)/2, buttons.Width, buttons.Height)
}

func smallButton(words string, kind buttonKind, onTap func()) *button {
	b := newButton(words, kind, onTap)
	b.small = true
	return b
}

// openFault shows everything that is known about a failure.
func (w *Window) openFault(f *fault.Fault) {
	says := func(words string) fyne.CanvasObject { return newText(words, textStyle{wrap: true}) }
	body := column(12, says(f.Message))
	if f.Remedy != "" {
		body.Add(says(f.Remedy))
	}
	if f.Server != "" {
		body.Add(column(6, newText("The server's own words", textStyle{color: colorMuted, size: sizeCaption}),
			newPanel(newText(f.Server, textStyle{wrap: true, style: fyne.TextStyle{Monospace: true}, size: sizeCaption}),
				panelStyle{fill: colorChip, radius: 8, pad: even(10)})))
	}
	facts := faultFacts(f)
	for _, fact := range facts {
		body.Add(pair(fact[0], newText(fact[1], textStyle{})))
	}
	body.Add(gap(1, 2))
	buttons := []fyne.CanvasObject{newButton("Copy", buttonPlain, func() { w.copy(faultReport(f, facts)) })}
	if w.flow() == nil && w.canLeave() && len(w.backend.Runs()) > 0 {
		buttons = append(buttons, newButton("Show the steps", buttonPlain, w.showFlow))
	}
	w.openSheet(sheetOptions{title: "What happened", body: body, buttons: buttons})
}

// faultFacts are the technical particulars, name and value.
func faultFacts(f *fault.Fault) [][2]string {
	var facts [][2]string
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, [2]string{name, value})
		}
	}
	add("Step", string(f.Step))
	add("Code", f.Code)
	if f.Status != 0 {
		add("HTTP status", fmt.Sprint(f.Status))
	}
	if f.RetryAfter >= 0 {
		add("Try again after", wording.Plural(f.RetryAfter, "second", "seconds"))
	}
	return facts
}

// faultReport is the same as text to hand on.
func faultReport(f *fault.Fault, facts [][2]string) string {
	words := f.Error()
	for _, fact := range facts {
		words += "\n" + fact[0] + ": " + fact[1]
	}
	if f.Server != "" {
		words += "\nThe server's own words: " + f.Server
	}
	return words
}
