package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxPages bounds how many forms one sign-in may show.
const maxPages = 6

// person answers the fields of a form.
type person struct {
	answers  map[string]string
	terminal *bufio.Reader // nil: only the given answers
	tell     io.Writer
}

// field is one input of a form.
type field struct {
	name, value, label string
	hidden             bool
}

// form is the first form of a page.
type form struct {
	action, method string
	fields         []field
}

// visit opens address and fills in forms until a page has none.
func visit(address string, p *person, tell io.Writer) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		next.Header.Del("Origin") // a browser sends it with the form, not with the page that follows
		return loopbackOnly(next.URL)
	}}
	request, err := http.NewRequest(http.MethodGet, strings.TrimSpace(address), nil)
	if err != nil {
		return err
	}
	for range maxPages {
		page, at, err := load(client, request)
		if err != nil {
			return err
		}
		title, f := read(page)
		fmt.Fprintf(tell, "\n  [%s] %s\n", at.Host, title)
		if words := alert(page); words != "" {
			fmt.Fprintf(tell, "  %s\n", words)
		}
		if f == nil {
			return nil
		}
		if request, err = p.fill(f, at); err != nil {
			return err
		}
	}
	return errors.New("the sign-in asks for more pages than expected")
}

// load fetches a page and returns it with the address it came from.
func load(client *http.Client, request *http.Request) (*html.Node, *url.URL, error) {
	if err := loopbackOnly(request.URL); err != nil {
		return nil, nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("the page at %s could not be opened", request.URL.Host)
	}
	defer answer.Body.Close()
	page, err := html.Parse(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, nil, fmt.Errorf("the page at %s is no HTML", request.URL.Host)
	}
	if answer.StatusCode >= 400 && !hasForm(page) {
		return nil, nil, fmt.Errorf("%s answered with status %d. %s", answer.Request.URL.Host, answer.StatusCode, alert(page))
	}
	return page, answer.Request.URL, nil
}

func hasForm(page *html.Node) bool {
	_, f := read(page)
	return f != nil
}

// alert is what a page says is wrong.
func alert(page *html.Node) string {
	for n := range page.Descendants() {
		if attribute(n, "role") == "alert" {
			return text(n)
		}
	}
	return ""
}

func loopbackOnly(u *url.URL) error {
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not on this computer: sign in there with a real browser", u.Host)
}

// read finds the title and the first form of a page.
func read(page *html.Node) (title string, f *form) {
	labels := map[string]string{}
	for n := range page.Descendants() {
		switch n.DataAtom {
		case atom.Title:
			title = text(n)
		case atom.Label:
			labels[attribute(n, "for")] = text(n)
		case atom.Form:
			if f == nil {
				f = &form{action: attribute(n, "action"), method: strings.ToUpper(attribute(n, "method"))}
			}
		}
	}
	if f == nil {
		return title, nil
	}
	pressed := false
	for n := range page.Descendants() {
		if n.DataAtom != atom.Input && n.DataAtom != atom.Button {
			continue
		}
		kind := attribute(n, "type")
		button := n.DataAtom == atom.Button || kind == "submit" || kind == "image"
		entry := field{name: attribute(n, "name"), value: attribute(n, "value"), label: labels[attribute(n, "id")], hidden: button || kind == "hidden"}
		if button && pressed || entry.name == "" {
			pressed = pressed || button
			continue
		}
		pressed = pressed || button
		f.fields = append(f.fields, entry)
	}
	return title, f
}

// fill asks for the fields and makes the request that a browser would send.
func (p *person) fill(f *form, at *url.URL) (*http.Request, error) {
	target, err := at.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("the form's address cannot be read")
	}
	values := url.Values{}
	for _, entry := range f.fields {
		value := entry.value
		if !entry.hidden {
			if value, err = p.answer(entry); err != nil {
				return nil, err
			}
		}
		values.Add(entry.name, value)
	}
	if f.method != http.MethodPost {
		target.RawQuery = values.Encode()
		return http.NewRequest(http.MethodGet, target.String(), nil)
	}
	request, err := http.NewRequest(http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", at.Scheme+"://"+at.Host)
	return request, nil
}

func (p *person) answer(entry field) (string, error) {
	label := entry.label
	if label == "" {
		label = entry.name
	}
	value, known := p.answers[entry.name]
	if p.terminal == nil {
		if !known && entry.value == "" {
			return "", fmt.Errorf("the page asks for %q (field %s), and no answer was given", label, entry.name)
		}
		if !known {
			value = entry.value
		}
		fmt.Fprintf(p.tell, "  %s: %s\n", label, value)
		return value, nil
	}
	if !known {
		value = entry.value
	}
	fmt.Fprintf(p.tell, "  %s [%s]: ", label, value)
	line, err := p.terminal.ReadString('\n')
	if line = strings.TrimSpace(line); line != "" {
		return line, nil
	}
	if err != nil {
		return "", errors.New("the sign-in was given up")
	}
	return value, nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
