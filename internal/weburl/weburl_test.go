package weburl_test

import (
	"testing"

	"waybill/internal/weburl"
)

// S25, S49: what may be opened in a browser or be sent a secret.
func TestS49_OnlyPlainHTTPSOrLoopback(t *testing.T) {
	good := []string{
		"https://idp.example", "https://idp.example:8443/a/b?x=1", "http://127.0.0.1:8080/x",
		"http://[::1]:9/", "http://localhost:1", "https://xn--bcher-kva.example/", "https://10.0.0.8/x", "https://idp.example./",
	}
	for _, raw := range good {
		if why := weburl.Check(raw); why != "" {
			t.Errorf("%s is refused: it %s", raw, why)
		}
	}
	bad := []string{
		"", "idp.example", "file:///etc/passwd", "javascript:alert(1)", "-flag", "//idp.example/x",
		"http://idp.example", "http://127.0.0.1.evil.example/", "https://user@idp.example", "https://user:pw@idp.example/",
		"https://idp.example/#f", "https://idp.example#", "https://idp.example/a b", "https://idp.example/\n", "http://x;rm -rf",
		"https://", "https:idp.example", "https://bücher.example", "https://0x7f.1/", "https://2130706433/", "https://1.2.3/",
		"https://idp.example:0/", "https://idp.example:99999/", "ftp://idp.example", "https://a%2eb/", "https://[::1%25lo]:1/x y",
	}
	for _, raw := range bad {
		if weburl.Check(raw) == "" {
			t.Errorf("%q is allowed", raw)
		}
	}
}

func TestOriginComparesAsBrowsersDo(t *testing.T) {
	same := [][2]string{
		{"https://IDP.example/a", "https://idp.example:443/b?x"},
		{"http://127.0.0.1:80", "http://127.0.0.1/"},
		{"https://[2001:db8::1]/", "https://[2001:db8::1]:443"},
	}
	for _, p := range same {
		a, _ := weburl.Origin(p[0])
		b, ok := weburl.Origin(p[1])
		if !ok || a != b {
			t.Errorf("%s and %s: %q, %q", p[0], p[1], a, b)
		}
	}
	other := [][2]string{
		{"https://idp.example", "https://idp.example:444"},
		{"https://idp.example", "https://a.idp.example"},
		{"http://localhost:1", "http://127.0.0.1:1"},
	}
	for _, p := range other {
		a, _ := weburl.Origin(p[0])
		if b, _ := weburl.Origin(p[1]); a == b {
			t.Errorf("%s and %s share %q", p[0], p[1], a)
		}
	}
	if o, ok := weburl.Origin("http://idp.example"); ok {
		t.Errorf("a refused address has the origin %q", o)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("https://idp.example/a?b")
	f.Add("http://127.0.0.1:1/")
	f.Fuzz(func(t *testing.T, raw string) {
		origin, ok := weburl.Origin(raw)
		if ok != (weburl.Check(raw) == "") {
			t.Fatalf("Check and Origin disagree about %q", raw)
		}
		if again, ok2 := weburl.Origin(origin); ok && (!ok2 || again != origin) {
			t.Fatalf("the origin of %q is %q, and its origin %q", raw, origin, again)
		}
	})
}
