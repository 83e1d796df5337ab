package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// site asks for an e-mail address and a code on one page and shows who signed
// in on the next; it insists on its hidden field, its cookie and its button.
func site(t *testing.T) (address string, signedIn *string) {
	t.Helper()
	signedIn = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("form")
		switch {
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		case r.URL.Path == "/done":
			if r.Header.Get("Origin") != "" {
				http.Error(w, "no page of a form", http.StatusForbidden)
				return
			}
			*signedIn = r.URL.Query().Get("who")
			fmt.Fprint(w, "<title>Done</title>You may close this window")
		case r.Method == http.MethodPost && err == nil && r.Header.Get("Origin") == "http://"+r.Host && cookie.Value == "7" && r.PostFormValue("token") == "t&t" && r.PostFormValue("do") == "sign-in":
			http.Redirect(w, r, "/done?who="+r.PostFormValue("email")+"/"+r.PostFormValue("code"), http.StatusSeeOther)
		default:
			http.SetCookie(w, &http.Cookie{Name: "form", Value: "7"})
			fmt.Fprint(w, `<title>Sign in</title><form method="post" action="/post"><input type="hidden" name="token" value="t&amp;t">
<label for="e">E-mail address</label><input id="e" name="email"><label for="c">Code</label><input id="c" name="code">
<button name="do" value="sign-in">Sign in</button><button name="do" value="cancel">Cancel</button></form>`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, signedIn
}

// printing is a command that prints the given lines.
func printing(t *testing.T, code int, lines ...string) []string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "command.sh")
	text := fmt.Sprintf("printf '%%s\\n' '%s'\nexit %d\n", strings.Join(lines, "' '"), code)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"sh", script}
}

func TestTheFormIsFilledInAndSent(t *testing.T) {
	address, signedIn := site(t)
	var out, tell strings.Builder
	command := printing(t, 0, "before", address+"/?response_type=code", "after")
	code := run(append([]string{"-answer", "email=a@b.example", "-answer", "code=123456", "--"}, command...), nil, &out, &tell)
	if code != 0 || *signedIn != "a@b.example/123456" {
		t.Fatalf("code %d, signed in as %q\n%s", code, *signedIn, tell.String())
	}
	if out.String() != "before\nafter\n" {
		t.Fatalf("passed on: %q", out.String())
	}
}

func TestAPersonIsAskedAndReturnTakesTheDefault(t *testing.T) {
	address, signedIn := site(t)
	var out, tell strings.Builder
	command := printing(t, 0, address+"/?response_type=code")
	code := run(append([]string{"-ask", "-answer", "email=a@b.example", "-answer", "code=123456", "--"}, command...), strings.NewReader("eve@x.example\n\n"), &out, &tell)
	if code != 0 || *signedIn != "eve@x.example/123456" {
		t.Fatalf("code %d, signed in as %q\n%s", code, *signedIn, tell.String())
	}
	if !strings.Contains(tell.String(), "E-mail address [a@b.example]: ") {
		t.Fatalf("asked: %s", tell.String())
	}
}

func TestTheCommandsExitCodeIsKept(t *testing.T) {
	var out, tell strings.Builder
	if code := run(append([]string{"--"}, printing(t, 3, "nothing to open")...), nil, &out, &tell); code != 3 {
		t.Fatalf("code %d", code)
	}
}

func TestOnlyThisComputerIsVisited(t *testing.T) {
	address, _ := site(t)
	for _, far := range []string{"https://idp.example/?response_type=code", address + "/away?response_type=code"} {
		var out, tell strings.Builder
		if code := run(append([]string{"--"}, printing(t, 0, far)...), nil, &out, &tell); code != 1 {
			t.Errorf("%s was visited (code %d)\n%s", far, code, tell.String())
		}
	}
}

func TestAMissingAnswerIsNamed(t *testing.T) {
	address, _ := site(t)
	var out, tell strings.Builder
	code := run(append([]string{"-answer", "email=a@b.example", "--"}, printing(t, 0, address+"/?response_type=code")...), nil, &out, &tell)
	if code != 1 || !strings.Contains(tell.String(), `asks for "Code"`) {
		t.Fatalf("code %d\n%s", code, tell.String())
	}
}
