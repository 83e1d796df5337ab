package gui

import (
	"context"
	"strings"

	"waybill/explore"
	"waybill/fault"
)

// watch is what is told of the changes of a resource, for as long as the page is
// open.
type watch struct {
	on      Watching // nil until the server has confirmed
	cancel  context.CancelFunc
	changed string // when it changed, "" if it has not since it was read
	broke   string // when it broke off, "" if it has not since it was read
	why     string // it broke off, "" if it is there again
	ended   string // why it is over; "" if it is not
}

// told notes what a watch tells, at a time of day.
func (w *watch) told(n explore.News, at string) {
	switch n.Kind {
	case explore.Updated:
		w.changed = at
	case explore.BrokenOff:
		w.why = show(n.Why.Message, 300)
		if w.broke == "" {
			w.broke = at
		}
	case explore.Renewed:
		w.why = ""
	}
}

// read forgets the news of what has been read now.
func (w *watch) read() {
	if w.changed = ""; w.why == "" {
		w.broke = ""
	}
}

// news is what is to be said of the resource, "" for nothing, and whether it is
// worth reading again.
func (w *watch) news() (words string, again bool) {
	switch {
	case w.ended != "":
		return w.ended, w.broke != ""
	case w.why != "":
		return "Since " + w.broke + " its changes are not told, and may be missed. Waybill subscribes again by itself. " + w.why, false
	case w.broke != "":
		words = "Its changes were not told for a while, from " + w.broke + " on. Some may have been missed."
	}
	if w.changed != "" {
		words = strings.TrimSpace("Changed at " + w.changed + ". " + words)
	}
	return words, words != ""
}

// watch begins or ends to be told of the changes of a resource.
func (p *explorePage) watch(uri string, on bool) {
	if old := p.watches[uri]; old != nil {
		p.endWatch(old)
		delete(p.watches, uri)
	}
	if !on {
		p.newsOf(uri)
		return
	}
	w := &watch{}
	p.watches[uri] = w
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(p.w.tasks.ctx)
	server := p.offers.mcp
	var began Watching
	p.w.tasks.start(func(context.Context) (err error) {
		began, err = server.Watch(ctx, uri, func(n explore.News) {
			p.w.o.Do(func() {
				if p.watches[uri] == w {
					w.told(n, p.w.o.Now().Format("15:04:05"))
					p.newsOf(uri)
				}
			})
		})
		return err
	}, func(err error) {
		switch {
		case err != nil && p.watches[uri] == w:
			w.ended = "Its changes are not told. " + show(fault.As(err).Error(), 300)
			p.newsOf(uri)
		case err == nil && p.watches[uri] != w:
			p.close(began)
		case err == nil:
			w.on = began
			p.await(uri, w)
		}
	})
}

// await says when a watch ends by itself.
func (p *explorePage) await(uri string, w *watch) {
	p.w.tasks.start(func(ctx context.Context) error {
		select {
		case <-w.on.Done():
			return w.on.Err()
		case <-ctx.Done(): // the page has been left, which closes it
			return nil
		}
	}, func(err error) {
		if p.watches[uri] != w || w.ended != "" {
			return
		}
		w.ended = "The server does not tell its changes any more."
		if err != nil {
			w.ended += " " + show(fault.As(err).Error(), 300)
		}
		p.newsOf(uri)
	})
}

// endWatch ends a watch, which may take a moment.
func (p *explorePage) endWatch(w *watch) {
	w.cancel()
	if w.on != nil {
		p.close(w.on)
	}
}

func (p *explorePage) close(w Watching) {
	p.w.tasks.start(func(context.Context) error { w.Close(); return nil }, nil)
}

func (p *explorePage) endWatches() {
	for uri, w := range p.watches {
		p.endWatch(w)
		delete(p.watches, uri)
	}
}

// newsOf shows what is known of a resource where it is on screen.
func (p *explorePage) newsOf(uri string) {
	if d, is := p.detail.(*resourceDetail); is && string(d.resource.URI) == uri && !p.gone {
		d.showNews()
	}
}
