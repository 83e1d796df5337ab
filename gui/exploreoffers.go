package gui

import (
	"context"
	"fmt"
	"strings"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/wording"
)

// This file holds how what a resource offers is asked for and listed.

// askOffers asks a resource what it offers. What cannot be listed is a problem
// of its own, as long as the resource answers at all.
func askOffers(ctx context.Context, b Backend, kind connection.ResourceKind) (o offered, err error) {
	if kind == connection.MCP {
		return askMCP(ctx, b)
	}
	if o.rest, err = b.ExploreREST(ctx); err != nil {
		return o, err
	}
	o.endpoints, err = o.rest.Endpoints(ctx, "")
	if err != nil && !hopeless(err) {
		o.problems = append(o.problems, "The endpoints could not be found out. "+fault.As(err).Error())
		o.endpoints, err = &explore.Endpoints{}, nil
	}
	return o, err
}

// hopeless reports whether nothing else is worth being asked after this.
func hopeless(err error) bool {
	for _, kind := range []fault.Kind{fault.Offline, fault.SignInNeeded, fault.StepUp, fault.Canceled, fault.Config} {
		if fault.Is(err, kind) {
			return true
		}
	}
	return false
}

func askMCP(ctx context.Context, b Backend) (o offered, err error) {
	if o.mcp, err = b.ExploreMCP(ctx); err != nil {
		return o, err
	}
	if o.server, err = o.mcp.Server(ctx); err != nil {
		return o, err
	}
	o.tools, o.resources = &explore.List[explore.Tool]{}, &explore.List[explore.Resource]{}
	o.templates, o.prompts = &explore.List[explore.Template]{}, &explore.List[explore.Prompt]{}
	for _, ask := range []struct {
		there bool
		what  string
		list  func() error
	}{
		{o.server.Can.Tools, "tools", func() error { return keep(&o.tools)(o.mcp.Tools(ctx)) }},
		{o.server.Can.Resources, "resources", func() error { return keep(&o.resources)(o.mcp.Resources(ctx)) }},
		{o.server.Can.Resources, "resource templates", func() error { return keep(&o.templates)(o.mcp.Templates(ctx)) }},
		{o.server.Can.Prompts, "prompts", func() error { return keep(&o.prompts)(o.mcp.Prompts(ctx)) }},
	} {
		if !ask.there {
			continue
		}
		if err := ask.list(); hopeless(err) {
			return o, err
		} else if err != nil {
			o.problems = append(o.problems, "The "+ask.what+" could not be listed. "+fault.As(err).Error())
		}
	}
	return o, nil
}

// keep takes a value where there is no error.
func keep[T any](into **T) func(*T, error) error {
	return func(value *T, err error) error {
		if err == nil {
			*into = value
		}
		return err
	}
}

// offeredWords say how much there is.
func offeredWords(o *offered) string {
	var parts []string
	for _, c := range []struct {
		n         int
		one, many string
	}{
		{len(o.tools.Items), "tool", "tools"}, {len(o.resources.Items), "resource", "resources"},
		{len(o.templates.Items), "template", "templates"}, {len(o.prompts.Items), "prompt", "prompts"},
	} {
		if c.n > 0 {
			parts = append(parts, wording.Plural(c.n, c.one, c.many))
		}
	}
	if len(parts) == 0 {
		return "offers nothing"
	}
	return strings.Join(parts, ", ")
}

// showList lists what is offered and fits what is looked for.
func (p *explorePage) showList() {
	var all []*offer
	query := p.filter.Text
	group := func(title string, offers []*offer) {
		var found []*offer
		for _, o := range offers {
			if query == "" || matchesWords(o.label+" "+o.caption, query) {
				found = append(found, o)
			}
		}
		if len(found) > 0 {
			if title != "" {
				all = append(all, &offer{label: strings.ToUpper(title)})
			}
			all = append(all, found...)
		}
	}
	group("", p.aboutOffers())
	if p.history != nil {
		group("Favourites", p.callOffers(p.history.Favourites))
	}
	if p.offers.mcp != nil {
		group(titleOf("Tools", p.offers.tools), p.toolOffers())
		group(titleOf("Resources", p.offers.resources), p.resourceOffers())
		group(titleOf("Resource templates", p.offers.templates), p.templateOffers())
		group(titleOf("Prompts", p.offers.prompts), p.promptOffers())
	}
	if p.offers.endpoints != nil {
		for _, g := range p.endpointGroups() {
			group(g.title, g.offers)
		}
	}
	if p.history != nil {
		group("History", p.callOffers(p.history.Calls))
	}
	p.list.show(all, p.key)
	words := ""
	if len(all) == 0 && query != "" {
		words = "Nothing here is called that."
	}
	p.nothing.set(words)
	visible(p.nothing, words != "")
}

