package cli

import (
	"encoding/json"

	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// S106. A connection from somebody else's file decides where secrets and to-dos
// are sent, so that is shown before anything is sent there. What is to be kept
// (connections add) has to be accepted, by an answer or by --yes. What is used
// from a file (--connection-file) is asked about at a terminal, until it was
// accepted once; a script has named the file itself, and its log shows what the
// file contacts, but a file that takes the place of a connection that is kept has
// to be accepted there, too.

// accept shows what the connection will do, and asks. A connection that takes
// the place of another shows what becomes different.
func (c *call) accept(m *session.Manager, a adding) error {
	c.showContacts(a.File)
	c.showReplaced(m.State().Connections, a.Connection)
	return c.confirm(a.yes, "Accept it?")
}

// acceptFile does so for the file of --connection-file. before are the
// connections that there were without it.
func (c *call) acceptFile(m *session.Manager, before []session.ConnectionInfo, f connection.File) error {
	if m.Accepted(f) {
		return nil
	}
	if c.opt.json && c.env.Ask == nil {
		c.reportContacts(f)
	} else {
		c.showContacts(f)
	}
	replaces := c.showReplaced(before, f.Connection)
	switch {
	case c.opt.accept:
	case c.env.Ask != nil:
		if err := c.confirm(false, "Accept it, now and from now on?"); err != nil {
			return err
		}
	case replaces:
		return nobodyToAsk("--accept")
	default:
		return nil
	}
	if err := m.KeepAccepted(f); err != nil {
		c.say("Note: %s You will be asked again.", fault.As(err).Message)
	}
	return nil
}

func (c *call) showContacts(f connection.File) {
	c.say("The connection %q will contact:", f.Connection.Name)
	for _, contact := range f.Connection.Contacts(f.Origins) {
		host := contact.Host
		if host == "" {
			host = contact.Named
		}
		c.say("  %s", fault.Clean(host, 120))
		for _, what := range contact.Sends {
			c.say("      %s", fault.Clean(what, 200))
		}
	}
	for _, warning := range f.Connection.Warnings(f.Credentials) {
		c.say("Warning: %s", warning.Says)
	}
}

// reportContacts is showContacts for the program that reads standard error: one
// line of JSON, as a failure is.
func (c *call) reportContacts(f connection.File) {
	line, err := json.Marshal(map[string]any{"connection": f.Connection.Name, "contacts": f.Connection.Contacts(f.Origins)})
	if err == nil {
		c.say("%s", escapeHidden(line))
	}
}

// showReplaced says what becomes different where a connection of the same name is
// kept, and reports whether anything does.
func (c *call) showReplaced(before []session.ConnectionInfo, now connection.Connection) bool {
	for _, info := range before {
		if info.Connection.Name != now.Name || info.BuiltIn {
			continue
		}
		differences := connection.Differences(info.Connection, now)
		c.say("It takes the place of the connection of the same name:")
		for _, d := range differences {
			c.say("  %s was %q and becomes %q", d.Field, fault.Clean(d.Was, 200), fault.Clean(d.Now, 200))
		}
		return len(differences) > 0
	}
	return false
}
