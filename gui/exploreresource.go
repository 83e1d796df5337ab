package gui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
	"waybill/fault"
)

// resourceDetail is a resource of an MCP server: what is said of it, its contents
// once they are read, and news of its changes.
type resourceDetail struct {
	answering
	resource *explore.Resource
	news     *fyne.Container
}

func newResourceDetail(p *explorePage, r *explore.Resource) *resourceDetail {
	d := &resourceDetail{answering: newAnswering(p, "Contents"), resource: r, news: column(8)}
	read := newButton("Read", buttonPrimary, d.read)
	d.startedBy(read)
	add(d.box, d.head(), d.news, buttonRow(read, d.runner.stop), d.runner.box, d.said, d.result.box)
	if p.offers.server != nil && p.offers.server.Can.Subscribe {
		t := newToggle("Tell me when it changes", p.watches[string(r.URI)] != nil, func(on bool) { p.watch(string(r.URI), on) })
		t.onFocus = p.follow(t)
		d.box.Objects = append(d.box.Objects[:2:2], append([]fyne.CanvasObject{buttonRow(t)}, d.box.Objects[2:]...)...)
	}
	d.showNews()
	return d
}

func (d *resourceDetail) head() fyne.CanvasObject {
	r := d.resource
	c := d.p.saidOf(r.Label(), r.URI, r.Description, r.Warnings)
	var facts []string
	if words := show(string(r.MIMEType), 80); words != "" {
		facts = append(facts, words)
	}
	if r.Size > 0 {
		facts = append(facts, sizeWords(r.Size)+", it says")
	}
	if len(facts) > 0 {
		c.Add(newText(strings.Join(facts, " · "), textStyle{color: colorMuted, size: sizeCaption, wrap: true}))
	}
	return c
}

func (d *resourceDetail) focus() fyne.Focusable { return d.runner.start }

// read reads the contents.
func (d *resourceDetail) read() {
	if w := d.p.watches[string(d.resource.URI)]; w != nil {
		w.read()
	}
	d.showNews()
	d.fetch(string(d.resource.URI), d.read)
}

// fetch reads a resource and shows it.
func (d *answering) fetch(uri string, again func()) {
	d.clear()
	p, server := d.p, d.p.offers.mcp
	var contents *explore.Contents
	d.runner.run("Reading…", func(ctx context.Context, _ progress) (err error) {
		contents, err = server.Read(ctx, uri)
		return err
	}, func(err error) {
		if !d.answered(err, again) {
			return
		}
		d.run = contents.Run
		shown := partsOf(contents.Parts)
		if len(contents.Parts) == 0 {
			shown = append(shown, answerPart{says: "There are no contents."})
		}
		d.result.show(shown, contents.Parts, p.flowButton(contents.Run))
	})
}

// showNews says that the resource has changed, or that its changes are not told.
func (d *resourceDetail) showNews() {
	d.news.RemoveAll()
	if w := d.p.watches[string(d.resource.URI)]; w != nil {
		switch words, again := w.news(); {
		case words == "":
		case !again:
			d.news.Add(noticeCard(words))
		default:
			again := smallButton("Read it again", buttonPlain, d.read).withIcon(theme.ViewRefreshIcon())
			again.onFocus = d.p.follow(again)
			d.news.Add(noticeCard(words, row(0, nil, again)))
		}
	}
	visible(d.news, len(d.news.Objects) > 0)
	d.p.relayout()
}

// templateDetail is a family of resources: its variables are entered, and one of
// the family is read.
type templateDetail struct {
	answering
	template *explore.Template
	fields   []*labelled
	uri      *text
}

func newTemplateDetail(p *explorePage, t *explore.Template) *templateDetail {
	d := &templateDetail{answering: newAnswering(p, "Contents"), template: t, uri: newText("", textStyle{size: sizeCaption, color: colorMuted, wrap: true, style: fyne.TextStyle{Monospace: true}})}
	d.box.Add(p.saidOf(t.Label(), t.Pattern, t.Description, nil))
	if t.Variables == nil {
		d.box.Add(noticeCard("The pattern cannot be read (RFC 6570), so that none of these resources can be asked for."))
		d.startedBy(newButton("Read", buttonPrimary, nil))
		return d
	}
	entered := column(12)
	for _, name := range t.Variables {
		l := newLabelled(show(name, 80), "", "")
		l.field.OnChanged = func(string) { d.expand() }
		l.field.OnSubmitted = func(string) { d.read() }
		l.field.onFocus = p.follow(l.field)
		d.fields = append(d.fields, l)
		entered.Add(l.box)
	}
	read := newButton("Read", buttonPrimary, d.read)
	d.startedBy(read)
	entered.Add(d.uri)
	entered.Add(buttonRow(read, d.runner.stop))
	entered.Add(d.runner.box)
	add(d.box, card(entered), d.said, d.result.box)
	d.expand()
	return d
}

func (d *templateDetail) focus() fyne.Focusable {
	if len(d.fields) > 0 {
		return d.fields[0].field
	}
	return nil
}

// expand shows which resource the variables make.
func (d *templateDetail) expand() (uri string, err error) {
	values := map[string]string{}
	for i, name := range d.template.Variables {
		values[name] = d.fields[i].field.Text
	}
	uri, err = d.template.Expand(values)
	words := "Reads " + show(uri, 300)
	if err != nil {
		words = fault.As(err).Error()
	}
	d.uri.set(words)
	return uri, err
}

func (d *templateDetail) read() {
	if uri, err := d.expand(); err == nil && !d.runner.running {
		d.fetch(uri, d.read)
	}
}
