package transport

import (
	"net/http"

	"waybill/fault"
)

// Draft is what a request to a resource would be recorded as, without being sent:
// what is secret by its name, or looks like a token, stands apart. The access
// token, and with bound the DPoP proof, are placeholders whose values are empty.
// Of h nothing that the sender sets itself may be there.
func Draft(method, address string, h http.Header, body []byte, bound bool) Recording {
	var r redactor
	for _, name := range []string{"access_token", "DPoP"} {
		r.hidden = append(r.hidden, Hidden{Name: name})
		r.placeholders = append(r.placeholders, r.hidden[len(r.hidden)-1].Placeholder())
	}
	scheme := "Bearer "
	if bound {
		scheme = "DPoP "
	}
	x := Recording{Step: fault.StepCall, Role: Resource, Method: method}
	x.Request.Header = r.header(h)
	x.Request.Header["Authorization"] = []string{scheme + r.placeholders[0]}
	if bound {
		x.Request.Header["Dpop"] = []string{r.placeholders[1]}
	}
	x.Request.Size = int64(len(body))
	if len(body) > 0 {
		r.message(&x.Request, h.Get("Content-Type"), string(body), false)
		x.Request.Cut = x.Request.Form == nil && x.Request.Body == "" // it is no text
	}
	x.URL = r.address(address)
	x.Secrets = r.hidden
	if !bound {
		x.Secrets = append([]Hidden{r.hidden[0]}, r.hidden[2:]...)
	}
	return x
}

// SecretName reports whether a header field, parameter or member of this name
// holds a secret: a token, a password, a cookie, a key. It is what decides so in
// a Recording.
func SecretName(name string) bool {
	c := class(name)
	return c == secretName || c == chosen
}
