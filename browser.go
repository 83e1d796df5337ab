package main

import (
	"os/exec"
	"runtime"

	"waybill/fault"
	"waybill/internal/weburl"
)

// openURL opens an address in the system's browser. The address is checked
// and passed as one argument, never through a shell (RFC 8252 section 6). It
// returns when the opener has been started; whether a browser appears is not
// known, which is why the link is offered for copying as well.
func openURL(address string) error {
	if why := weburl.Check(address); why != "" {
		return fault.New(fault.StepSignIn, fault.Hostile, "bad_url", "The address to open "+why+".")
	}
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	case "darwin":
		cmd = exec.Command("open", address)
	default:
		cmd = exec.Command("xdg-open", address)
	}
	if err := cmd.Start(); err != nil {
		return fault.New(fault.StepSignIn, fault.Failed, "no_browser", "The browser could not be opened.").
			WithRemedy("Copy the link and open it yourself.").Because(err)
	}
	go func() { _ = cmd.Wait() }() // so that no zombie is left
	return nil
}
