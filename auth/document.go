package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"waybill/fault"
	"waybill/transport"
)

// errNoDocument is the cause when a server says for certain that it does not
// publish a document: 404 or 410.
var errNoDocument = errors.New("auth: not published")

// fetchDocument reads a public JSON document: metadata or keys. A server that
// does not have it gives a Fault with errNoDocument as its cause; one that
// cannot be reached, or answers with a web page in its place as a captive
// portal does, a Fault of kind Offline.
func fetchDocument(ctx context.Context, t *transport.Client, url string) ([]byte, error) {
	if err := transport.CheckURL(url); err != nil {
		return nil, at(fault.StepDiscovery, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fault.As(err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := t.HTTP(transport.Metadata, "").Do(request)
	if err != nil {
		return nil, at(fault.StepDiscovery, moved(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, at(fault.StepDiscovery, err)
	}
	return body, documentFault(url, response)
}

func documentFault(url string, response *http.Response) error {
	status := response.StatusCode
	say := func(kind fault.Kind, code, format string, args ...any) *fault.Fault {
		f := fault.New(fault.StepDiscovery, kind, code, fmt.Sprintf(format, args...))
		f.Status = status
		return f
	}
	host := hostOf(response)
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return say(fault.Config, "no_document", "%s does not publish %s.", host, fault.Clean(url, 200)).
			WithRemedy("Check the address in the connection.").Because(errNoDocument)
	case status == http.StatusTooManyRequests || status >= 500:
		return say(fault.Offline, "unavailable", "%s cannot answer at the moment (HTTP %d).", host, status).
			WithRemedy("Try again in a while.")
	case status != http.StatusOK:
		return say(fault.Config, "no_document", "%s does not give out %s (HTTP %d).", host, fault.Clean(url, 200), status).
			WithRemedy("Check the address in the connection.")
	case !isJSON(response.Header.Get("Content-Type")):
		return transport.CaptivePortal(fault.StepDiscovery)
	}
	return nil
}

func hostOf(response *http.Response) string {
	if response.Request == nil || response.Request.URL == nil {
		return "The server"
	}
	return response.Request.URL.Host
}

// isJSON accepts application/json and every type built on it (RFC 6839), and a
// missing type, which some file servers give for keys: what then is no JSON
// fails when it is read.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// moved says of a redirect that was not followed what it most often means: that
// this network wants its user to sign in, and answers in everybody's place until
// then. It is worth trying again, which a server that breaks a rule is not.
func moved(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "redirect" {
		return err
	}
	g := fault.New(f.Step, fault.Offline, f.Code, f.Message).
		WithRemedy("This network may need a sign-in of its own: open any page in the browser, then try again. Otherwise check the address in the connection.").
		Because(err)
	g.Status = f.Status
	return g
}

// at makes a Fault of err that names the step, if it does not name one yet.
func at(step fault.Step, err error) *fault.Fault {
	f := *fault.As(err)
	if f.Step == "" {
		f.Step = step
	}
	return &f
}
