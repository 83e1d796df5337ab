package connection

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Contact is a server that a connection makes the app talk to, and what it is
// sent.
type Contact struct {
	// Host is its host name, with the port if it is not the usual one; "" for
	// a server that only its metadata will name.
	Host  string   `json:"host,omitempty"`
	Named string   `json:"named_by,omitempty"` // for a server without Host: where its name will come from
	Sends []string `json:"sends"`              // in plain words
}

// Contacts lists every server that using the connection sends something to, as
// far as the connection says, each once. origins says where a secret was taken
// from ("the environment variable X"), by its field; it may be nil. What is not
// set and not approved yet is found in the metadata of a server in the list, and
// then lies at that server's own address.
func (c Connection) Contacts(origins map[Field]string) []Contact {
	a := Approved{}
	if c.Approved != nil {
		a = *c.Approved
	}
	l := &contacts{}
	issuer := c.IdP.Issuer
	l.add(issuer, "", "a request for its metadata")
	l.add(cmp.Or(c.IdP.AuthorizationEndpoint, a.AuthorizationEndpoint, issuer), "", "your browser, for the sign-in")
	l.add(cmp.Or(c.IdP.TokenEndpoint, a.IdPTokenEndpoint, issuer), "", "the client id "+c.IdP.ClientID+proof(FieldIdPSecret, FieldIdPKey, c.IdP.AuthMethod, origins), "your session there: ID token and refresh token")
	l.add(cmp.Or(c.IdP.JWKSURI, a.JWKSURI), "", "a request for its keys")
	l.add(c.IdP.EndSessionEndpoint, "", "your browser, when you sign out")
	server := cmp.Or(c.Resource.AuthorizationServer, a.AuthorizationServer)
	l.add(server, "", "a request for its metadata")
	l.add(cmp.Or(c.Resource.TokenEndpoint, a.TokenEndpoint, server), "the authorization server that "+c.Resource.URL+" names",
		"the client id "+c.Resource.ClientID+proof(FieldSecret, FieldKey, c.Resource.AuthMethod, origins), "the ID-JAG: who you are at the identity provider")
	l.add(c.Resource.URL, "", "a request for its metadata", "the access token", "your to-dos, as you change them")
	return l.all
}

// proof says how the client proves who it is.
func proof(password, key Field, method AuthMethod, origins map[Field]string) string {
	switch {
	case origins[key] != "":
		return " with a signature by its key, which is " + origins[key]
	case method == PrivateKeyJWT:
		return " with a signature by its key"
	case method == AuthNone:
		return " alone"
	case origins[password] != "":
		return " with its secret, which is " + origins[password]
	}
	return " with its secret"
}

type contacts struct{ all []Contact }

func (l *contacts) add(address, named string, sends ...string) {
	host := ""
	if u, err := url.Parse(address); err == nil && address != "" {
		host = strings.TrimSuffix(u.Host, ":443")
	}
	if host == "" && named == "" {
		return
	}
	if host != "" {
		named = ""
	}
	for i := range l.all {
		if l.all[i].Host != host || l.all[i].Named != named {
			continue
		}
		for _, s := range sends {
			if !slices.Contains(l.all[i].Sends, s) {
				l.all[i].Sends = append(l.all[i].Sends, s)
			}
		}
		return
	}
	l.all = append(l.all, Contact{host, named, sends})
}

// Difference is a field in which two connections differ.
type Difference struct {
	Field Field  `json:"field"`
	Was   string `json:"was"`
	Now   string `json:"now"`
}

// Differences lists the fields in which now differs from was: in the order of
// Fields, and then what is no text, as the connection file has it. What was
// approved is not compared.
func Differences(was, now Connection) []Difference {
	var out []Difference
	for _, f := range Fields() {
		if before, after := was.Get(f), now.Get(f); before != after {
			out = append(out, Difference{f, before, after})
		}
	}
	if was.DPoP != now.DPoP {
		out = append(out, Difference{FieldDPoP, strconv.FormatBool(was.DPoP), strconv.FormatBool(now.DPoP)})
	}
	return slices.Concat(out,
		differentMembers(FieldIdPAssertion, was.IdP.Assertion, now.IdP.Assertion),
		differentMembers(FieldAssertion, was.Resource.Assertion, now.Resource.Assertion),
		differentMembers(FieldTodos, was.Resource.Todos, now.Resource.Todos))
}

// differentMembers lists the members in which two values of a field differ, as
// JSON.
func differentMembers(of Field, was, now any) []Difference {
	members := func(v any) (out map[string]json.RawMessage) {
		data, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(data, &out)
		}
		if err != nil { // only what never was in a file
			return map[string]json.RawMessage{"": json.RawMessage(err.Error())}
		}
		return out
	}
	before, after := members(was), members(now)
	names := slices.Sorted(maps.Keys(before))
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []Difference
	for _, name := range names {
		if a, b := string(before[name]), string(after[name]); a != b {
			out = append(out, Difference{of + "." + Field(name), a, b})
		}
	}
	return out
}
