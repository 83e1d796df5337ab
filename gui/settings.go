package gui

import (
	"context"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/wording"
)

// openSettings shows the few things there are to choose, and what is kept.
func (w *Window) openSettings() {
	appearance := newChoice([]option[Appearance]{
		{AppearanceSystem, "As the system"}, {AppearanceLight, "Light"}, {AppearanceDark, "Dark"},
	}, w.appearance(), w.setAppearance)
	body := column(18, column(8, heading("Appearance", sizeBody), appearance.box),
		column(6, heading("What is kept on this computer", sizeBody), blurb(vaultWords(w.state)), blurb(sessionWords(w.state))))
	if w.state.Account != nil {
		body.Add(column(10, heading("Account", sizeBody), blurb(accountWords(w.state)), buttonRow(
			newButton("Sign out", buttonDanger, func() { w.closeSheets(); w.askSignOut() }),
			newButton("Connections", buttonPlain, func() { w.closeSheets(); w.showConnections() }))))
	}
	body.Add(buttonRow(newLink("Keyboard shortcuts", w.openCheatSheet), gap(8, 1), newLink("About Waybill", w.openAbout)))
	w.openSheet(sheetOptions{title: "Settings", body: body, width: 500})
}

// vaultWords say where the secrets are.
func vaultWords(s *session.State) string {
	switch {
	case s.Phase == session.Starting:
		return "Waiting for the keyring of this computer."
	case s.VaultMode == auth.VaultKeyring:
		return "Tokens, client secrets and your to-dos are sealed with a key that only the keyring of this computer has."
	case s.VaultMode == auth.VaultPassphrase:
		return "Tokens, client secrets and your to-dos are sealed with a key made of your passphrase."
	case s.VaultReason != "":
		return s.VaultReason
	default:
		return "Secrets are kept for this session only."
	}
}

// sessionWords say how long the sign-in lasts.
func sessionWords(s *session.State) string {
	switch {
	case s.Account == nil:
		return "No account is signed in."
	case s.SignInNeeded && s.Account.StepUp:
		return "Your organisation asks for a stronger or more recent sign-in. Your to-dos and the changes that are not sent yet are still here."
	case s.SignInNeeded:
		return "Your session has ended. Your to-dos and the changes that are not sent yet are still here."
	case s.Account.Renewable:
		return "Your sign-in can be renewed without asking you, until your organisation ends it."
	default:
		return "Your sign-in cannot be renewed: the identity provider gave no refresh token. You will be asked to sign in again."
	}
}

func accountWords(s *session.State) string {
	id, c := s.Account.Identity, s.Account.Connection
	who := id.Email
	if who == "" {
		who = id.Subject
	}
	return "Signed in as " + show(who, 80) + " at " + show(id.Issuer, 120) + ", for the to-dos at " + show(c.Resource.URL, 120) + "."
}

// askSignOut says what signing out does before it does it, and how many
// changes would be lost.
func (w *Window) askSignOut() {
	todos, page := w.route.todos, w.page
	if todos == nil {
		return
	}
	if p := w.todos(); p != nil {
		p.details.commit()
	}
	var waiting int
	var ends session.Leaving
	w.tasks.queue(func(context.Context) error {
		for _, c := range todos.Outbox() {
			if c.State != replica.PendingDiscarded {
				waiting++
			}
		}
		return nil
	}, func(error) {
		w.tasks.start(func(ctx context.Context) (err error) {
			ends, err = w.backend.Leaving(ctx)
			return err
		}, func(error) { // what cannot be told is said as unknown
			if w.page == page && w.route.todos == todos {
				w.confirmSignOut(waiting, ends)
			}
		})
	})
}

func (w *Window) confirmSignOut(waiting int, ends session.Leaving) {
	words := leavingWords(ends)
	leave, warning := "Sign out", ""
	if waiting > 0 {
		leave = "Sign out and lose " + wording.Plural(waiting, "change", "changes")
		warning = wording.Plural(waiting, "change has not been sent. Signing out loses it.", "changes have not been sent. Signing out loses them.")
	}
	w.askToLeave(words, warning, leave, waiting)
}

// askToLeave asks whether to sign out and lose that many changes.
func (w *Window) askToLeave(words, warning, leave string, lose int) {
	body := column(12, newText(words, textStyle{wrap: true}))
	if warning != "" {
		body.Add(noticeCard(warning))
	}
	var s *sheet
	out := newButton(leave, buttonDanger, func() { s.close(); w.signOut(lose) })
	stay := newButton("Stay signed in", buttonPlain, func() { s.close() })
	o := sheetOptions{title: "Sign out?", body: body, buttons: []fyne.CanvasObject{stay, out}, focus: stay}
	if lose != 0 { // what would be lost can be kept in a file
		keep := newButton("Back up first…", buttonPlain, func() {
			s.close()
			if w.todos() == nil {
				w.showHome()
			}
			w.with((*todosPage).openBackUp)()
		})
		o.buttons, o.width = append([]fyne.CanvasObject{keep}, o.buttons...), 550
	}
	s = w.openSheet(o)
}

// signOut leaves the account. The page stays until the session says that it is
// over; what fails is said, and nothing is half done on screen.
func (w *Window) signOut(lose int) {
	w.tasks.queue(func(ctx context.Context) error { return w.backend.SignOut(ctx, lose) }, func(err error) {
		switch f := fault.As(err); {
		case err == nil || f.Kind == fault.Canceled:
		case f.Code == "unsent": // more was saved meanwhile, or nobody can tell
			w.askToLeave("Nothing was done yet.", f.Message, "Sign out all the same", session.LoseAll)
		default:
			w.report(err)
		}
	})
}
