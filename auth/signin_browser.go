package auth

import (
	"waybill/fault"
	"waybill/internal/weburl"
)

// Reopen opens the sign-in page in the browser, again or for the first time.
func (a *Attempt) Reopen() error {
	select {
	case <-a.ready:
	default:
		return fault.New(fault.StepSignIn, fault.Failed, "not_ready", "The sign-in page is still being looked up.").
			WithRemedy("Try again in a moment.")
	}
	if a.urlErr != nil {
		return a.urlErr
	}
	return a.open()
}

// BrowserError says why the browser could not be opened, nil if nothing is
// known against it. The attempt goes on: the link can be copied.
func (a *Attempt) BrowserError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.browserErr
}

func (a *Attempt) openAndWarm() {
	if a.options.Warm != nil {
		go a.options.Warm(a.warm)
	}
	if a.options.OpenURL != nil {
		_ = a.open()
	}
}

func (a *Attempt) open() error {
	err := a.tryOpen()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.browserErr = err
	return err
}

func (a *Attempt) tryOpen() error {
	if a.options.OpenURL == nil {
		return cannotOpen(nil)
	}
	if err := a.options.OpenURL(a.url); err != nil {
		return cannotOpen(err)
	}
	return nil
}

func cannotOpen(cause error) *fault.Fault {
	return fault.New(fault.StepSignIn, fault.Failed, "no_browser", "The browser could not be opened.").
		WithRemedy("Copy the link and open it in any browser on this computer.").Because(cause)
}

// CheckBrowserURL refuses addresses that must not be handed to the system's
// opener: everything but https, and http on this computer, in a form that
// cannot be taken for an option or for several words (RFC 8252 section 6).
func CheckBrowserURL(address string) error {
	if why := weburl.Check(address); why != "" {
		return fault.New(fault.StepSignIn, fault.Hostile, "bad_url", "The address of the sign-in page was not opened: it "+why+".").
			WithRemedy("Tell whoever runs the identity provider.")
	}
	return nil
}
