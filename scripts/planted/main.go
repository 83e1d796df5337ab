// Command planted tests the tests: it plants known bugs into the product, one
// at a time, and runs the tests that have to notice.
//
// Invariant: a bug counts as found only if the tests named for it pass without
// it, and with it compile and run, each of them fails, and what they print says
// what the bug is about. A bug whose place in the source has changed, a test
// that was skipped, a build that fails, a time that runs out: none of these is
// a success.
//
// Each bug stands behind a build tag of its own, planted_NAME, in files that
// only an overlay of the go command knows (go help build, -overlay). The source
// that is shipped holds neither the bugs nor their tags, so that no build of it
// can have them.
//
//	planted               plant all of them
//	planted -only guard   those whose name matches
//	planted -by ^TestI1ToI10 -in replica   what other tests find of them
//	planted -list         the table for people, in Markdown
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("planted", flag.ContinueOnError)
	flags.SetOutput(complaints)
	only := flags.String("only", "", "plant the bugs whose name matches `REGEXP`")
	by := flags.String("by", "", "try the tests that match `REGEXP` instead, and only tell what they find")
	in := flags.String("in", "", "with -by: the tests of the package in `FOLDER`")
	limit := flags.Duration("limit", 2*time.Minute, "how long the tests of one bug may run")
	list := flags.Bool("list", false, "print the table of the bugs and plant none")
	record := flags.String("record", "", "append what came of each bug to `FILE`, as `go test -json` would")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	name, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 2
	}
	if *list {
		printList(out, all())
		return 0
	}
	n := &nursery{root: ".", tags: "headless", by: *by, in: *in, workers: min(2, runtime.NumCPU()), limit: *limit, out: out}
	results, err := n.plant(ctx, all(), name)
	if err == nil && *record != "" {
		err = recordEvents(*record, results)
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	found := 0
	for _, r := range results {
		if r.why == "" {
			found++
		}
	}
	fmt.Fprintf(out, "\n%d of %d planted bugs found\n", found, len(results))
	if found < len(results) && *by == "" || len(results) == 0 {
		return 1
	}
	return 0
}
