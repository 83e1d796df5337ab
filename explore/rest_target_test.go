package explore

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

func restAt(url string) *REST {
	return NewREST(RESTOptions{Resource: connection.Resource{Kind: connection.REST, URL: url}})
}

func TestATargetIsWrittenInOneWay(t *testing.T) {
	for _, base := range []string{"https://api.example", "https://API.example:443/", "https://api.example/base/api?x=1"} {
		r := restAt(base)
		host := map[string]string{"https://api.example": "https://api.example", "https://API.example:443/": "https://API.example:443", "https://api.example/base/api?x=1": "https://api.example"}[base]
		for _, test := range []struct {
			path  string
			query []Pair
			want  string
		}{
			{"/", nil, "/"},
			{"/api/todos", nil, "/api/todos"},
			{"/api/todos/", nil, "/api/todos/"},
			{"/a b/ü/%2F/%C3%BC", nil, "/a%20b/%C3%BC/%2F/%C3%BC"},
			{"/a//b", nil, "/a//b"},
			{"/a;x=1/b:c@d,e!$&'()*+=~", nil, "/a;x=1/b:c@d,e!$&'()*+=~"},
			{"/a/.b/..c/d.", nil, "/a/.b/..c/d."},
			{"/a[1]", nil, "/a%5B1%5D"},
			{"/a\"<>^`|b", nil, "/a%22%3C%3E%5E%60%7Cb"},
			{"/\xff\xfe", nil, "/%FF%FE"},
			{"/a?b=c&d", nil, "/a?b=c&d"},
			{"/a?", nil, "/a"},
			{"/a?b=c", []Pair{{"d", "e f"}, {"d", "&=#?"}}, "/a?b=c&d=e+f&d=%26%3D%23%3F"},
			{"/a?u=http://evil.example/..//@", nil, "/a?u=http://evil.example/..//@"},
			{"/a?{x}", nil, "/a?%7Bx%7D"},
			{"/a", []Pair{{"line\r\nHost: evil", "a\r\nb"}}, "/a?line%0D%0AHost%3A+evil=a%0D%0Ab"},
			{"https://api.example/x?y", nil, "/x?y"},
			{"HTTPS://Api.Example:443", nil, "/"},
			{"https://api.example?y", nil, "/?y"},
		} {
			got, err := r.Check(Request{Path: test.path, Query: test.query})
			if err != nil || got != host+test.want {
				t.Errorf("%s with %q %v: %q, %v; want %q", base, test.path, test.query, got, err, host+test.want)
			}
		}
	}
}

func TestATargetThatCouldBeReadOtherwiseIsRefused(t *testing.T) {
	r := restAt("https://api.example/base")
	for target, says := range map[string]string{
		"": "begins with a slash", "api/todos": "begins with a slash", "../x": "begins with a slash", "javascript:alert(1)": "begins with a slash",
		"//evil.example/x": "another host", "//": "another host", "///x": "another host",
		"https://evil.example/x": "another server", "http://api.example/x": "another server", "https://api.example:8443/x": "another server",
		"https://api.example.evil.example/": "another server", "ftp://api.example/": "another server", "https:///x": "another server",
		"https://user:word@api.example/x": "user name", "https://api.example@evil.example/": "user name", `https://api.example\@evil.example/`: "reads",
		"https://api.example//x": "another host",
		"/a/../b":                "read differently", "/..": "read differently", "/.": "read differently", "/a/.": "read differently", "/a/%2e%2E/b": "read differently",
		"/a/.%2e/b": "read differently", "/a/..;x=1/b": "read differently", "/../../etc/passwd": "read differently",
		`/a\b`: "%5C", `/\evil.example`: "%5C",
		"/a#b": "never sent", "/a?b#c": "never sent", "https://api.example/#": "never sent",
		"/a\r\nHost: evil.example": "control characters", "/a\x00": "control characters", "/a\tb": "control characters", "/a\x7f": "control characters", "/\n": "control characters",
		"/a%": "hexadecimal", "/a%2": "hexadecimal", "/a%zz": "hexadecimal", "/a?b=%": "hexadecimal",
		"/api/todos/{id}": "in the place of {id}", "/{}/x": "in the place of {}",
		"/" + strings.Repeat("x", MaxTarget): "longer than",
	} {
		got, err := r.Check(Request{Path: target})
		if strings.Contains(says, "reads") {
			says = "" // any reason will do
		}
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) || got != "" {
			t.Errorf("%q: %q %v; want %q", target, got, err, says)
		}
	}
	if _, err := r.Check(Request{Path: "/", Query: []Pair{{"", "x"}}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a parameter without a name: %v", err)
	}
	if _, err := restAt("http://plain.example").Check(Request{Path: "/"}); !fault.Is(err, fault.Config) {
		t.Errorf("a resource without https: %v", err)
	}
}

