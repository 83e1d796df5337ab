// Package playgroundtest is for tests that drive the built-in playground: keys
// that cost nothing, and a browser that needs no window.
//
// Invariant: what is here does nothing that a real browser and a real user
// could not do; it reads the pages and sends their forms.
package playgroundtest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// Key is a value for playground.Options.GenerateKey: it makes one RSA key for
// the whole test program, since making them is the slowest part of a start.
func Key() (*rsa.PrivateKey, error) { return sharedKey() }

var sharedKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Browser is a user with a browser: it keeps cookies, shows pages and sends
// forms. Make it with NewBrowser. It is for one goroutine.
type Browser struct {
	client *http.Client

	Email string // what the user types
	Code  string
}

// NewBrowser makes a browser whose user types email and six digits. A nil
// transport is http.DefaultTransport.
func NewBrowser(transport http.RoundTripper, email string) *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &Browser{
		client: &http.Client{
			Transport: transport, Jar: jar,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Email: email, Code: "123456",
	}
}

// Page is what the browser shows.
type Page struct {
	Status int
	Header http.Header
	Body   string
	URL    *url.URL

	Action  string            // of the form, "" without one
	Fields  map[string]string // of the form, by name, as the page filled them in
	Buttons []string          // values of its buttons named "do"

	Target *url.URL // where a redirect leads; nil for a page
}

// Open follows an address to a page or to a redirect, which it does not follow.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Sec-Fetch-Site", "none")
	return b.do(request)
}

// Press sends the page's form with the button do, after typing the values into
// its fields.
func (b *Browser) Press(ctx context.Context, page *Page, do string, typed map[string]string) (*Page, error) {
	if page.Action == "" {
		return nil, errors.New("the page has no form")
	}
	target, err := page.URL.Parse(page.Action)
	if err != nil {
		return nil, err
	}
	form := url.Values{"do": {do}}
	for name, value := range page.Fields {
		form.Set(name, value)
	}
	for name, value := range typed {
		form.Set(name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", page.URL.Scheme+"://"+page.URL.Host)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(request)
}

// SignIn goes from an authorization URL to the redirect back to the app,
// filling in the sign-in page if there is one. It does not follow the redirect.
func (b *Browser) SignIn(ctx context.Context, authorizationURL string) (*url.URL, error) {
	page, err := b.Open(ctx, authorizationURL)
	if err == nil && page.Target == nil {
		do := "sign-in"
		if _, asked := page.Fields["email"]; !asked {
			do = "continue"
		}
		page, err = b.Press(ctx, page, do, map[string]string{"email": b.Email, "code": b.Code})
	}
	if err != nil {
		return nil, err
	}
	if page.Target == nil {
		return nil, fmt.Errorf("the sign-in ended with a page of status %d", page.Status)
	}
	return page.Target, nil
}

func (b *Browser) do(request *http.Request) (*Page, error) {
	answer, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	page := &Page{Status: answer.StatusCode, Header: answer.Header, Body: string(body), URL: request.URL, Fields: map[string]string{}}
	if location := answer.Header.Get("Location"); location != "" {
		page.Target, err = request.URL.Parse(location)
		return page, err
	}
	root, err := html.Parse(strings.NewReader(page.Body))
	if err != nil {
		return nil, err
	}
	page.read(root)
	return page, nil
}

// read finds the form.
func (p *Page) read(n *html.Node) {
	attribute := func(key string) string {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	if n.Type == html.ElementNode {
		switch n.Data {
		case "form":
			p.Action = attribute("action")
		case "input":
			p.Fields[attribute("name")] = attribute("value")
		case "button":
			p.Buttons = append(p.Buttons, attribute("value"))
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		p.read(child)
	}
}
