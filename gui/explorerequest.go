package gui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/form"
	"waybill/transport"
)

// requestDetail is a request to a REST API: one of the endpoints that are
// offered, with a form for its parameters, or one of the user's own.
type requestDetail struct {
	answering
	op *explore.Operation // nil: a request of the user's own

	method *choice[string]
	path   *labelled
	params []*formView // of op, in their order
	forms  []*form.Form
	query  *pairsField
	header *pairsField
	body   *field      // of the user's own, or of one without a schema
	kept   []byte      // a body that cannot be edited
	typed  *argsEditor // of op, with a schema
	wrong  *text
	asking *sheet
}

// methods are those that a request of the user's own may have.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions}

// newRequestDetail shows an endpoint, or a request that was sent before; with
// neither, an empty one.
func newRequestDetail(p *explorePage, op *explore.Operation, from *explore.Call) *requestDetail {
	q := explore.Request{Method: http.MethodGet, Path: "/"}
	if from != nil {
		q = *from.REST
	}
	d := &requestDetail{answering: newAnswering(p, "Response"), op: op}
	send := newButton("Send", buttonPrimary, d.send).withIcon(theme.MailSendIcon())
	d.startedBy(send)
	d.wrong = newText("", textStyle{color: colorFaultText, size: labelSize, wrap: true})
	d.wrong.Hide()
	d.query = newPairsField(p.w, "query parameter", q.Query, transport.SecretName, d.send, p.follow)
	d.header = newPairsField(p.w, "header field", q.Header, transport.SecretName, d.send, p.follow)
	parts := column(14)
	if op == nil {
		d.own(parts, q)
	} else {
		d.offeredBy(parts)
	}
	curl := newButton("Copy as curl", buttonPlain, nil).withIcon(theme.ContentCopyIcon())
	curl.onTap = func() {
		if d.copyCurl() {
			curl.setWords("Copied")
		}
	}
	curl.onFocus = p.follow(curl)
	buttons := []fyne.CanvasObject{send, d.runner.stop, curl}
	if op != nil {
		free := newButton("Edit freely", buttonPlain, d.editFreely)
		free.onFocus = p.follow(free)
		buttons = append(buttons, free)
	}
	add(parts, d.wrong, buttonRow(buttons...), d.runner.box)
	d.box.Add(d.head())
	if from != nil && from.ID != "" {
		d.box.Add(p.callBar(from))
	}
	add(d.box, card(parts), d.said, d.result.box)
	return d
}

// own is the request as it is written: method, path, query, header, body.
func (d *requestDetail) own(parts *fyne.Container, q explore.Request) {
	var options []option[string]
	for _, m := range methods {
		options = append(options, option[string]{m, m})
	}
	if !slices.Contains(methods, q.Method) && q.Method != "" {
		options = append(options, option[string]{q.Method, show(q.Method, 20)})
	}
	d.method = newChoice(options, or(q.Method, http.MethodGet), func(string) { d.unwrong() })
	d.method.followed(d.p.follow)
	d.path = newLabelled("Path", "/api/todos", "Below "+show(d.p.account.Connection.Resource.URL, 100)+", or from its root. Requests go to no other place.")
	d.path.set(visiblePath(q.Path))
	d.path.field.OnChanged = func(string) { d.unwrong() }
	d.path.field.OnSubmitted = func(string) { d.send() }
	d.path.field.onFocus = d.p.follow(d.path.field)
	d.body = newArea("JSON, or whatever the API takes")
	d.body.SetMinRowsVisible(4)
	if words := visibleBody(q.Body); !d.body.setForeign(words) {
		d.kept = q.Body
	}
	d.body.TextStyle.Monospace = true
	d.body.onFocus = d.p.follow(d.body)
	add(parts, titled("Method", d.method.box, ""), d.path.box, titled("Query", d.query.box, ""), titled("Header", d.header.box, ""),
		titled("Body", d.body, "Without a Content-Type of yours it is sent as JSON; empty sends none."))
}