func TestWhatIsNotTheUsersToSetIsRefused(t *testing.T) {
	r := restAt("https://api.example")
	for name, says := range map[string]string{
		"Authorization": "access token", "authorization": "access token", "DPoP": "access token", "dpop": "access token",
		"Host": "resource itself", "Content-Length": "body", "Transfer-Encoding": "connection", "Connection": "connection", "TE": "connection",
		"Upgrade": "connection", "Keep-Alive": "connection", "Proxy-Authorization": "connection", "Trailer": "connection", "Accept-Encoding": "gzip",
		"": "one word", "A B": "one word", "A:": "one word", ":authority": "one word", "A\r\nB": "one word", "Ä": "one word",
	} {
		_, err := r.Check(Request{Path: "/", Header: []Pair{{name, "x"}}})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, value := range []string{"a\r\nAuthorization: Bearer x", "a\nb", "a\x00b", "a\x7f"} {
		if _, err := r.Check(Request{Path: "/", Header: []Pair{{"X-A", value}}}); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "X-A") {
			t.Errorf("%q: %v", value, err)
		}
	}
	for _, q := range []Request{
		{Path: "/", Method: "CONNECT"}, {Path: "/", Method: "TRACE"}, {Path: "/", Method: "trace"}, {Path: "/", Method: "A B"}, {Path: "/", Method: "GET\r\n"}, {Path: "/", Method: strings.Repeat("A", 33)},
		{Path: "/", Body: make([]byte, MaxBody+1)}, {Path: "/", Header: make([]Pair, maxFields+1)}, {Path: "/", Header: []Pair{{"A", strings.Repeat("x", MaxHeader)}}},
	} {
		if _, err := r.Check(q); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.40s: %v", q.Method, err)
		}
	}
	if _, err := r.Check(Request{Path: "/", Method: "PROPFIND", Header: []Pair{{"X-A", "ü \t x"}, {"X-A", ""}}}); err != nil {
		t.Error(err)
	}
}

func TestWhatMayChangeSomethingIsNotSafe(t *testing.T) {
	for method, safe := range map[string]bool{"": true, "GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "PUT": false, "DELETE": false, "PATCH": false, "get": false, "PROPFIND": false} {
		if got := (Request{Method: method}).Safe(); got != safe {
			t.Errorf("%q: %t", method, got)
		}
	}
	if (Request{Header: []Pair{{"x-HTTP-method-override", "DELETE"}}}).Safe() {
		t.Error("an override is safe")
	}
}

// Whatever is entered, a request goes to the origin of the resource, has one way to
// be read, and is one request.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/", "//x", "/a/../b", "https://api.example/x", "/%2e%2e/", "/a?b=c", "/a\r\nb", "/\\x", "https://api.example@x/", "/a;..;/b", "/é", "/{x}"} {
		f.Add(seed, "name", "value", "GET", "X-A", "b")
	}
	f.Add("/", "a\r\n", "\r\nb", "GET\r\n", "Host", "evil\r\n")
	r := restAt("https://api.example/base")
	f.Fuzz(func(t *testing.T, target, name, value, method, field, content string) {
		q := Request{Method: method, Path: target, Query: []Pair{{name, value}}, Header: []Pair{{field, content}}}
		address, err := r.Check(q)
		if err != nil {
			if fault.As(err).Message == "" || fault.As(err).Kind != fault.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		if origin, err := transport.Origin(address); err != nil || origin != "https://api.example:443" {
			t.Fatalf("%q goes to %q (%v)", target, origin, err)
		}
		u, err := url.Parse(address)
		if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" {
			t.Fatalf("%q: %v", address, err)
		}
		if clean := path.Clean(strings.ReplaceAll(u.Path, "//", "/")); strings.HasPrefix(clean, "/..") || strings.HasPrefix(u.EscapedPath(), "//") {
			t.Fatalf("%q leads elsewhere", address)
		}
		for segment := range strings.SplitSeq(u.Path, "/") {
			if escaped := url.PathEscape(segment); (segment == ".." || segment == ".") && !strings.Contains(u.EscapedPath(), "%2F") {
				t.Fatalf("%q has a segment %q", address, escaped)
			}
		}
		req, err := http.NewRequest(q.method(), address, nil)
		if err != nil {
			t.Fatalf("%q passes and cannot be sent: %v", address, err)
		}
		for name, values := range q.header() {
			req.Header[name] = values
		}
		var wire bytes.Buffer
		if err := req.Write(&wire); err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		got, err := http.ReadRequest(bufio.NewReader(&wire))
		if err != nil || got.Host != "api.example" || got.RequestURI != strings.TrimPrefix(address, "https://api.example") || got.Method != q.method() || wire.Len() > 0 && got.ContentLength == 0 && strings.Contains(wire.String(), "HTTP/1.1") {
			t.Fatalf("%q: %+v %v", address, got, err)
		}
		if _, err := r.Draft(q); err != nil {
			t.Fatal(err)
		}
	})
}
