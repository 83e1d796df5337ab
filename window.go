//go:build !headless

package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"sync"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"waybill/cli"
	"waybill/gui"
	"waybill/internal/instance"
	"waybill/internal/wake"
	"waybill/session"
)

// appID names the app to desktops and keyrings.
const appID = "app.waybill"

//go:embed Icon.png
var icon []byte

// runWindow opens the window and returns when it is closed. Where it is open
// already, in another process, that one comes to the front instead.
func runWindow(ctx context.Context, o session.Options) int {
	if !haveDisplay() {
		return noDisplay()
	}
	only, err := instance.Claim(ctx, o.Dir)
	if err != nil {
		return complain(err)
	}
	if only == nil {
		fmt.Println("Waybill is open already; its window was brought to the front.")
		return cli.ExitDone
	}
	defer only.Close()
	o.Resume = true
	settled := make(chan struct{})
	o.Settled = settled
	// The toolkit keeps its cache there, and complains on a machine where
	// nothing has made the folder yet.
	if dir, err := os.UserCacheDir(); err == nil {
		_ = os.MkdirAll(dir, 0o700)
	}
	m := session.Start(o)
	watching, end := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { wake.Watch(watching, m.Wake) })
	a := app.NewWithID(appID)
	a.SetIcon(fyne.NewStaticResource("Icon.png", icon))
	stop := context.AfterFunc(ctx, func() {
		only.Close() // nothing is handed to the toolkit once it ends
		fyne.Do(a.Quit)
	})
	defer stop()
	gui.Run(a, gui.FromSession(m), gui.Options{
		Do: fyne.Do, OpenURL: o.OpenURL, Settled: func() { close(settled) }, Shown: only.Serve, Version: version,
	})
	only.Close() // before the rest: who starts it now gets a window of their own
	end()
	watch.Wait()
	if err := m.Close(); err != nil {
		return complain(err)
	}
	return cli.ExitDone
}

// haveDisplay reports whether a window can be shown: without a display the
// toolkit would end the program with words of its own.
func haveDisplay() bool {
	switch runtime.GOOS {
	case "windows", "darwin":
		return true
	}
	return os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

func noDisplay() int {
	fmt.Fprintln(os.Stderr, "waybill: There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set).")
	fmt.Fprintln(os.Stderr, "         The same works in the terminal: waybill todos --sign-in. See 'waybill help'.")
	return cli.ExitFailed
}