// visiblePath percent-encodes what would not be seen in a path, which is sent that
// way.
func visiblePath(path string) string {
	var b strings.Builder
	for _, r := range path {
		if r > '~' && hidden(r) || r < ' ' {
			b.WriteString(url.PathEscape(string(r)))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// visibleBody is a body as text; what would not be seen in JSON stands as
// escapes.
func visibleBody(body []byte) string {
	if json.Valid(body) {
		return visibleJSON(string(body))
	}
	return string(body)
}

// offeredBy is a form for the endpoint's parameters and body.
func (d *requestDetail) offeredBy(parts *fyne.Container) {
	o := formViewOptions{w: d.p.w, changed: d.unwrong, enter: d.send, follow: d.p.follow}
	for i := range d.op.Parameters {
		param := &d.op.Parameters[i]
		f := form.New(param.Schema)
		v := f.New()
		if param.Example != nil && !v.Given() && param.Required {
			if filled, err := f.Fill(param.Example); err == nil {
				v = filled
			}
		}
		d.forms = append(d.forms, f)
		of := o
		of.label, of.remark = parameterWords(param, f)
		of.optional = !param.Required
		d.params = append(d.params, newFormView(of, v))
		parts.Add(d.params[i].box)
	}
	if len(d.op.Parameters) == 0 && d.op.Body == nil {
		parts.Add(blurb("There is nothing to enter."))
	}
	if b := d.op.Body; b != nil {
		d.bodyOf(parts, b, o)
	}
	more := newMore(d.p.relayout, titled("More query parameters", d.query.box, ""), titled("Header", d.header.box, "")).called("Query and header of your own", "Without query and header of your own")
	more.open.onFocus = d.p.follow(more.open)
	parts.Add(more.box)
}

// parameterWords name a parameter, and say what there is to say of it.
func parameterWords(param *explore.Parameter, f *form.Form) (label, remark string) {
	label = show(param.Name, 80)
	if param.Required {
		label = asRequired(label)
	}
	words := []string{map[explore.Place]string{explore.InPath: "In the path.", explore.InQuery: "In the query.", explore.InHeader: "In the header."}[param.In]}
	if param.Deprecated {
		words = append(words, "Deprecated.")
	}
	for _, more := range []string{show(string(param.Description), 300), remarkOf(f.Root)} {
		if more != "" {
			words = append(words, more)
		}
	}
	return label, strings.Join(words, " ")
}

func (d *requestDetail) bodyOf(parts *fyne.Container, b *explore.RequestBody, o formViewOptions) {
	title := "Body · " + show(b.ContentType, 60)
	if b.Required {
		title = asRequired(title)
	}
	if b.Schema == nil {
		d.body = newArea("")
		d.body.SetMinRowsVisible(4)
		if words := visibleBody(b.Example); !d.body.setForeign(words) {
			d.kept = b.Example
		}
		d.body.onFocus = d.p.follow(d.body)
		parts.Add(titled(title, d.body, show(string(b.Description), 300)))
		return
	}
	f := form.New(b.Schema)
	d.typed = newArgsEditor(o, f, f.New(), "Body")
	parts.Add(titled(title, d.typed.box, show(string(b.Description), 300)))
}

// head is what the request is, and what is said of it.
func (d *requestDetail) head() fyne.CanvasObject {
	if d.op == nil {
		return column(2, heading("A request of your own", sizeTitle))
	}
	c := column(8, heading(show(d.op.Method+" "+d.op.Path, 200), sizeTitle))
	if words := show(string(d.op.Summary), 300); words != "" {
		c.Add(newText(words, textStyle{wrap: true}))
	}
	if words := d.op.Description.Text(); strings.TrimSpace(words) != "" && d.op.Description != d.op.Summary {
		c.Add(foldedText(d.p, words))
	}
	if d.op.Deprecated {
		c.Add(noticeCard("The API says that this endpoint is going away."))
	}
	return c
}

func (d *requestDetail) focus() fyne.Focusable {
	switch {
	case d.path != nil:
		return d.path.field
	case len(d.params) > 0 && d.params[0].first != nil:
		return d.params[0].first
	case d.typed != nil && d.typed.focus() != nil:
		return d.typed.focus()
	}
	return d.runner.start
}

func (d *requestDetail) leave() {
	d.answering.leave()
	if d.asking != nil {
		d.asking.close()
	}
}

func (d *requestDetail) unwrong() { d.tell("") }

// tell says why the request cannot be sent.
func (d *requestDetail) tell(words string) {
	d.wrong.set(words)
	visible(d.wrong, words != "")
}

// request is what is entered. lenient takes it as it is, for a command to copy.
func (d *requestDetail) request() (q explore.Request, focus fyne.Focusable, err error) {
	if d.op == nil {
		q = explore.Request{Method: d.method.chosen, Path: d.path.field.Text, Query: d.query.given(), Header: d.header.given()}
		if q.Body = d.kept; q.Body == nil && d.body.Text != "" {
			q.Body = []byte(d.body.Text)
		}
		return q, d.path.field, nil
	}
	values := make([]json.RawMessage, len(d.params))
	for i, v := range d.params {
		if !v.value.Given() && !d.op.Parameters[i].Required {
			v.fail(nil)
			continue
		}
		data, problems := d.forms[i].Check(v.value)
		if focus = v.fail(problems); len(problems) > 0 {
			return q, focus, fault.New(fault.StepCall, fault.Invalid, "bad_parameter", "Not sent: look at "+show(d.op.Parameters[i].Name, 60)+".")
		}
		values[i] = data
	}
	body, focus, err := d.bodyBytes()
	if err != nil {
		return q, focus, err
	}
	if q, err = d.op.Request(values, body); err != nil {
		return q, nil, err
	}
	q.Query, q.Header = append(q.Query, d.query.given()...), append(q.Header, d.header.given()...)
	return q, nil, nil
}

// bodyBytes is the body of an endpoint that is offered.
func (d *requestDetail) bodyBytes() ([]byte, fyne.Focusable, error) {
	switch {
	case d.typed != nil && (d.op.Body.Required || d.typed.wrong || d.typed.view.value.Given()):
		data, focus, ok := d.typed.check()
		if !ok {
			return nil, focus, fault.New(fault.StepCall, fault.Invalid, "bad_body", "Not sent: look at the body.")
		}
		return data, nil, nil
	case d.kept != nil:
		return d.kept, nil, nil
	case d.body != nil && d.body.Text != "":
		return []byte(d.body.Text), nil, nil
	}
	return nil, nil, nil
}

// checked is the request if it can be sent; what is wrong is said otherwise.
func (d *requestDetail) checked() (q explore.Request, ok bool) {
	q, focus, err := d.request()
	if err == nil {
		_, err = d.p.offers.rest.Check(q)
	}
	if err == nil {
		d.tell("")
		return q, true
	}
	d.tell(show(fault.As(err).Error(), 300))
	d.p.relayout()
	if focus != nil {
		d.p.w.win.Canvas().Focus(focus)
	}
	return q, false
}

// send sends the request. What deletes asks first.
func (d *requestDetail) send() {
	if d.runner.running {
		return
	}
	q, ok := d.checked()
	if !ok {
		return
	}
	if q.Method != http.MethodDelete {
		d.sendIt(q)
		return
	}
	address, _ := d.p.offers.rest.Check(q)
	body := column(12, newText("It deletes what is there, and cannot be taken back from here.", textStyle{wrap: true}),
		titled("Address", newText(show(address, 300), textStyle{wrap: true, style: fyne.TextStyle{Monospace: true}}), ""))
	var s *sheet
	yes := newButton("Send it", buttonDanger, func() { s.close(); d.sendIt(q) })
	keep := newButton("Do not send", buttonPlain, func() { s.close() })
	s = d.p.w.openSheet(sheetOptions{title: "Send DELETE?", body: body, width: 520, buttons: []fyne.CanvasObject{keep, yes}, focus: keep, closed: func() { d.asking = nil }})
	d.asking = s
}

func (d *requestDetail) sendIt(q explore.Request) {
	d.clear()
	p, server, began := d.p, d.p.offers.rest, d.p.w.o.Now()
	var answer *explore.Response
	d.runner.run("Sending…", func(ctx context.Context, _ progress) (err error) {
		answer, err = server.Call(ctx, q)
		return err
	}, func(err error) {
		p.fetchHistory()
		if d.answered(err, d.send) {
			d.run = answer.Run
			d.show(answer, explore.Call{At: began, REST: &q, Status: answer.Status, Took: answer.Total})
		}
	})
}

// show shows the answer.
func (d *requestDetail) show(a *explore.Response, call explore.Call) {
	p := d.p
	if a.Problem != nil {
		d.answering.say(p.faultCard(a.Problem, d.send, 0))
	}
	if a.Status >= 300 && a.Status < 400 && a.Location != "" {
		d.answering.say(noticeCard("It redirects to " + show(string(a.Location), 300) + ". That was not followed: it may be anybody's."))
	}
	star := smallButton("Make it a favourite", buttonPlain, func() {
		p.askName("", func(h *explore.History, name string) error { return h.Name(h.Add(call).ID, name) })
	})
	buttons := []fyne.CanvasObject{p.flowButton(a.Run), star}
	if _, is := a.Text(); !is && len(a.Body) > 0 {
		buttons = append(buttons, p.w.saveButton("Save the body", a.Address, a.ContentType, a.Body))
	}
	d.result.show(responseParts(a), nil, buttons...)
	p.relayout()
}

// responseParts are status, sizes and times, header and body of an answer.
func responseParts(a *explore.Response) []answerPart {
	ink := theme.ColorNameSuccess
	switch {
	case a.Status >= 400:
		ink = theme.ColorNameError
	case a.Status >= 300:
		ink = colorNoticeText
	}
	status := answerPart{lines: []*entry{
		{cells: []cell{{spans: []span{{strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))), ink}}, mono: true}}},
		{cells: []cell{plainCell(clean(a.Address), theme.ColorNameForeground, true)}},
		wordsEntry(answerWay(a), colorMuted),
	}}
	header := answerPart{title: "Headers"}
	for _, f := range a.Header {
		header.lines = append(header.lines, namedEntry(clean(string(f.Name)), plainCell(clean(string(f.Value)), theme.ColorNameForeground, true), ""))
	}
	body := answerPart{title: "Body"}
	text, is := a.Text()
	switch {
	case len(a.Body) == 0:
		body.says = "There is none."
	case !is:
		body.says = capital(sizeWords(int64(len(a.Body)))) + " that are no text."
	default:
		body.title, body.text = "Body, "+sizeWords(a.Decoded), string(text)
	}
	parts := []answerPart{status, header, body}
	if a.Cut != "" {
		parts = append(parts, answerPart{lines: []*entry{wordsEntry(show(a.Cut, 300), colorNoticeText)}})
	}
	return parts
}

