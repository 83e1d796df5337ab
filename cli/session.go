package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/session"
	"waybill/wording"
)

// open returns the Manager, opened at first use, with the connection of
// --connection-file made known to it.
func (c *call) open(ctx context.Context) (*session.Manager, error) {
	if c.manager != nil {
		return c.manager, nil
	}
	m, err := c.env.Open(ctx, OpenOptions{Offline: c.opt.offline, Repair: c.opt.startAfresh})
	if session.Repairable(fault.As(err)) {
		return nil, fault.As(err).WithRemedy(fault.As(err).Remedy + " To start afresh, run 'waybill sign-in --start-afresh'.")
	}
	if err != nil {
		return nil, err
	}
	c.manager = m
	if why := m.State().VaultReason; why != "" {
		c.say("Note: %s", why)
	}
	if c.opt.connectionFile == "" {
		return m, nil
	}
	return m, c.useFile(ctx, m)
}

// useFile makes the connection of --connection-file known.
func (c *call) useFile(ctx context.Context, m *session.Manager) error {
	f, err := c.readConnectionFile(ctx, c.opt.connectionFile)
	if err != nil {
		return err
	}
	before := m.State().Connections
	if err := m.Use(f.Connection, f.Credentials); err != nil {
		return err
	}
	if c.opt.connection == "" {
		c.opt.connection = f.Connection.Name
	}
	return c.acceptFile(m, before, f)
}

// sayNotice says what happened to the local copy while this command ran, such
// as that it was damaged. Nobody else will: the next command finds it mended.
func (c *call) sayNotice() {
	r := c.manager.Replica()
	if r == nil {
		return
	}
	if notice := r.Snapshot().Notice; notice != nil {
		c.say("Note: %s", notice.Error())
	}
}

// maxInput bounds what is read of a file that the user names, in bytes.
const maxInput = 1 << 20

func (c *call) readConnectionFile(ctx context.Context, path string) (connection.File, error) {
	data, err := c.readFile(ctx, path)
	if err != nil {
		return connection.File{}, err
	}
	return connection.ParseFile(data, c.env.LookupEnv)
}

// interruptibly waits for a read, of a terminal or a pipe, only as long as ctx
// lasts: whoever presses Ctrl+C there is not heard by the read itself.
func interruptibly[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	got := make(chan result, 1)
	go func() {
		value, err := read()
		got <- result{value, err}
	}()
	select {
	case r := <-got:
		return r.value, r.err
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}

// readFile reads a small file, or standard input for "-".
func (c *call) readFile(ctx context.Context, path string) ([]byte, error) {
	return interruptibly(ctx, func() ([]byte, error) { return c.readSmall(path) })
}

func (c *call) readSmall(path string) ([]byte, error) {
	var r io.Reader = c.env.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(data) > maxInput {
		return nil, fault.New(fault.StepSetup, fault.Failed, "too_large",
			fmt.Sprintf("The file %s is larger than 1 MiB.", fault.Clean(path, 120)))
	}
	return data, nil
}

func unreadable(path string, err error) error {
	why := "cannot be read"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "does not exist"
	case errors.Is(err, fs.ErrPermission):
		why = "may not be read by you"
	}
	return fault.New(fault.StepSetup, fault.Failed, "unreadable",
		fmt.Sprintf("The file %s %s.", fault.Clean(path, 120), why)).Because(err)
}

// target is the connection to use: the one named, else the last used, else the
// built-in playground.
func (c *call) target(m *session.Manager) string {
	if c.opt.connection != "" {
		return c.opt.connection
	}
	if current := m.State().Current; current != "" {
		return current
	}
	return connection.PlaygroundName
}

