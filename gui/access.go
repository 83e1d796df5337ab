package gui

import (
	"context"
	"fmt"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/fault"
	"waybill/session"
)

// This file holds the ways to the pages about connections, and the dialogs that
// are about one connection.

// showConnections goes to the list of connections.
func (w *Window) showConnections() { w.show(newConnectionsPage(w)) }

// addConnection goes to the page where a new connection begins.
func (w *Window) addConnection() { w.show(newAddPage(w)) }

// checkConnection goes to the page that checks a connection.
func (w *Window) checkConnection(name string) { w.show(newCheckPage(w, name)) }

// reportAt is report for what failed at a connection, which its entry in the
// list says from then on.
func (w *Window) reportAt(name string, err error) {
	switch f := fault.As(err); {
	case f == nil:
		delete(w.lasts, name)
	case f.Kind != fault.Canceled:
		w.lasts[name] = f
	}
	if p, ok := w.page.(*connectionsPage); ok {
		p.show()
	}
	w.report(err)
}

// changedServer is the code of a Fault that says that a server describes itself
// otherwise than was approved.
const changedServer = "server_changed"

// reviewName is the connection that such a Fault is about.
func (w *Window) reviewName(f *fault.Fault) string {
	for name, last := range w.lasts {
		if last == f {
			return name
		}
	}
	return w.state.Current
}

// review shows what the servers of a connection say otherwise than was
// approved, and asks whether that is right.
func (w *Window) review(name string) {
	var changes []auth.Change
	w.tasks.start(func(ctx context.Context) (err error) {
		changes, err = w.backend.Changes(ctx, name)
		return err
	}, func(err error) {
		if err != nil {
			w.reportAt(name, err)
			return
		}
		w.askToApprove(name, changes)
	})
}

func (w *Window) askToApprove(name string, changes []auth.Change) {
	title := show(w.connection(name).Connection.DisplayTitle(), 60)
	if len(changes) == 0 {
		delete(w.lasts, name)
		w.notices.clearFault()
		w.openSheet(sheetOptions{title: "Nothing is different any more",
			body: newText("The servers of “"+title+"” describe themselves as when the connection was approved.", textStyle{wrap: true})})
		return
	}
	body := column(14, newText("The servers of “"+title+"” describe themselves otherwise than when this connection was approved. Nothing was sent to them since. Approve this only if you know that it is right; if you do not know, ask your administrator.", textStyle{wrap: true}))
	for _, c := range changes {
		body.Add(changeCard(c))
	}
	var s *sheet
	keep := newButton("Do not approve", buttonPlain, func() { s.close() })
	yes := newButton("Approve", buttonDanger, func() {
		s.close()
		w.tasks.queue(func(ctx context.Context) error { return w.backend.Approve(ctx, name, changes) }, func(err error) {
			if w.reportAt(name, err); err == nil {
				w.notices.clearFault()
			}
		})
	})
	s = w.openSheet(sheetOptions{title: "A server has changed", body: body, width: 560, buttons: []fyne.CanvasObject{keep, yes}, focus: keep})
}

// changeCard is what a server says now and what was approved.
func changeCard(c auth.Change) fyne.CanvasObject {
	value := func(name, words string, color fyne.ThemeColorName) fyne.CanvasObject {
		if words == "" {
			words = "nothing"
		}
		return column(1, newText(name, textStyle{color: colorMuted, size: sizeSmall, style: fyne.TextStyle{Bold: true}}),
			newText(show(words, 300), textStyle{color: color, size: labelSize, wrap: true}))
	}
	return newPanel(column(8, newText(capital(c.What), textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}),
		value("Approved", c.Was, colorMuted), value("Now", c.Now, "")), panelStyle{fill: colorNotice, border: colorNoticeBorder, radius: 8, pad: insets{10, 12, 10, 12}})
}

// checkFault is what a check that failed says, as a failure of the connection.
func checkFault(c session.Check) *fault.Fault {
	return fault.New(c.Step, fault.Failed, c.Code, c.Finding).WithRemedy(c.Remedy).About(string(c.Field))
}

// signOutAt asks whether to sign out at a connection, and says what that ends.
func (w *Window) signOutAt(info session.ConnectionInfo) {
	if w.state.Phase == session.SignedIn && w.state.Current == info.Connection.Name {
		w.askSignOut()
		return
	}
	// The account is not open: only what is kept of it can be forgotten, and the
	// session asks again if there is something that was not sent.
	s := signOutElsewhere{w: w, name: info.Connection.Name, back: w.state.Current}
	if w.state.Phase != session.SignedIn {
		s.back = ""
	}
	s.ask(fmt.Sprintf("This forgets the tokens of %s and the copy of the to-dos on this computer, and ends the session at the identity provider where it offers that. The to-dos at the server stay as they are.",
		show(info.Email, 80)), "", "Sign out", 0)
}

// signOutElsewhere signs out of an account that is not the open one: it opens it
// for as long as that takes, and then the one from before.
type signOutElsewhere struct {
	w          *Window
	name, back string
}

func (s signOutElsewhere) ask(words, warning, leave string, lose int) {
	body := column(12, newText(words, textStyle{wrap: true}))
	if warning != "" {
		body.Add(noticeCard(warning))
	}
	var sheet *sheet
	out := newButton(leave, buttonDanger, func() { sheet.close(); s.leave(lose) })
	stay := newButton("Stay signed in", buttonPlain, func() { sheet.close() })
	sheet = s.w.openSheet(sheetOptions{title: "Sign out?", body: body, buttons: []fyne.CanvasObject{stay, out}, focus: stay})
}

func (s signOutElsewhere) leave(lose int) {
	s.w.tasks.queue(func(ctx context.Context) error {
		err := s.w.backend.SwitchTo(ctx, s.name)
		if err == nil {
			err = s.w.backend.SignOut(ctx, lose)
		}
		if s.back == "" {
			return err
		}
		if back := s.w.backend.SwitchTo(ctx, s.back); err == nil {
			err = back
		}
		return err
	}, func(err error) {
		if f := fault.As(err); err != nil && f.Code == "unsent" {
			s.ask("Nothing was done yet.", f.Message, "Sign out all the same", session.LoseAll)
			return
		}
		s.w.reportAt(s.name, err)
	})
}

// leavingWords say what signing out of the open account ends.
func leavingWords(l session.Leaving) string {
	words := "This forgets the tokens and the copy of your to-dos on this computer."
	switch l.Revokes {
	case auth.Yes:
		words += " Your identity provider is told to forget the refresh token too."
	case auth.Unknown:
		words += " Your identity provider is told to forget the refresh token where it offers that."
	}
	switch l.EndsSession {
	case auth.Yes:
		words += " Your browser opens to end your session there."
	case auth.No:
		words += " Your identity provider offers no way to end your session there: your browser stays signed in."
	default:
		words += " Your session there ends where it offers that."
	}
	return words + " The to-dos at the server stay as they are."
}

// signedInWords say, right after a sign-in, how long it lasts.
func signedInWords(a *session.AccountInfo) string {
	who := a.Identity.Email
	if who == "" {
		who = a.Identity.Subject
	}
	words := "Signed in as " + show(who, 60) + ". "
	if a.Renewable {
		return words + "The session is renewed without asking you."
	}
	return words + "The session cannot be renewed: the identity provider gave no refresh token, so it asks you again soon."
}
