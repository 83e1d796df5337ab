//go:build headless

package main

import (
	"context"
	"fmt"
	"os"

	"waybill/cli"
	"waybill/session"
)

// runWindow says that this build has no window.
func runWindow(context.Context, session.Options) int {
	fmt.Fprintln(os.Stderr, "waybill: This build has no window. See 'waybill help' for its commands.")
	return cli.ExitUsage
}
