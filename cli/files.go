package cli

import (
	"context"
	"fmt"
	"os"

	"waybill/archive"
	"waybill/fault"
	"waybill/internal/disk"
	"waybill/session"
	"waybill/wording"
)

// A backup is a format of export, and import takes whatever export writes:
// two commands are enough, and nobody has to know beforehand which one undoes
// which.

// exported is the result of export as JSON.
type exported struct {
	File   string         `json:"file"`
	Format archive.Format `json:"format"`
	Count  int            `json:"count"`
	Unsent int            `json:"unsent"` // changes that the server does not have
	Status string         `json:"status"`
}

func runExport(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	format := c.flags.String("format", "", "the `format`: json, csv or backup (default: what the file's name says, else json)")
	force := c.flags.Bool("force", false, "write over a file that is there already")
	excel := c.flags.Bool("excel", false, "begin a table with the mark by which Excel knows UTF-8")
	path, err := c.oneWord("Name the file to write, or - for standard output.")
	if err != nil {
		return err
	}
	kind := archive.FormatOf(path)
	if *format != "" {
		var ok bool
		if kind, ok = archive.ParseFormat(*format); !ok {
			return usageError{fmt.Sprintf("There is no format %q; it is json, csv or backup.", fault.Clean(*format, 40)), "export"}
		}
	}
	if path == "-" && kind == archive.CSV && c.env.Terminal {
		return usageError{"A table holds texts as they are, which a terminal would obey. Name a file, or pipe it on.", "export"}
	}
	return c.synced(ctx, func(m *session.Manager) error {
		return c.export(ctx, m, path, kind, archive.Options{ForSpreadsheets: *excel}, *force)
	})
}

func (c *call) export(ctx context.Context, m *session.Manager, path string, kind archive.Format, o archive.Options, force bool) error {
	contents, err := m.Contents(ctx, "waybill "+c.env.Version)
	if err != nil {
		return err
	}
	data, err := archive.Encode(kind, contents, o)
	if err != nil {
		return err
	}
	status := m.Replica().Snapshot().Status.Sentence
	if path == "-" {
		if kind != archive.CSV {
			data = escapeHidden(data)
		}
		if _, err := c.env.Stdout.Write(data); err != nil {
			return unwritten("The to-dos could not be written.", err)
		}
		c.say("%s", status)
		return nil
	}
	err = disk.Save(path, data, force)
	if f := fault.As(err); err != nil && f.Code == "file_exists" {
		return f.WithRemedy("Add --force to write over it.")
	}
	if err != nil {
		return err
	}
	if c.opt.json {
		return c.printJSON(exported{path, kind, len(contents.Todos), len(contents.Unsent), status})
	}
	c.say("%s written to %s.", wording.Plural(len(contents.Todos), "to-do", "to-dos"), fault.Clean(path, 200))
	if n := len(contents.Unsent); n > 0 {
		c.say("%s not at the server yet; the file has what is shown here.", wording.Plural(n, "change is", "changes are"))
	}
	c.say("%s", status)
	return nil
}

// imported is the result of import as JSON.
type imported struct {
	Format  archive.Format `json:"format"`
	DryRun  bool           `json:"dry_run"`
	Added   int            `json:"added"`
	Changed int            `json:"changed"`
	Same    int            `json:"same"`
	Notices []string       `json:"left_out"`
	Status  string         `json:"status"`
}

func runImport(ctx context.Context, c *call) error {
	c.newFlags(sessionFlags, jsonFlag, offlineFlag)
	dry := c.flags.Bool("dry-run", false, "say what would be added and changed, and change nothing")
	yes := c.flags.Bool("yes", false, "bring in a backup of another account, too")
	path, err := c.oneWord("Name the file to read, or - for standard input.")
	if err != nil {
		return err
	}
	if path == "-" && c.opt.idTokenFile == "-" {
		return usageError{"Standard input can be one of the two.", "import"}
	}
	f, err := interruptibly(ctx, func() (*archive.File, error) { return c.readArchive(path) })
	if err != nil {
		return err
	}
	for _, notice := range f.Notices {
		c.say("Note: %s", notice)
	}
	out := imported{Format: f.Format, DryRun: *dry, Notices: append([]string{}, f.Notices...)}
	if *dry {
		return c.synced(ctx, func(m *session.Manager) error {
			if err := c.bringIn(ctx, m, f, true, &out); err != nil {
				return err
			}
			return c.sayImported(out, m.Replica().Snapshot().Status.Sentence)
		})
	}
	return c.edited(ctx, func(m *session.Manager) error { return c.bringIn(ctx, m, f, *yes, &out) },
		func(status string) error { return c.sayImported(out, status) })
}

// bringIn imports the file, or for a dry run only compares it.
func (c *call) bringIn(ctx context.Context, m *session.Manager, f *archive.File, anyAccount bool, out *imported) error {
	items, err := m.Incoming(f)
	if other := fault.As(err); err != nil && other.Code == "other_account" {
		if !anyAccount {
			return other.WithRemedy("Add --yes to add its to-dos to yours all the same, or --dry-run to see how many those are.")
		}
		c.say("Note: %s Its to-dos are new ones here.", other.Message)
	} else if err != nil {
		return err
	}
	bring := m.Replica().Import
	if out.DryRun {
		bring = m.Replica().Compare
	}
	n, err := bring(ctx, items)
	out.Added, out.Changed, out.Same = n.Added, n.Changed, n.Same
	return err
}

func (c *call) sayImported(out imported, status string) error {
	if out.Status = status; c.opt.json {
		return c.printJSON(out)
	}
	verb := ""
	if out.DryRun {
		verb = "would be "
	}
	c.say("%d %sadded, %d %schanged, %d the same already.", out.Added, verb, out.Changed, verb, out.Same)
	c.say("%s", status)
	return nil
}

// readArchive reads a file of to-dos, or standard input for "-".
func (c *call) readArchive(path string) (*archive.File, error) {
	if path == "-" {
		return archive.Read(c.env.Stdin)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer in.Close()
	if info, err := in.Stat(); err == nil && info.IsDir() {
		return nil, fault.New(fault.StepSetup, fault.Failed, "unreadable", fmt.Sprintf("%s is a folder.", fault.Clean(path, 120)))
	}
	return archive.Read(in)
}
