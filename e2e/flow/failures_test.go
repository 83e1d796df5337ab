package flow

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// one checks that a command failed with this status, and said so in one
// sentence that names the step, all of the wanted words and no secret. A second
// line may hold the server's own words.
func one(t *testing.T, r desktop.Result, status int, step string, words ...string) {
	t.Helper()
	if r.Code != status {
		t.Errorf("exit status %d, and %d is wanted:\n%s%s", r.Code, status, r.Stdout, r.Stderr)
	}
	var said string
	count := 0
	for line := range strings.Lines(r.Stderr) {
		if strings.HasPrefix(line, "waybill: ") {
			said, count = strings.TrimSpace(line), count+1
		}
	}
	if count != 1 {
		t.Fatalf("%d sentences, and one is wanted:\n%s", count, r.Stderr)
	}
	if !strings.HasPrefix(said, "waybill: "+step+": ") {
		t.Errorf("the sentence does not name the step %q: %s", step, said)
	}
	for _, word := range words {
		if !strings.Contains(strings.ToLower(r.Stderr), strings.ToLower(word)) {
			t.Errorf("nothing is said of %q:\n%s", word, r.Stderr)
		}
	}
	// The field of the connection file that is meant may follow in brackets.
	if sentence := field.ReplaceAllString(said, ""); !strings.HasSuffix(sentence, ".") {
		t.Errorf("no whole sentence: %s", said)
	}
	t.Log(said)
}

var field = regexp.MustCompile(` \[[a-z_.]+\]$`)

// somebody is a person who is signed in, has to-dos and an edit that was made
// offline; whatever fails afterwards must cost them none of it.
type somebody struct {
	*program.Waybill
	t    *testing.T
	at   program.Playground
	good string // the connection file that works
}

func newSomebody(t *testing.T, d *desktop.Desktop) *somebody {
	t.Helper()
	server := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir())
	at, _ := server.Playground()
	s := &somebody{t: t, at: at, good: at.Connection("office").File(t)}
	s.Waybill = program.In(t, d, program.App, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)
	if r := s.Browsing(grace, "todos", "--sign-in", "--no-browser", "--connection-file", s.good); r.Code != 0 {
		t.Fatalf("the first sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	if r := s.Command("todos", "add", "Typed on the train", "--offline", "--connection-file", s.good); r.Code != 0 {
		t.Fatalf("the offline edit ended with %d:\n%s", r.Code, r.Stderr)
	}
	return s
}

// lostNothing checks that the edit is still waiting and is sent when asked.
func (s *somebody) lostNothing() {
	s.t.Helper()
	for _, offline := range []string{"--offline", "--offline=false"} {
		list := program.JSON[program.Todos](s.t, s.Command("todos", "--json", offline, "--connection-file", s.good))
		state := ""
		for _, item := range list.Todos {
			if item.Title == "Typed on the train" {
				state = item.State
			}
		}
		if want := map[string]string{"--offline": "waiting", "--offline=false": "synced"}[offline]; state != want {
			s.t.Fatalf("the edit is %q, and %q is wanted (%s)", state, want, offline)
		}
	}
}

// with is the good connection, changed, under a name of its own.
func (s *somebody) with(change func(c program.Connection)) string {
	s.t.Helper()
	c := s.at.Connection("other")
	change(c)
	return c.File(s.t)
}

func TestAWrongConnectionIsOneClearSentenceAndCostsNothing(t *testing.T) {
	s := newSomebody(t, desktop.New(t, desktop.Options{Keyring: desktop.Unlocked}))
	cases := []struct {
		name, step string
		status     int
		words      []string
		change     func(c program.Connection)
		env        string
	}{
		{name: "wrong secret at the identity provider", step: "sign-in", status: 1, words: []string{"identity provider", "secret"},
			env: "IDP_SECRET=wrong"},
		{name: "wrong secret at the resource", step: "JWT bearer grant", status: 1, words: []string{"resource", "secret"},
			env: "RESOURCE_SECRET=wrong"},
		{name: "crossed secrets", step: "sign-in", status: 1, words: []string{"identity provider", "secret"},
			change: func(c program.Connection) {
				idp, resource := c.Part("idp"), c.Part("resource")
				idp["client_secret"], resource["client_secret"] = resource["client_secret"], idp["client_secret"]
			}},
		{name: "unknown audience", step: "token exchange", status: 1, words: []string{"audience"},
			change: func(c program.Connection) { c.Part("resource")["authorization_server"] = s.at.IdP }},
		{name: "scope not granted", step: "token exchange", status: 1, words: []string{"scope"},
			change: func(c program.Connection) { c.Part("resource")["scopes"] = []string{"todos.admin"} }},
		{name: "identity provider away", step: "discovery", status: 4, words: []string{"127.0.0.1:9", "could not be reached"},
			change: func(c program.Connection) { c.Part("idp")["issuer"] = "http://127.0.0.1:9" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := s.with(func(conn program.Connection) {
				conn["name"] = strings.ReplaceAll(c.name, " ", "-") // none has the session of another
				if c.change != nil {
					c.change(conn)
				}
			})
			waybill := s.Waybill
			if c.env != "" {
				waybill = s.WithEnv(s.Env(c.env))
			}
			r := waybill.Browsing(grace, "todos", "--sign-in", "--no-browser", "--connection-file", file)
			one(t, r, c.status, c.step, c.words...)
		})
	}
	s.lostNothing()
}

