// Command tally reads what `go test -json` prints and tells it to people: a
// line for each package, the output of what failed, the reason of every skip,
// and at the end one line that sums up.
//
// Invariant: nothing that ran is left out of the sum, and a skip that the list
// of expected skips does not name is a failure.
//
//	go test -json ./... | tally -record events.json
//	tally -sum -skips scripts/skips.txt events.json
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, in io.Reader, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(complaints)
	record := flags.String("record", "", "append the events read to `FILE`")
	sum := flags.Bool("sum", false, "sum up the recorded files named as arguments")
	skips := flags.String("skips", "", "`FILE` with the skips that are expected; without it every skip is")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var err error
	if *sum {
		err = sumUp(flags.Args(), *skips, out)
	} else {
		err = follow(in, *record, out)
	}
	if err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

// follow tells the events of in as they come and appends them to the file
// record, if it names one. It fails when a test or a package failed.
func follow(in io.Reader, record string, out io.Writer) error {
	if record != "" {
		file, err := os.OpenFile(record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("the events cannot be recorded: %w", err)
		}
		defer file.Close()
		in = io.TeeReader(in, file)
	}
	t := newTally(out)
	if err := t.read(in); err != nil {
		return err
	}
	if t.failed > 0 {
		return fmt.Errorf("%d failed", t.failed)
	}
	return nil
}

// sumUp prints the skips and the closing line of all files together.
func sumUp(files []string, skips string, out io.Writer) error {
	t := newTally(io.Discard)
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("no events to sum up: %w", err)
		}
		err = t.read(file)
		file.Close()
		if err != nil {
			return err
		}
	}
	unexpected := 0
	if skips != "" {
		expected, err := readSkips(skips)
		if err != nil {
			return err
		}
		unexpected = t.tellSkips(out, expected)
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed+unexpected, len(t.skipped)-unexpected)
	switch {
	case t.failed+unexpected > 0:
		return fmt.Errorf("%d failed, %d of them skips that nobody expected", t.failed+unexpected, unexpected)
	case t.passed == 0:
		return fmt.Errorf("no test ran")
	}
	return nil
}
