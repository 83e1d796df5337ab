package playground_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// childDir, when set, makes this test program a process that runs a playground
// in that folder until it is killed.
const childDir = "WAYBILL_TEST_PLAYGROUND_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	p, err := playground.Start(context.Background(), playground.Options{Dir: dir, GenerateKey: playgroundtest.Key})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(p.Endpoints()); err != nil {
		os.Exit(1)
	}
	select {}
}

// child starts such a process and reads where it serves.
func child(t *testing.T, dir string) (playground.Endpoints, func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), childDir+"="+dir)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		kill()
		t.Fatal(err)
	}
	var at playground.Endpoints
	if err := json.Unmarshal(line, &at); err != nil {
		t.Fatal(err)
	}
	return at, kill
}

// R20, R27: a process that is killed leaves a folder that the next one takes at
// once, and in it everything that was answered: what was spent stays spent.
func TestR20_KilledProcessForgetsNothing(t *testing.T) {
	dir := t.TempDir()
	var refresh string
	var before playground.Endpoints
	for round := range 5 {
		at, kill := child(t, dir)
		if round > 0 && string(mustJSON(t, at)) != string(mustJSON(t, before)) {
			t.Fatal("the endpoints changed")
		}
		before = at
		if found, ok := playground.Attach(dir); !ok || found.IdP != at.IdP {
			t.Error("the process cannot be found from another one")
		}
		transport := &http.Transport{DisableKeepAlives: true}
		a := &app{t: t, http: &http.Client{Transport: transport}, at: at, demo: at.Clients.REST}
		if refresh == "" {
			refresh = a.tokens("alice@example.com").RefreshToken
		}
		rotated := a.post(at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", refresh))
		if rotated.Status != 200 {
			t.Fatalf("round %d: the refresh token is refused: %s", round, rotated.Description)
		}
		refresh = rotated.RefreshToken
		idjag := a.post(at.IdP+"/token", a.exchangeForm(typeRefresh, refresh)).AccessToken
		if got := a.post(at.AuthorizationServer+"/token", a.bearerForm(idjag)); got.Status != 200 {
			t.Fatalf("round %d: %s", round, got.Description)
		}
		kill()
		if _, found := playground.Attach(dir); found {
			t.Error("a killed process is found")
		}
		p, b := start(t, playground.Options{Dir: dir})
		expect(t, b.post(b.at.AuthorizationServer+"/token", b.bearerForm(idjag)), 400, "invalid_grant", "used before")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