// With the two clients crossed the identity provider does not know the one that
// it is asked about, and says so in the browser (RFC 6749 section 4.1.2.1: it
// must not send the browser back); the command can still be given up in peace.
func TestCrossedClientsAreNoticed(t *testing.T) {
	s := newSomebody(t, desktop.New(t, desktop.Options{Keyring: desktop.Unlocked}))
	file := s.with(func(c program.Connection) {
		idp, resource := c.Part("idp"), c.Part("resource")
		idp["client_id"], resource["client_id"] = resource["client_id"], idp["client_id"]
		idp["client_secret"], resource["client_secret"] = resource["client_secret"], idp["client_secret"]
	})
	r := s.Browsing(grace, "todos", "--sign-in", "--no-browser", "--connection-file", file)
	if r.Code == 0 || !strings.Contains(r.Stderr, "crossed") && !strings.Contains(r.Stderr, "client") {
		t.Fatalf("status %d:\n%s", r.Code, r.Stderr)
	}
	t.Log(r.Stderr)
	s.lostNothing()
}

func TestAWrongCodeIsSaidOnThePageAndMayBeCorrected(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	waybill := program.In(t, d, program.App)
	r := d.RunWith(waybill.Env(), "grace@example.com\n12a456\n\n123456\n", program.Path(t, program.Browse), "-ask", "--",
		program.Path(t, program.App), "todos", "--sign-in", "--no-browser", "--connection", "playground", "--json")
	if !strings.Contains(r.Stderr, "six digits") && !strings.Contains(r.Stderr, "6 digits") {
		t.Errorf("the page does not say what is wrong:\n%s", r.Stderr)
	}
	if todos := program.JSON[program.Todos](t, r); todos.Count < 20 {
		t.Fatalf("%d to-dos after the second try", todos.Count)
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	s := newSomebody(t, desktop.New(t, desktop.Options{Keyring: desktop.Unlocked}))
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	file := s.with(func(c program.Connection) { c["redirect_uri"] = fmt.Sprintf("http://127.0.0.1:%d/callback", port) })
	one(t, s.Browsing(grace, "sign-in", "--no-browser", "--connection-file", file), 1, "sign-in", fmt.Sprint(port))
	s.lostNothing()
}

func TestGivingUpTheSignInEndsItAndFreesThePort(t *testing.T) {
	s := newSomebody(t, desktop.New(t, desktop.Options{Keyring: desktop.Unlocked}))
	free, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	file := s.with(func(c program.Connection) { c["redirect_uri"] = "http://" + address + "/callback" })

	signIn := s.Begin("sign-in", "--no-browser", "--connection-file", file)
	if !desktop.Eventually(patience, func() bool { return strings.Contains(signIn.Stdout.String(), "response_type=code") }) {
		t.Fatalf("no address was printed:\n%s", signIn.Stderr)
	}
	signIn.Interrupt()
	one(t, signIn.Wait(10*time.Second), 1, "sign-in", "cancel")
	again, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	again.Close()
	s.lostNothing()
}

func TestWithoutAKeyringTheSessionLastsForTheCommandAndThatIsSaid(t *testing.T) {
	for name, kind := range map[string]desktop.Keyring{"no bus": desktop.NoBus, "no service": desktop.Absent} {
		t.Run(name, func(t *testing.T) {
			d := desktop.New(t, desktop.Options{Keyring: kind})
			waybill := program.In(t, d, program.App)
			r := waybill.Browsing(grace, "todos", "--sign-in", "--no-browser", "--connection", "playground", "--json")
			if todos := program.JSON[program.Todos](t, r); todos.Count < 20 {
				t.Fatalf("%d to-dos", todos.Count)
			}
			if !strings.Contains(r.Stderr, "keyring") {
				t.Errorf("nothing is said of the keyring:\n%s", r.Stderr)
			}
			one(t, waybill.Command("todos", "--connection", "playground"), 3, "sign-in", "sign-in")
		})
	}
}

func TestAPassphraseFileStandsInForTheKeyring(t *testing.T) {
	d := desktop.New(t, desktop.Options{})
	waybill := program.In(t, d, program.App, "WAYBILL_PASSPHRASE_FILE="+d.File("passphrase", "correct horse battery staple\n"))
	r := waybill.Browsing(grace, "sign-in", "--no-browser", "--connection", "playground")
	if r.Code != 0 {
		t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	if todos := program.JSON[program.Todos](t, waybill.Command("todos", "--json")); todos.Count < 20 {
		t.Fatalf("%d to-dos in the next command", todos.Count)
	}
	wrong := waybill.WithEnv(waybill.Env("WAYBILL_PASSPHRASE_FILE=" + d.File("wrong", "guess\n")))
	one(t, wrong.Command("todos"), 1, "keyring", "passphrase")
}

func TestWithoutADisplayTheWindowSaysSo(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	waybill := program.In(t, d, program.App)
	r := waybill.Begin().Wait(patience)
	if r.Code == 0 || r.Code == 66 || !strings.Contains(r.Stderr, "display") || strings.Contains(r.Stderr, "goroutine") {
		t.Fatalf("status %d:\n%s", r.Code, r.Stderr)
	}
	t.Log(strings.TrimSpace(r.Stderr))
}