// answerWay says how the answer came.
func answerWay(a *explore.Response) string {
	parts := []string{show(a.Protocol, 20), "first byte after " + took(a.FirstByte), "in all " + took(a.Total), sizeWords(a.Wire) + " on the wire"}
	if a.Decoded != a.Wire {
		parts = append(parts, sizeWords(a.Decoded)+" decoded")
	}
	if a.Sent > 1 {
		parts = append(parts, fmt.Sprintf("sent %d times", a.Sent))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// copyCurl copies the request as a command, and reports whether it could.
func (d *requestDetail) copyCurl() bool {
	q, ok := d.checked()
	if !ok {
		return false
	}
	draft, err := d.p.offers.rest.Draft(q)
	if err != nil {
		d.tell(show(fault.As(err).Error(), 300))
		d.p.relayout()
		return false
	}
	d.p.w.copy(flow.Curl(draft).Text)
	return true
}

func (d *requestDetail) curl() { d.copyCurl() }

// editFreely goes on with what is entered as a request of the user's own.
func (d *requestDetail) editFreely() {
	q, _, err := d.request()
	if err != nil {
		q = explore.Request{Method: d.op.Method, Path: d.op.Path}
	}
	d.p.open(newRequestDetail(d.p, nil, &explore.Call{REST: &q}), true)
}