// account opens the account of the connection to use. Where none is kept it
// signs in if that was asked for.
func (c *call) account(ctx context.Context) (*session.Manager, error) {
	m, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	name := c.target(m)
	if c.opt.idTokenFile != "" {
		return m, c.useIDToken(ctx, m, name)
	}
	if err := m.SwitchTo(ctx, name); err != nil {
		return nil, err
	}
	if m.State().Phase == session.SignedIn {
		return m, nil
	}
	if !c.opt.signIn {
		return nil, fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out",
			fmt.Sprintf("You are not signed in at the connection %q.", name)).
			WithRemedy(c.howToSignIn(name))
	}
	return m, c.signIn(ctx, m, name)
}

// howToSignIn names --sign-in only where it is taken.
func (c *call) howToSignIn(name string) string {
	if c.flags.Lookup("sign-in") == nil {
		return fmt.Sprintf("Run 'waybill sign-in --connection %s'.", name)
	}
	return fmt.Sprintf("Run 'waybill sign-in --connection %s', or add --sign-in.", name)
}

// withSession runs f with the open account, and once more after a sign-in if
// the session turns out to be over, or a stronger one is asked for, and --sign-in
// allows it. What is asked for, BeginSignIn knows.
func (c *call) withSession(ctx context.Context, f func(*session.Manager) error) error {
	m, err := c.account(ctx)
	if err != nil {
		return err
	}
	err = f(m)
	again := fault.Is(err, fault.SignInNeeded) || fault.Is(err, fault.StepUp)
	if again && c.opt.signIn && c.opt.idTokenFile == "" {
		if err := c.signIn(ctx, m, m.State().Current); err != nil {
			return err
		}
		err = f(m)
	}
	return err
}

func (c *call) useIDToken(ctx context.Context, m *session.Manager, name string) error {
	data, err := c.readFile(ctx, c.opt.idTokenFile)
	if err != nil {
		return err
	}
	raw := secret.New(strings.TrimSpace(string(data)))
	if raw.Empty() {
		return fault.New(fault.StepSignIn, fault.Failed, "no_id_token", "There is no ID token in what --id-token-file names: it is empty.")
	}
	if err := m.SignInWithIDToken(ctx, name, auth.IDToken{Text: raw}); err != nil {
		return err
	}
	c.sayReplaced(m.State().Account)
	return nil
}

// signIn signs in at the named connection. What a person has to do is said on
// standard error; with --no-browser the address alone goes to standard output.
func (c *call) signIn(ctx context.Context, m *session.Manager, name string) error {
	s, err := m.BeginSignIn(ctx, name, session.SignInRequest{NoBrowser: c.opt.noBrowser})
	if err != nil {
		return err
	}
	// Ctrl+C ends the sign-in, which then says so in its own words.
	defer context.AfterFunc(ctx, s.Cancel)()
	if err = c.showAddress(ctx, s); err == nil {
		err = s.Wait(context.WithoutCancel(ctx))
	}
	if err != nil {
		s.Cancel() // after a success the browser still has to fetch its last page
		return err
	}
	c.sayReplaced(m.State().Account)
	return nil
}

func (c *call) showAddress(ctx context.Context, s *session.SignIn) error {
	address, err := s.URL(ctx)
	if err != nil {
		return err
	}
	if !c.opt.noBrowser {
		c.say("The browser opens so that you can sign in. If it does not, open this address yourself:\n%s", address)
		return nil
	}
	c.say("Open this address in a browser on this computer to sign in:")
	_, err = fmt.Fprintln(c.env.Stdout, address)
	return err
}

func runSignIn(ctx context.Context, c *call) error {
	c.newFlags(connectionFlags, jsonFlag)
	c.flags.BoolVar(&c.opt.noBrowser, "no-browser", false, "print the address to open instead of opening the browser")
	c.flags.StringVar(&c.opt.idTokenFile, "id-token-file", "", "use the ID token in this `file` (- for standard input) instead of the browser")
	c.flags.BoolVar(&c.opt.startAfresh, "start-afresh", false, "if the saved sign-ins cannot be read, set them aside and begin anew")
	if err := c.parseNone(); err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	name := c.target(m)
	if c.opt.idTokenFile != "" {
		err = c.useIDToken(ctx, m, name)
	} else {
		err = c.signIn(ctx, m, name)
	}
	if err != nil {
		return err
	}
	return c.sayWho(m)
}

