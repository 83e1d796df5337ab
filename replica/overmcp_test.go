package replica

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// front is an MCP server before a server of the tests: the to-dos are its, and
// whatever it answers comes as an MCP server says it. What is no answer of a tool
// is one of HTTP, and what is none either is a line that breaks.
type front struct{ s *server }

func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct {
			Name      string
			Arguments json.RawMessage
		}
	}
	if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&m) != nil || m.ID == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result := `{"tools":[` + strings.Join(f.tools(), ",") + `]}`
	switch m.Method {
	case "initialize":
		result = `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"front","version":"1"}}`
	case "tools/call":
		body, err := f.call(r, m.Params.Name, m.Params.Arguments)
		if body == nil {
			f.broken(w, err)
			return
		}
		text, _ := json.Marshal(string(body))
		result = fmt.Sprintf(`{"isError":%v,"content":[{"type":"text","text":%s}]}`, err != nil, text)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n\n", m.ID, result)
}

// tools are those that the server's capabilities allow.
func (f front) tools() (out []string) {
	can, _ := f.s.Capabilities(context.Background())
	for _, tool := range []struct {
		name string
		is   bool
	}{{"list_todos", can.Read}, {"create_todo", can.Create}, {"update_todo", can.Update}, {"delete_todo", can.Delete}} {
		if tool.is {
			out = append(out, `{"name":"`+tool.name+`","inputSchema":{"type":"object"}}`)
		}
	}
	return out
}

// call does what a tool is to do. The body is nil where there is no answer of a
// tool.
func (f front) call(r *http.Request, tool string, args json.RawMessage) ([]byte, error) {
	var t todo.Todo
	var p todo.Patch
	var beside struct{ ID, IfMatch, IdempotencyKey string }
	_ = json.Unmarshal(args, &beside)
	var err error
	switch tool {
	case "list_todos":
		var l api.List
		if l, err = f.s.List(r.Context(), ""); err == nil {
			return listBody(l), nil
		}
	case "create_todo":
		_ = t.UnmarshalJSON(args)
		delete(t.Extra, "idempotencyKey")
		t, err = f.s.Create(r.Context(), t, beside.IdempotencyKey)
	case "update_todo":
		_ = p.UnmarshalJSON(args)
		t, err = f.s.Update(r.Context(), beside.ID, p, beside.IfMatch)
	case "delete_todo":
		err = f.s.Delete(r.Context(), beside.ID, beside.IfMatch)
	}
	if err == nil {
		return itemBody(t, ""), nil
	}
	code := ""
	switch fault.As(err).Kind {
	case fault.NotFound:
		code = "not_found"
	case fault.Conflict:
		var c *api.ConflictError
		if errors.As(err, &c) {
			return itemBody(c.Current, "conflict"), err
		}
	case fault.Invalid:
		code = "invalid_todo"
	}
	if code == "" {
		return nil, err
	}
	body, _ := json.Marshal(map[string]any{"success": false, "error": code, "message": cmp.Or(fault.As(err).Server, code)})
	return body, err
}

// broken is for what an MCP server does not say by a tool.
func (f front) broken(w http.ResponseWriter, err error) {
	said := fault.As(err)
	status := said.Status
	if said.Kind == fault.Denied {
		status = http.StatusForbidden
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	if said.RetryAfter >= 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.RetryAfter))
	}
	w.WriteHeader(status)
}

func listBody(l api.List) []byte {
	n := len(l.Todos)
	if !l.Complete {
		n++ // one that is not shown
	}
	body, _ := json.Marshal(map[string]any{"success": true, "count": n, "data": append([]todo.Todo{}, l.Todos...)})
	return body
}

func itemBody(t todo.Todo, code string) []byte {
	around := map[string]any{"success": code == "", "data": t}
	if code != "" {
		around["error"], around["message"] = code, code
	}
	body, _ := json.Marshal(around)
	return body
}

// viaMCP is set for the tests that TestTheSyncTestsPassOverMCP runs again.
const viaMCP = "WAYBILL_TEST_SYNC_OVER"

// fewerOverMCP is how much of something long is done: most of the time goes into the
// MCP client, of which a part shows as much.
func fewerOverMCP(all, few int) int {
	if os.Getenv(viaMCP) == "mcp" && !slow() {
		return few
	}
	return all
}

