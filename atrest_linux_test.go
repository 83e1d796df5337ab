package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// roleVariable makes the test binary play a part: the program itself, or the
// browser that it opens.
const roleVariable = "WAYBILL_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "program":
		os.Exit(run())
	case "browser":
		os.Exit(browse(os.Args[1]))
	}
	os.Exit(m.Run())
}

// browse is a user who signs in at the playground.
func browse(address string) int {
	b := playgroundtest.NewBrowser(nil, "ada@example.com")
	back, err := b.SignIn(context.Background(), address)
	if err == nil {
		_, err = b.Open(context.Background(), back.String())
	}
	if err != nil {
		return 1
	}
	return 0
}

// computer is a place to run the program in, without a keyring and with a
// passphrase instead.
type computer struct {
	t   *testing.T
	dir string
	env []string
}

const passphrase = "a-passphrase-for-the-sweep"

func newComputer(t *testing.T) *computer {
	t.Helper()
	c := &computer{t: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.write("bin/xdg-open", "#!/bin/sh\n"+roleVariable+"=browser exec '"+self+"' \"$1\"\n")
	c.write("passphrase", passphrase)
	c.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "DISPLAY=") || strings.HasPrefix(v, "WAYLAND_") || strings.HasPrefix(v, "DBUS_")
	}), roleVariable+"=program", "PATH="+c.path("bin")+":"+os.Getenv("PATH"), "WAYBILL_HOME="+c.path("home"),
		"WAYBILL_PASSPHRASE_FILE="+c.path("passphrase"), "DBUS_SESSION_BUS_ADDRESS=unix:path="+c.path("no-bus"))
	return c
}

func (c *computer) path(name string) string { return filepath.Join(c.dir, name) }

func (c *computer) write(name, content string) {
	c.t.Helper()
	err := os.MkdirAll(filepath.Dir(c.path(name)), 0o700)
	if err == nil {
		err = os.WriteFile(c.path(name), []byte(content), 0o700)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *computer) command(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), self, args...)
	cmd.Env = c.env
	return cmd
}

// run runs a command, which must succeed, and returns what it printed.
func (c *computer) run(args ...string) []byte {
	c.t.Helper()
	cmd := c.command(args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%q: %v: %s", args, err, errs.String())
	}
	return bytes.TrimSpace(out)
}

// playground runs the built-in playground until the test ends, as the server
// that it plays: elsewhere, keeping nothing.
func (c *computer) playground(args ...string) (e playground.Endpoints) {
	c.t.Helper()
	cmd := c.command(append([]string{"playground", "--ephemeral"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &e)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// connect adds a connection to the playground, with its secrets.
func (c *computer) connect(e playground.Endpoints) (secrets []string) {
	client := e.Clients.REST
	secrets = []string{client.ClientSecret.Reveal(), client.ResourceClientSecret.Reveal()}
	c.write("mine.json", fmt.Sprintf(`{"name": "mine",
  "idp": {"issuer": %q, "client_id": %q, "client_secret": "${IDP_SECRET}"},
  "resource": {"kind": "rest", "url": %q, "client_id": %q, "client_secret": "${RESOURCE_SECRET}", "scopes": ["todos.read", "todos.write"]}}`,
		e.IdP, client.ClientID, e.API, client.ResourceClientID))
	c.env = append(c.env, "IDP_SECRET="+secrets[0], "RESOURCE_SECRET="+secrets[1])
	c.run("connections", "add", "--yes", c.path("mine.json"))
	return secrets
}

// S97: of 10,000 to-dos, unsent edits, the session, its tokens and the
// connection's secrets nothing can be read in any file that the program wrote,
// nor in the name of one.
func TestS97_NothingOf10000ToDosIsReadableInAnyFile(t *testing.T) {
	c := newComputer(t)
	secrets := c.connect(c.playground("--todos", "10000"))
	c.run("sign-in", "--connection", "mine")
	c.run("todos", "--connection", "mine")
	c.run("todos", "add", "Typed on the train", "--description", "and saved in a tunnel", "--offline", "--connection", "mine")
	words := append(c.texts(10_001, "todos", "--offline", "--json", "--connection", "mine"), secrets...)
	c.run("todos", "--connection", "mine")
	c.run("todos", "edit", string(c.run("todos", "add", "Sent at once", "--connection", "mine")), "--title", "Sent and renamed", "--connection", "mine")
	words = append(words, "Sent at once", "Sent and renamed", passphrase, "ada@example.com",
		"eyJhbGciOi", "eyJ0eXAiOi", "eyJraWQiOi", // how a JWT begins: alg, typ or kid; three letters are there by chance
		"access_token", "refresh_token")
	c.sweep(words)
}

// texts runs a command that lists the to-dos and returns their titles and notes.
func (c *computer) texts(atLeast int, args ...string) (out []string) {
	c.t.Helper()
	var list struct {
		Todos []struct{ ID, Title, Description string }
	}
	if err := json.Unmarshal(c.run(args...), &list); err != nil {
		c.t.Fatal(err)
	}
	if len(list.Todos) < atLeast {
		c.t.Fatalf("%d to-dos are listed, want %d", len(list.Todos), atLeast)
	}
	seen := map[string]bool{}
	for _, item := range list.Todos {
		for _, text := range []string{item.Title, item.Description} {
			if len(text) >= 8 && !seen[text] { // shorter ones are there by chance
				seen[text], out = true, append(out, text)
			}
		}
	}
	return out
}

// sweep looks for words in all that the program wrote.
func (c *computer) sweep(words []string) {
	c.t.Helper()
	look := wordsByBeginning(words)
	if look.in("before "+words[0]+" after") != words[0] {
		c.t.Fatal("nothing would be found")
	}
	files, size := 0, 0
	err := filepath.WalkDir(c.path("home"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		files, size = files+1, size+len(data)
		if word := look.in(string(data)) + look.in(path); word != "" {
			c.t.Errorf("%s holds %q", d.Name(), word)
		}
		return err
	})
	if err != nil || files < 4 || size < 1<<20 {
		c.t.Errorf("%d files with %d bytes were looked at: %v", files, size, err)
	}
	c.t.Logf("%d words were looked for in %d files with %d bytes", len(words), files, size)
}

// beginnings finds any of many words in one pass.
type beginnings map[[3]byte][]string

func wordsByBeginning(words []string) beginnings {
	b := beginnings{}
	for _, word := range words {
		b[[3]byte([]byte(word))] = append(b[[3]byte([]byte(word))], word)
	}
	return b
}

func (b beginnings) in(text string) string {
	for i := range max(0, len(text)-2) {
		for _, word := range b[[3]byte{text[i], text[i+1], text[i+2]}] {
			if strings.HasPrefix(text[i:], word) {
				return word
			}
		}
	}
	return ""
}
