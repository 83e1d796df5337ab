// Package cli is Waybill without a window: the same sign-in, the same local
// copy, the same to-dos, for terminals, scripts and continuous integration.
//
// Invariant: standard output holds what was asked for and nothing else, so that
// it can be piped; everything said to a person goes to standard error. Secrets
// are never read from arguments. The exit status says what to do next: 0 done,
// 1 failed, 2 wrong usage, 3 sign-in needed, 4 offline.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"waybill/fault"
	"waybill/session"
)

// The exit statuses.
const (
	ExitDone         = 0
	ExitFailed       = 1
	ExitUsage        = 2
	ExitSignInNeeded = 3
	ExitOffline      = 4
)

// Env is what a command runs in. PlaygroundDir, Terminal and ReadSecret may be
// left out.
type Env struct {
	Args      []string // without the program's name
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	LookupEnv func(name string) (string, bool)
	Version   string

	// Open opens the Manager with its vault. It is called at most once, and the
	// Manager is closed when the command ends.
	Open func(ctx context.Context, o OpenOptions) (*session.Manager, error)

	// Terminal says that Stdout is one.
	Terminal bool

	// PlaygroundDir is where the built-in playground keeps its state.
	PlaygroundDir string

	// Ask asks a question and returns the line that is answered, without its
	// end; nil where there is no terminal.
	Ask func(prompt string) (string, error)

	// ReadSecret asks for a secret without echoing it; nil where there is no
	// terminal.
	ReadSecret func(prompt string) (string, error)
}

// OpenOptions are what the command line says about opening.
type OpenOptions struct {
	Offline bool // no sync is started
	Repair  bool // what cannot be read is set aside and begun anew
}

// command is one row of the table that help, dispatch and completion share.
type command struct {
	name    string
	args    string // as shown in the usage line
	summary string
	run     func(ctx context.Context, c *call) error
}

func commands() []command {
	return []command{
		{"todos", "[add TITLE|done ID|edit ID|rm ID]", "sync and print the to-dos, or change one", runTodos},
		{"outbox", "[retry|discard|restore|keep|missing]", "see what waits to be sent, and decide about it", runOutbox},
		{"export", "FILE", "write the to-dos to a file: JSON, CSV or a backup", runExport},
		{"import", "FILE", "bring to-dos in from a file, or restore a backup", runImport},
		{"sign-in", "", "sign in with the browser", runSignIn},
		{"sign-out", "", "forget the session and the local copy", runSignOut},
		{"mcp", "info|tools|resources|templates|prompts|read URI|call TOOL|prompt NAME|subscribe URI", "use the MCP server of a connection", runMCP},
		{"call", "[METHOD] PATH", "send a request to the REST API of a connection", runCall},
		{"connections", "[list|show NAME|add FILE|ADDRESS|export NAME|key NAME|remove NAME|presets|discover ADDRESS|approve NAME]", "see and change the connections", runConnections},
		{"doctor", "", "check a connection, step by step", runDoctor},
		{"trace", "", "run the steps of Cross App Access and show them, redacted", runTrace},
		{"probe", "[list|ID...]", "send requests that the other side has to refuse, and see whether it does", runProbe},
		{"playground", "", "run the built-in playground until interrupted", runPlayground},
		{"version", "", "print the version", runVersion},
	}
}

// Run runs the command that env.Args name and returns the exit status. It
// returns soon after ctx ends.
func Run(ctx context.Context, env Env) int {
	out := &output{Writer: env.Stdout}
	env.Stdout = out
	c := &call{env: env}
	err := dispatch(ctx, c)
	if c.manager != nil {
		c.sayNotice()
		if closing := c.manager.Close(); err == nil {
			err = closing
		}
	}
	status := c.finish(out.why(err))
	if status == ExitDone && out.failed != nil {
		status = c.finish(out.why(out.failed))
	}
	return status
}

// Helps reports whether these arguments ask for nothing but help or the version,
// for which no folder is needed.
func Helps(args []string) bool {
	for i, word := range args {
		switch word {
		case "-h", "-help", "--help":
			return true
		case "help", "version", "-version", "--version":
			return i == 0
		}
	}
	return false
}

