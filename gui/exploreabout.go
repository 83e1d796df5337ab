package gui

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"

	"waybill/explore"
	"waybill/wording"
)

// about is what a resource says of itself.
type about struct{ box *fyne.Container }

func (d *about) object() fyne.CanvasObject { return d.box }
func (d *about) focus() fyne.Focusable     { return nil }
func (d *about) text() *ledger             { return nil }
func (d *about) leave()                    {}

// newAboutServer is what an MCP server says of itself.
func newAboutServer(p *explorePage) *about {
	s := p.offers.server
	c := column(12, saidTitle(explore.Said(or(string(s.Title), string(s.Name))), s.Name))
	for _, problem := range p.offers.problems {
		c.Add(noticeCard(show(problem, 400)))
	}
	if words := s.Description.Text(); strings.TrimSpace(words) != "" {
		c.Add(foldedText(p, words))
	}
	facts := column(6, fact("Version", show(string(s.Version), 60)), fact("Protocol", "MCP "+show(s.Protocol, 40)), fact("Offers", capital(offeredWords(&p.offers))),
		fact("Can do", canWords(s.Can)))
	if words := show(string(s.Website), 200); words != "" {
		facts.Add(fact("Website", words))
	}
	for _, x := range []struct {
		label string
		all   []explore.Said
	}{{"Extensions", s.Can.Extensions}, {"Experimental", s.Can.Experimental}} {
		if len(x.all) > 0 {
			facts.Add(fact(x.label, saidList(x.all)))
		}
	}
	c.Add(card(facts))
	if words := s.Instructions.Text(); strings.TrimSpace(words) != "" {
		c.Add(card(column(8, newText("Its instructions for a language model", textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}), foldedText(p, words))))
	}
	c.Add(blurb("The server is offered nothing in return: it can neither ask a model of yours, nor ask you questions, nor see your files."))
	return &about{c}
}

// fact is a label with a value that wraps.
func fact(label, value string) fyne.CanvasObject {
	return pair(label, newText(or(value, "Not said"), textStyle{size: labelSize, wrap: true}))
}

func saidList(all []explore.Said) string {
	var words []string
	for i, s := range all {
		if i == 20 {
			words = append(words, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		words = append(words, show(string(s), 80))
	}
	return strings.Join(words, ", ")
}

// canWords say what a server declares to offer.
func canWords(c explore.Capabilities) string {
	var words []string
	for _, x := range []struct {
		on    bool
		words string
	}{
		{c.Tools, "tools to call"}, {c.Resources, "resources to read"}, {c.Subscribe, "news of their changes"}, {c.Prompts, "prompts"},
		{c.Completions, "completions, which are not used here"}, {c.Logging, "log messages, which are not used here"},
	} {
		if x.on {
			words = append(words, x.words)
		}
	}
	if len(words) == 0 {
		return "It declares nothing."
	}
	return capital(strings.Join(words, ", ")) + "."
}

// newAboutAPI says what is known of a REST API, and where its description was
// looked for.
func newAboutAPI(p *explorePage) *about {
	e := p.offers.endpoints
	resource := p.account.Connection.Resource
	title := explore.Said("The API")
	c := column(12)
	if e.Document != nil && strings.TrimSpace(string(e.Document.Title)) != "" {
		title = e.Document.Title
	}
	c.Add(saidTitle(title, ""))
	for _, problem := range p.offers.problems {
		c.Add(noticeCard(show(problem, 400)))
	}
	facts := column(6, fact("Address", show(resource.URL, 200)), fact("Endpoints", wording.Plural(len(e.Operations), "is listed", "are listed")))
	if d := e.Document; d != nil {
		if words := d.Description.Text(); strings.TrimSpace(words) != "" {
			c.Add(foldedText(p, words))
		}
		if d.Elsewhere != "" {
			c.Add(noticeCard("The description names another server, " + show(string(d.Elsewhere), 200) + ". Nothing is sent there: all requests go to the resource of the connection."))
		}
		add(facts, fact("Version", show(string(d.Version), 60)), fact("Described by", show(d.Format, 60)), fact("Found at", show(d.Address, 200)))
		for _, note := range d.Notes {
			facts.Add(fact("Note", show(note, 300)))
		}
		if d.LeftOut > 0 {
			facts.Add(fact("Left out", wording.Plural(d.LeftOut, "endpoint that cannot be called from here", "endpoints that cannot be called from here")))
		}
	} else {
		c.Add(blurb("The API has no description that could be found (OpenAPI). What is listed is what the connection says of it, and any request can be sent."))
	}
	c.Add(card(facts))
	if len(e.Looked) > 0 {
		looked := column(8, newText("Where a description was looked for", textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}))
		for _, l := range e.Looked {
			looked.Add(column(1, newText(show(l.Address, 200), textStyle{size: labelSize, wrap: true}), newText(lookedWords(l), textStyle{color: colorMuted, size: sizeCaption, wrap: true})))
		}
		c.Add(card(looked))
	}
	return &about{c}
}

func lookedWords(l explore.Looked) string {
	words := "Found."
	if l.Why != "" {
		words = show(l.Why, 200)
	}
	if l.Status != 0 {
		words = fmt.Sprintf("HTTP %d. ", l.Status) + words
	}
	return words
}