// titleOf is the title of a list, and says where it was cut.
func titleOf[T any](title string, l *explore.List[T]) string {
	if l.Cut {
		return title + ", the first " + fmt.Sprint(len(l.Items))
	}
	return title
}

// numbered makes the keys of things that may have the same name different.
func numbered(kind string, name explore.Said, i int) string {
	return fmt.Sprintf("%s %d %s", kind, i, name)
}

func (p *explorePage) aboutOffers() []*offer {
	if p.offers.mcp != nil {
		return []*offer{{key: "about", label: "About the server", caption: "What it says of itself", mark: len(p.offers.problems) > 0,
			open: func() exploreDetail { return newAboutServer(p) }}}
	}
	if p.offers.rest == nil {
		return nil
	}
	return []*offer{
		{key: "new", label: "A request of your own", caption: "Any method, any path of this API", open: func() exploreDetail { return newRequestDetail(p, nil, nil) }},
		{key: "about", label: "About the API", caption: "Where its description was looked for", mark: len(p.offers.problems) > 0,
			open: func() exploreDetail { return newAboutAPI(p) }},
	}
}

func (p *explorePage) toolOffers() []*offer {
	var out []*offer
	for i := range p.offers.tools.Items {
		t := &p.offers.tools.Items[i]
		out = append(out, &offer{key: numbered("tool", t.Name, i), label: show(string(t.Label()), 80), caption: captionOf(t.Name, t.Label(), t.Description), mark: len(t.Warnings) > 0,
			open: func() exploreDetail { return newToolDetail(p, t, nil) }})
	}
	return out
}

// captionOf is what stands under a label: the name, where that is another, or
// what is said of it.
func captionOf(name, label, description explore.Said) string {
	if name != label && name != "" {
		return show(string(name), 100)
	}
	return show(string(description), 100)
}

func (p *explorePage) resourceOffers() []*offer {
	var out []*offer
	for i := range p.offers.resources.Items {
		r := &p.offers.resources.Items[i]
		out = append(out, &offer{key: numbered("resource", r.URI, i), label: show(string(r.Label()), 80), caption: show(string(r.URI), 100), mark: len(r.Warnings) > 0,
			open: func() exploreDetail { return newResourceDetail(p, r) }})
	}
	return out
}

func (p *explorePage) templateOffers() []*offer {
	var out []*offer
	for i := range p.offers.templates.Items {
		t := &p.offers.templates.Items[i]
		out = append(out, &offer{key: numbered("template", t.Pattern, i), label: show(string(t.Label()), 80), caption: show(string(t.Pattern), 100), mark: t.Variables == nil,
			open: func() exploreDetail { return newTemplateDetail(p, t) }})
	}
	return out
}

func (p *explorePage) promptOffers() []*offer {
	var out []*offer
	for i := range p.offers.prompts.Items {
		t := &p.offers.prompts.Items[i]
		out = append(out, &offer{key: numbered("prompt", t.Name, i), label: show(string(t.Label()), 80), caption: captionOf(t.Name, t.Label(), t.Description), mark: len(t.Warnings) > 0,
			open: func() exploreDetail { return newPromptDetail(p, t) }})
	}
	return out
}

// offerGroup are endpoints under a title.
type offerGroup struct {
	title  string
	offers []*offer
}

func (p *explorePage) endpointGroups() []offerGroup {
	var out []offerGroup
	for i := range p.offers.endpoints.Operations {
		o := &p.offers.endpoints.Operations[i]
		title := show(string(o.Group), 40)
		if title == "" {
			title = "Endpoints"
		}
		if n := len(out); n == 0 || out[n-1].title != title {
			out = append(out, offerGroup{title: title})
		}
		caption := show(string(o.Summary), 100)
		if o.Deprecated {
			caption = strings.TrimSuffix("Deprecated. "+caption, " ")
		}
		g := &out[len(out)-1]
		g.offers = append(g.offers, &offer{key: numbered("operation", explore.Said(o.Method+" "+o.Path), i), label: show(o.Method+" "+o.Path, 100), caption: caption,
			open: func() exploreDetail { return newRequestDetail(p, o, nil) }})
	}
	return out
}

func (p *explorePage) callOffers(calls []explore.Call) []*offer {
	var out []*offer
	now := p.w.o.Now()
	for i := range calls {
		c := &calls[i]
		label, caption := show(c.Line(), 100), capital(callWords(c, now))
		if c.Favourite != "" {
			label, caption = show(c.Favourite, 80), label
		}
		out = append(out, &offer{key: "call " + c.ID, label: label, caption: caption, mark: c.Failed || c.Status >= 400, open: func() exploreDetail { return p.callDetail(c) }})
	}
	return out
}