func dispatch(ctx context.Context, c *call) error {
	if len(c.env.Args) == 0 {
		return usageError{"Say which command to run.", ""}
	}
	name, rest := c.env.Args[0], c.env.Args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		words := slices.DeleteFunc(slices.Clone(rest), func(word string) bool { return strings.HasPrefix(word, "-") })
		if len(words) == 0 || words[0] == "help" {
			writeHelp(c.env.Stdout)
			return nil
		}
		name, rest = words[0], append(words[1:], "--help")
	case "-version", "--version":
		name = "version"
	}
	for _, cmd := range commands() {
		if cmd.name == name {
			c.command, c.args = cmd, rest
			return cmd.run(ctx, c)
		}
	}
	return unknown(name)
}

func writeHelp(w io.Writer) {
	fmt.Fprint(w, "Waybill shows and edits to-dos that live in another application, through Cross App Access.\n\n"+
		"Usage: waybill                     opens the window\n"+
		"       waybill COMMAND [options]   does one thing in the terminal\n\n")
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", cmd.name, cmd.summary)
	}
	fmt.Fprint(w, "\nEvery command takes --help; 'waybill help COMMAND' says the same.\n"+
		"Exit status: 0 done, 1 failed, 2 wrong usage, 3 sign-in needed, 4 offline.\n\n"+
		"WAYBILL_HOME             the folder for all data\n"+
		"WAYBILL_PASSPHRASE_FILE  a file with the passphrase that seals secrets where there is no keyring\n")
}

// usageError is wrong usage: exit status 2.
type usageError struct{ message, usage string }

func (e usageError) Error() string { return e.message }

// call is one run of one command.
type call struct {
	env     Env
	command command
	args    []string // the arguments left to read
	flags   *flag.FlagSet
	opt     options
	manager *session.Manager
}

// options are the flags that commands share.
type options struct {
	connection     string
	connectionFile string
	accept         bool // what the connection file contacts
	idTokenFile    string
	signIn         bool
	noBrowser      bool
	json           bool
	offline        bool
	startAfresh    bool
}

// newFlags prepares the flag set of the command. A group adds the flags that
// several commands share; define adds the command's own.
func (c *call) newFlags(groups ...func(*flag.FlagSet, *options)) *flag.FlagSet {
	f := flag.NewFlagSet(c.command.name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	for _, g := range groups {
		g(f, &c.opt)
	}
	c.flags = f
	return f
}

func jsonFlag(f *flag.FlagSet, o *options) {
	f.BoolVar(&o.json, "json", false, "print JSON")
}

func connectionFlags(f *flag.FlagSet, o *options) {
	f.StringVar(&o.connection, "connection", "", "the connection to use, by `name` (default: the last used)")
	f.StringVar(&o.connectionFile, "connection-file", "", "use the connection in this JSON `file`; its secrets are written as ${NAME} and read from the environment. What it contacts is shown first, and at a terminal you are asked, until you have accepted it once")
	f.BoolVar(&o.accept, "accept", false, "accept what the --connection-file contacts, now and from now on, without being asked; for scripts")
}

func sessionFlags(f *flag.FlagSet, o *options) {
	connectionFlags(f, o)
	f.BoolVar(&o.signIn, "sign-in", false, "sign in first where that is needed")
	f.BoolVar(&o.noBrowser, "no-browser", false, "print the address to open instead of opening the browser")
	f.StringVar(&o.idTokenFile, "id-token-file", "", "use the ID token in this `file` (- for standard input) instead of signing in")
}

// parse reads the flags wherever they stand among the arguments and returns
// the others. A lone "--" ends the flags.
func (c *call) parse() ([]string, error) {
	var words []string
	rest := c.args
	for {
		if err := c.flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{badFlag(c.flags, err), c.command.name}
		}
		consumed := len(rest) - c.flags.NArg()
		if consumed > 0 && rest[consumed-1] == "--" {
			return append(words, c.flags.Args()...), nil
		}
		if c.flags.NArg() == 0 {
			return words, nil
		}
		words, rest = append(words, c.flags.Arg(0)), c.flags.Args()[1:]
	}
}

// parseNone is parse for commands that take no words.
func (c *call) parseNone() error {
	words, err := c.parse()
	if err == nil && len(words) > 0 {
		return c.surplus(words[0])
	}
	return err
}

// surplus is a word too many.
func (c *call) surplus(word string) error {
	var known []string
	for _, sub := range subcommands(c.command.name) {
		known = append(known, sub.name)
	}
	return usageError{fmt.Sprintf("%s takes no %q.", c.command.name, fault.Clean(word, 40)) + meant(word, "", known), c.command.name}
}