// signedIn is the result of sign-in as JSON.
type signedIn struct {
	Connection string `json:"connection"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"subject"`
	Email      string `json:"email,omitempty"`
	Renewable  bool   `json:"renewable"`
	Kept       bool   `json:"kept"` // beyond this process
}

func (c *call) sayWho(m *session.Manager) error {
	st := m.State()
	id := st.Account.Identity
	kept := st.VaultMode != auth.VaultMemory
	if c.opt.json {
		return c.printJSON(signedIn{st.Current, id.Issuer, id.Subject, id.Email, st.Account.Renewable, kept})
	}
	who := id.Email
	if who == "" {
		who = id.Subject
	}
	c.say("Signed in as %s at %s.", fault.Clean(who, 120), fault.Clean(st.Account.Connection.DisplayTitle(), 80))
	switch {
	case !kept:
		c.say("The session ends with this command, since nothing can be kept safely here.")
	case st.Account.Renewable:
		c.say("The session can be renewed without signing in again.")
	default:
		c.say("The session cannot be renewed: when its ID token expires, often after ten minutes, you will be asked to sign in again. To change that, have offline_access allowed for this app at the identity provider, and keep it in idp.scopes.")
	}
	return nil
}

// sayReplaced says whose place the sign-in has taken, if it was somebody else's.
func (c *call) sayReplaced(a *session.AccountInfo) {
	if a == nil || a.Replaced == nil {
		return
	}
	before := a.Replaced.Identity
	c.say("%s", wording.SomebodyElse(person(a.Identity), person(before), a.Replaced.Unsent, a.Replaced.Lasting))
}

func person(id auth.Identity) wording.Person {
	return wording.Person{Email: id.Email, Name: id.Name, Subject: id.Subject, Issuer: id.Issuer}
}

func runSignOut(ctx context.Context, c *call) error {
	c.newFlags(connectionFlags)
	force := c.flags.Bool("discard", false, "sign out even if changes have not been sent; they are lost")
	c.flags.BoolVar(&c.opt.noBrowser, "no-browser", false, "print the address that ends the session at the identity provider instead of opening it")
	if err := c.parseNone(); err != nil {
		return err
	}
	m, err := c.account(ctx)
	if f := fault.As(err); err != nil && f.Code == "signed_out" {
		return f.WithRemedy("There is nothing to sign out from.")
	}
	if err != nil {
		return err
	}
	// The built-in playground usually ends with this command, before a browser
	// could have reached it.
	builtIn := connection.IsBuiltIn(m.State().Current)
	request := session.SignOutRequest{OpenBrowser: !c.opt.noBrowser && !builtIn}
	if *force {
		request.Lose = session.LoseAll
	}
	result, err := m.SignOut(ctx, request)
	if f := fault.As(err); err != nil && f.Code == "unsent" {
		if m.Replica().Snapshot().Notice != nil {
			return f.WithRemedy("Add --discard to sign out all the same.")
		}
		return f.WithRemedy("Run 'waybill todos' to send, or add --discard to lose what is not sent.")
	}
	if err != nil {
		return err
	}
	c.say("Signed out: the tokens and the local copy on this computer are gone.")
	switch result.Revoked {
	case auth.Yes:
		c.say("The identity provider has forgotten the session's refresh token, too.")
	case auth.No:
		c.say("The identity provider did not confirm that it forgets the session's refresh token. Nothing is left of it on this computer; end the session there, if that matters.")
	}
	if result.EndSession == "" || builtIn {
		c.say("The browser may still be signed in at the identity provider.")
		return nil
	}
	if c.opt.noBrowser {
		c.say("Open this address to end the session at the identity provider too:")
		_, err = fmt.Fprintln(c.env.Stdout, result.EndSession)
	}
	return err
}
