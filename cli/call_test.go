package cli_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"waybill/cli"
)

// called is an answer as call --json prints it.
type called struct {
	Status      int
	Protocol    string
	Address     string
	Headers     []struct{ Name, Value string }
	ContentType string `json:"content_type"`
	Body        json.RawMessage
	Text        string `json:"body_text"`
	Cut         string
	Bytes       int64
	Wire        int64 `json:"bytes_on_the_wire"`
	Sent        int
}

// kept is a call as call --history --json prints it.
type kept struct {
	ID, Favourite string
	Status        int
	REST          *struct {
		Method, Path string
		Query        []struct{ Name, Value string }
		Body         []byte
	}
	LeftOut []string `json:"left_out"`
}

func TestCallReadsAndChangesThePlayground(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	out, _ := c.runs("call", "/api/todos/stats")
	if !strings.Contains(out, `"total": 24`) {
		t.Errorf("%s", out)
	}
	list := answer[called](c, "call", "get", "/api/todos", "--query", "unused=a b&c")
	if list.Status != 200 || list.ContentType != "application/json" || !strings.HasSuffix(list.Address, "/api/todos?unused=a+b%26c") || list.Sent != 1 || list.Bytes < 1000 || !strings.Contains(string(list.Body), `"count": 24`) {
		t.Errorf("%+v", list)
	}
	made := answer[called](c, "call", "/api/todos", "--body", `{"id":"mine","title":"Called"}`)
	if made.Status != 201 {
		t.Errorf("%+v", made)
	}
	file := t.TempDir() + "/patch.json"
	if err := os.WriteFile(file, []byte(`{"completed":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := answer[called](c, "call", "PATCH", "/api/todos/mine", "--body", "@"+file); got.Status != 200 || !strings.Contains(string(got.Body), `"completed": true`) {
		t.Errorf("%+v", got)
	}
	status, out, errs := c.run(strings.NewReader(`{"title":"Piped"}`), "call", "PATCH", "/api/todos/mine", "--body", "-", "--include")
	if status != 0 || !strings.HasPrefix(out, "HTTP/1.1 200 OK\n") || !strings.Contains(out, "Etag: ") || !strings.Contains(out, `"title": "Piped"`) || !strings.Contains(errs, "Status 200, ") {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
	c.fails(cli.ExitFailed, "precondition", "call", "DELETE", "/api/todos/mine", "--header", `If-Match: "old"`)
	c.runs("call", "DELETE", "/api/todos/mine")
	c.fails(cli.ExitFailed, "does not have what was asked for", "call", "/api/todos/mine")
	c.fails(cli.ExitFailed, "It offers: GET", "call", "PUT", "/api/todos", "--body", "{}")
}

func TestCallListsEndpoints(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	out, errs := c.runs("call", "--endpoints")
	for _, says := range []string{"GET     /api/todos ", "PATCH   /api/todos/{id} ", "Delete a to-do"} {
		if !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	if !strings.Contains(errs, "Todo0 of the built-in playground, OpenAPI 3.1.0 at http://") {
		t.Errorf("%s", errs)
	}
	all := answer[struct {
		Document   string
		Operations []struct {
			Method, Path string
			Parameters   []struct{ In, Name string }
			Body         *struct{ Example json.RawMessage } `json:"request_body"`
		}
	}](c, "call", "--endpoints")
	if !strings.HasSuffix(all.Document, "/openapi.json") || len(all.Operations) != 9 {
		t.Fatalf("%+v", all)
	}
	for _, o := range all.Operations {
		if o.Method == "PATCH" && (o.Body == nil || !strings.Contains(string(o.Body.Example), "completed") || len(o.Parameters) != 2) {
			t.Errorf("%+v", o)
		}
	}
	c.fails(cli.ExitUsage, "take no request", "call", "--endpoints", "/api/todos")
	out, errs = c.runs("call", "--endpoints", "--openapi", "/nowhere.json")
	if !strings.Contains(errs, "No OpenAPI document was found at 1 addresses") || !strings.Contains(out, "/api/todos/{id}") {
		t.Errorf("%s%s", out, errs)
	}
}

func TestCallKeepsAHistoryAndFavourites(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.runs("call", "/api/todos/stats", "--save", "How many")
	c.runs("call", "/api/todos", "--query", "access_token=hunter2", "--header", "X-Api-Key: hunter3", "--header", "X-Other: 1")
	all := answer[[]kept](c, "call", "--history")
	if len(all) != 3 || all[0].Favourite != "How many" || all[0].Status != 200 || all[1].REST.Path != "/api/todos" || len(all[1].LeftOut) != 2 {
		t.Fatalf("%+v", all)
	}
	out, _ := c.runs("call", "--history")
	if !strings.Contains(out, "How many: GET /api/todos/stats") || strings.Contains(out, "hunter") {
		t.Errorf("%s", out)
	}
	if out, _ := c.runs("call", "--again", "how many"); !strings.Contains(out, `"total": 24`) {
		t.Errorf("%s", out)
	}
	c.fails(cli.ExitFailed, "not all of it is kept: access_token, X-Api-Key", "call", "--again", all[1].ID)
	c.fails(cli.ExitFailed, "--history", "call", "--again", "nothing")
	out, errs := c.runs("call", "--again", all[0].ID, "--curl")
	if !strings.Contains(out, "/api/todos/stats") || !strings.Contains(out, "Bearer $ACCESS_TOKEN") || !strings.Contains(errs, "# ACCESS_TOKEN: the access token") {
		t.Errorf("%s%s", out, errs)
	}
	c.runs("sign-out")
	c.runs("sign-in")
	if all := answer[[]kept](c, "call", "--history"); len(all) != 0 {
		t.Errorf("after signing out: %+v", all)
	}
}

func TestCallAtAnMCPServerSaysWhatToUse(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	c.runs("sign-in", "--connection", "playground-mcp")
	c.fails(cli.ExitFailed, "Use 'waybill mcp' for it", "call", "/api/todos")
	c.fails(cli.ExitFailed, "Use 'waybill mcp' for it", "call", "--endpoints")
	c.runs("mcp", "call", "create_todo", "--args", `{"title":"It's kept"}`)
	all := answer[[]kept](c, "call", "--history")
	if len(all) != 1 || all[0].REST != nil {
		t.Fatalf("%+v", all)
	}
	c.fails(cli.ExitFailed, "Use 'waybill mcp call create_todo'", "call", "--again", all[0].ID)
	out, errs := c.runs("call", "--again", all[0].ID, "--curl")
	if !strings.Contains(out, `"name":"create_todo"`) || !strings.Contains(out, `'\''s kept`) || !strings.Contains(out, "$ACCESS_TOKEN") || !strings.Contains(errs, "# MCP_SESSION_ID: ") {
		t.Errorf("%s%s", out, errs)
	}
}

func TestCallUsage(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	c.fails(cli.ExitUsage, "Give a path", "call")
	c.fails(cli.ExitUsage, "Give a path", "call", "GET", "/a", "/b")
	c.fails(cli.ExitUsage, "one of --endpoints", "call", "--endpoints", "--history")
	c.fails(cli.ExitUsage, "--openapi goes with", "call", "/a", "--openapi", "/b")
	c.fails(cli.ExitUsage, "body alone", "call", "/a", "--raw", "--include")
	c.fails(cli.ExitUsage, "leave out --include", "call", "/a", "--json", "--include")
	c.fails(cli.ExitUsage, "", "call", "/a", "--header", "no colon")
	c.fails(cli.ExitSignInNeeded, "not signed in", "call", "/api/todos")
	c.terminal = true
	c.fails(cli.ExitUsage, "--raw is for a file or a pipe", "call", "/a", "--raw")
	c.terminal = false
	c.runs("sign-in")
	for path, says := range map[string]string{
		"api/todos": "begins with a slash", "//evil.example/": "another host", "https://evil.example/": "another server",
		"/a/../b": "read differently", "/a#b": "never sent", "/a\r\nb": "control characters", "/api/todos/{id}": "in the place of {id}",
	} {
		c.fails(cli.ExitFailed, says, "call", path)
	}
	c.fails(cli.ExitFailed, "carries the access token", "call", "/api/todos", "--header", "Authorization: Bearer x")
	c.fails(cli.ExitFailed, "itself", "call", "/api/todos", "--header", "Host: evil.example")
	if all := answer[[]kept](c, "call", "--history"); len(all) != 0 {
		t.Errorf("what was not sent is kept: %+v", all)
	}
}

// S84: a terminal shows what it would otherwise obey; --raw hands on what came.
func TestS84_CallShowsWhatATerminalWouldObey(t *testing.T) {
	c := newServer(t).signedIn("alice@example.com")
	c.runs("call", "/api/todos", "--body", "{\"id\":\"odd\",\"title\":\"\\u001b[2J\u202eevil\u0085\"}")
	for _, terminal := range []bool{true, false} {
		c.terminal = terminal
		for _, args := range [][]string{{}, {"--include"}, {"--json"}} {
			out, errs := c.runs(append([]string{"call", "/api/todos/odd"}, args...)...)
			if strings.ContainsAny(out+errs, "\x1b\u202e\u0085") || !strings.Contains(out, `\u202eevil`) {
				t.Errorf("%t %q: %q", terminal, args, out)
			}
			if summed := strings.Contains(errs, "Status 200, "); summed != (len(args) == 0 && terminal || len(args) > 0 && args[0] == "--include") {
				t.Errorf("%t %q: %s", terminal, args, errs)
			}
		}
	}
	out, _ := c.runs("call", "/api/todos/odd", "--raw")
	if !strings.Contains(out, "\u202eevil") || !strings.HasPrefix(out, `{"success":true,"data":{`) || strings.HasSuffix(out, "\n") {
		t.Errorf("%q", out)
	}
	c.fails(cli.ExitFailed, "does not have", "call", "/api/todos/a", "--save", "odd", "--header", "X-A: \u202eb")
	for _, terminal := range []bool{true, false} {
		c.terminal = terminal
		out, errs := c.runs("call", "--again", "odd", "--curl")
		if faithful := strings.Contains(out, "\u202e"); faithful == terminal || terminal != strings.Contains(errs, "write it to a file") {
			t.Errorf("%t: %q %s", terminal, out, errs)
		}
	}
}