// subcommands are the words that may follow a command, and do something else
// than the command alone.
func subcommands(name string) []command {
	switch name {
	case "todos":
		return todoCommands()
	case "outbox":
		return outboxCommands()
	case "mcp":
		return mcpCommands()
	default:
		return nil
	}
}

// subcommand makes the word that follows the command part of it, and returns
// what runs it; nil if that word is none of its own.
func (c *call) subcommand() func(context.Context, *call) error {
	for _, sub := range subcommands(c.command.name) {
		if len(c.args) > 0 && sub.name == c.args[0] {
			sub.name = c.command.name + " " + sub.name
			c.command, c.args = sub, c.args[1:]
			return sub.run
		}
	}
	return nil
}

// misplaced is a word too many, which may be a subcommand in a wrong place.
func (c *call) misplaced(word string) error {
	for _, sub := range subcommands(c.command.name) {
		if sub.name == word {
			return usageError{fmt.Sprintf("Write %q before the options.", word), c.command.name}
		}
	}
	return c.surplus(word)
}

// finish says on standard error what went wrong and returns the exit status.
func (c *call) finish(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, flag.ErrHelp):
		c.writeUsage(c.env.Stdout)
		return ExitDone
	case errors.As(err, &usage):
		fmt.Fprintf(c.env.Stderr, "waybill: %s\n", usage.message)
		if usage.usage != "" {
			c.say("Usage: %s\nRun 'waybill %s --help' for the options.", c.usageLine(), c.command.name)
		} else {
			fmt.Fprintln(c.env.Stderr, "Run 'waybill help' for the list.")
		}
		return ExitUsage
	}
	f := fault.As(err)
	if f.Code == "server_changed" {
		f = f.WithRemedy(f.Remedy + " To approve: waybill connections approve NAME.")
	}
	c.report(f)
	switch f.Kind {
	case fault.SignInNeeded, fault.StepUp:
		return ExitSignInNeeded
	case fault.Offline:
		return ExitOffline
	}
	return ExitFailed
}

func (c *call) usageLine() string {
	return strings.TrimRight("waybill "+c.command.name+" "+c.command.args, " ")
}

func (c *call) writeUsage(w io.Writer) {
	fmt.Fprintf(w, "Usage: %s\n       %s\n", c.usageLine(), c.command.summary)
	for _, sub := range subcommands(c.command.name) {
		fmt.Fprintf(w, "  %s %s\n        %s\n", sub.name, sub.args, sub.summary)
	}
	var flags []*flag.Flag
	c.flags.VisitAll(func(f *flag.Flag) { flags = append(flags, f) })
	sort.Slice(flags, func(i, j int) bool { return flags[i].Name < flags[j].Name })
	for _, f := range flags {
		value, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%s", f.Name)
		if value != "" {
			fmt.Fprintf(w, " %s", value)
		}
		fmt.Fprintf(w, "\n        %s\n", usage)
	}
}

// problem is a Fault as JSON.
type problem struct {
	Step    string `json:"step,omitempty"`
	Code    string `json:"code,omitempty"`
	Field   string `json:"field,omitempty"` // of the connection file
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Server  string `json:"server_said,omitempty"`
	Status  int    `json:"http_status,omitempty"`
}

func describe(f *fault.Fault) problem {
	return problem{string(f.Step), f.Code, f.Field, f.Message, f.Remedy, f.Server, f.Status}
}

func (c *call) report(f *fault.Fault) {
	if c.opt.json {
		_ = json.NewEncoder(c.env.Stderr).Encode(map[string]problem{"error": describe(f)})
		return
	}
	step := ""
	if f.Step != "" && f.Step != fault.StepInteraction { // what the user did is no step of the flow
		step = string(f.Step) + ": "
	}
	fmt.Fprintf(c.env.Stderr, "waybill: %s%s%s\n", step, f.Error(), inField(f))
	if f.Server != "" {
		fmt.Fprintf(c.env.Stderr, "         The server's words: %s\n", f.Server)
	}
}

// inField names the field of the connection file that a Fault is about.
func inField(f *fault.Fault) string {
	if f.Field == "" {
		return ""
	}
	return " [" + f.Field + "]"
}

// say tells a person something, on standard error.
func (c *call) say(format string, args ...any) {
	fmt.Fprintf(c.env.Stderr, format+"\n", args...)
}

func runVersion(_ context.Context, c *call) error {
	c.newFlags()
	if err := c.parseNone(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.env.Stdout, "waybill", c.env.Version)
	return err
}
