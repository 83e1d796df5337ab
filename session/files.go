package session

import (
	"context"
	"fmt"
	"time"

	"waybill/archive"
	"waybill/connection"
	"waybill/fault"
	"waybill/replica"
	"waybill/wording"
)

// Contents returns what a file of the open account's to-dos holds: all of them
// as they are shown, and what the server does not have of that. by names the
// program that writes the file, with its version. It waits for the disk only.
func (m *Manager) Contents(ctx context.Context, by string) (archive.Contents, error) {
	a, err := m.needAccount()
	if err != nil {
		return archive.Contents{}, err
	}
	s, err := a.replica.Loaded(ctx)
	if err != nil {
		return archive.Contents{}, err
	}
	c := archive.Contents{Header: a.header()}
	c.Header.Made, c.Header.By = time.Now().UTC(), by
	for _, row := range s.Rows {
		c.Todos = append(c.Todos, row.Todo)
	}
	for _, p := range a.replica.Outbox() {
		if p.State == replica.PendingDiscarded {
			continue // the to-dos are without it
		}
		c.Unsent = append(c.Unsent, Unsent(p))
	}
	return c, nil
}

// Unsent describes a change in the outbox to programs.
func Unsent(p replica.Pending) archive.Unsent {
	u := archive.NewUnsent(p.Edit)
	u.Number, u.What, u.Title, u.State, u.Why = p.Number, p.What, p.Title, wording.StateName(p.State), p.Why
	return u
}

// header names the account.
func (a *account) header() archive.Header {
	info := a.info()
	resource := info.Connection.Resource
	return archive.Header{Connection: a.name, Resource: resource.URL,
		Issuer: info.Identity.Issuer, Subject: info.Identity.Subject, Email: info.Identity.Email}
}

// Incoming returns what of a file is to be brought into the open account.
//
// The error of a backup of another account, whose code is "other_account", says
// whose it is, and does not keep the to-dos from being brought in, after the
// user has agreed. They come without their ids then: there an id stands for
// another to-do.
func (m *Manager) Incoming(f *archive.File) ([]replica.Incoming, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	other := f.Format == archive.Backup && !sameAccount(f.Header, a.header())
	items := make([]replica.Incoming, 0, len(f.Todos))
	for _, item := range f.Items() {
		if other {
			item.ID = ""
		}
		items = append(items, replica.Incoming(item))
	}
	if other {
		return items, otherAccount(f.Header, a.header())
	}
	return items, nil
}

// sameAccount reports whether two headers are of the same user's to-dos at the
// same resource. The built-in playground shows the same ones over REST and over
// MCP, and takes other ports where it is set up anew: there a user is an e-mail
// address.
func sameAccount(a, b archive.Header) bool {
	if connection.IsBuiltIn(a.Connection) && connection.IsBuiltIn(b.Connection) {
		return a.Email == b.Email && a.Email != ""
	}
	return a.Issuer == b.Issuer && a.Subject == b.Subject && a.Resource == b.Resource
}

func otherAccount(of, here archive.Header) error {
	whose := func(h archive.Header) string {
		return fmt.Sprintf("%s at the connection %q", fault.Clean(h.Who(), 120), fault.Clean(h.Connection, 80))
	}
	return fault.New(fault.StepSetup, fault.Failed, "other_account",
		fmt.Sprintf("This is a backup of %s, and you are signed in as %s.", whose(of), whose(here)))
}