// reached is the client of a test: the server itself, or where the test runs
// over MCP, the real client of an MCP server before it.
func reached(t *testing.T, c api.Client) api.Client {
	s, ok := c.(*server)
	if !ok || os.Getenv(viaMCP) != "mcp" {
		return c
	}
	n := virtualnet.New(0)
	n.ServePlain("127.0.0.1:8001", front{s})
	network := transport.New(transport.Options{DialContext: n.DialContext})
	client := api.NewMCP(api.Options{Transport: network, Tokens: oneToken{secret.New("token")}, Resource: connection.Resource{
		Kind: connection.MCP, URL: "http://127.0.0.1:8001/mcp", Scopes: []string{"todos.read", "todos.write", "mcp.access"}, MCPVersion: "2025-06-18"}})
	t.Cleanup(func() {
		_ = client.Close()
		network.CloseIdle()
		n.Close()
		synctest.Wait()
	})
	return client
}

// Issue 6, 4: the tests of the sync that are about what a server does and says,
// once more with the real client of an MCP server between. Left out are those
// that count requests or connections, that are about the words for a read-only
// REST API, or that need what only a sign-in can say. The two that take long are
// shorter without WAYBILL_SLOW.
func TestTheSyncTestsPassOverMCP(t *testing.T) {
	t.Setenv(viaMCP, "mcp")
	tests := []func(*testing.T){
		TestEditsReachTheServerInOrderAndTheStatusIsTrue,
		TestR1_OfflineAtStartTakesEdits,
		TestR7_RetryAfterIsHonoured,
		TestR7_TheUserMayAskSooner,
		TestR14_DeniedKeepsTheEditsAndSaysSo,
		TestR33_APoisonedEditIsSetAsideAndHoldsUpNothing,
		TestRetryDiscardAndRestoreOfARefusedEdit,
		TestRestoringATagLeavesThoseThatCameSince,
		TestR5_SlowLinesOnlyTakeLonger,
		TestR29_TenThousandEditsDrainInOrder,
		TestR30_DifferentFieldsMergeInSilence,
		TestR30_ConflictKeepMine,
		TestR30_ConflictKeepTheirs,
		TestR30_ConflictKeepBoth,
		TestR30_WhatWasTypedOnAnOlderTextIsAConflict,
		TestR30_AConflictThatTheServerMovesAwayFromIsGone,
		TestR30_DeletedThereEditedHereKeepsTheEdit,
		TestR30_DeletedHereEditedThereKeepsTheEdit,
		TestR30_DeletedOnBothSides,
		TestR30_TheSameTextAddedOnBothSidesIsTwo,
		TestI4_TwoReplicasConverge,
		TestR31_AServerThatGivesItsOwnIDsAndKnowsNoKeysIsReadBackFirst,
		TestR31_TheSameTextTwiceIsReadBackAsTwo,
		TestR34_NoDeletionIsInferredFromWhatMayBeIncomplete,
		TestR34_AnEmptyListingByMistake,
		TestR34_TheQuestionCountsWhatWasNotSentToo,
		TestR34_ManyMissingAtOnceAreAskedAbout,
		TestR34_ManyMissingCanBeSentAgain,
		TestR34_TheQuestionIsAskedAgainAfterARestart,
		TestR34_TheQuestionGoesWhenTheyAreBack,
		TestR35_AServerSetUpAnewKeepsUnsentEdits,
		TestWhatTheServerMakesOfATitleIsNoConflict,
		TestR30_AConflictOverATodoThatIsThenDeletedThere,
		TestR31_ACreationAnsweredFromMemoryDoesNotStay,
		TestR31_WhatOthersDidToACreationWhoseAnswerWasLost,
		TestR35_AServerRestoredFromAnOlderBackup,
		TestR31_ACreationThatIsTriedAgainHasTheSameKey,
		TestR30_AListingLeavesTheEditsThatWait,
		TestR31_BlanksThatTheServerTookOffAreNoConflict,
		TestR30_EveryPairOfEditsInEveryOrder,
		TestR8_CoinFlipFailures,
		TestR32_TheServerSeesALegalPrefix,
	}
	for _, test := range tests {
		name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		t.Run(name[strings.LastIndex(name, ".")+1:], test)
	}
}
