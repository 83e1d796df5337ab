package gui

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"waybill/explore"
	"waybill/fault"
	"waybill/session"
)

func TestTheExplorerListsWhatAnMCPServerOffers(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.noTools = fault.New(fault.StepCall, fault.Hostile, "bad_list", "The list cannot be read.")
		r.tap("Explorer")
		p := r.w.explorer()
		if p == nil || !p.sidebar.access[navExplorer].on {
			t.Fatalf("the page is a %T", r.w.page)
		}
		r.wantText("The tools could not be listed. The list cannot be read.")
		f.noTools = nil
		r.tap("Ask again")
		r.wantText("Todo0 2.4.1 · MCP 2025-11-25 · 3 tools, 1 resource, 1 template, 1 prompt")
		r.wantText("Tools to call, resources to read, news of their changes, prompts, log messages, which are not used here.")
		r.wantText("changing needs the scope todos.write")
		r.wantNoText("could not be listed")
		r.key(fyne.KeyEscape) // to the list
		r.key(fyne.KeyEscape)
		r.page()
	})
}

// offersOf are the labels on the list; titles are in capitals.
func (r *rig) offersOf() string {
	var all []string
	for _, o := range r.w.explorer().list.offers {
		all = append(all, o.label)
	}
	return strings.Join(all, " | ")
}

func (r *rig) wantOffers(want string) {
	r.Helper()
	if got := r.offersOf(); got != want {
		r.Fatalf("the list is %s, not %s", got, want)
	}
}

func TestTheListOfTheExplorerIsSearched(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.cut = true
		r.openExplorer()
		r.wantOffers("About the server | TOOLS, THE FIRST 3 | List to-dos | Add a to-do | Delete a to-do | RESOURCES | Rotate the staging signing keys | RESOURCE TEMPLATES | One to-do | PROMPTS | Plan my day")
		r.typed("/")
		r.typed("DELETE")
		r.wantOffers("TOOLS, THE FIRST 3 | Delete a to-do")
		r.key(fyne.KeyDown)
		r.wantText("describes this tool otherwise than when it was listed before")
		r.typed("/")
		r.typed("nothing like it")
		r.wantText("Nothing here is called that.")
		r.key(fyne.KeyEscape)
		if r.w.Canvas().Focused() != fyne.Focusable(r.w.explorer().list) || len(r.w.explorer().list.offers) != 11 {
			t.Errorf("Escape leads to a %T, and the list is %s", r.w.Canvas().Focused(), r.offersOf())
		}
	})
}

// By keyboard only: to the page, along the list, into the form, to the result and
// back.
func TestAToolIsCalledByKeyboard(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.tools[0].Input = json.RawMessage(`{"type":"object","properties":{"owner":{"type":"string"},"limit":{"type":"integer","maximum":100}}}`)
		r.press(ctrl, fyne.KeyB)
		r.key(fyne.KeyDown)
		r.wantText("Says that it changes nothing")
		r.key(fyne.KeyReturn)
		r.typed("me")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "server", `call list_todos {"owner":"me"}`)
		r.wantText("The tool answered after 42 ms.")
		r.wantText("As the tool's output schema promises.")
		r.wantText(`"title": "Ship release notes for 2.4"`)
		r.wantOffers("About the server | TOOLS | List to-dos | Add a to-do | Delete a to-do | RESOURCES | Rotate the staging signing keys | RESOURCE TEMPLATES | One to-do | PROMPTS | Plan my day | HISTORY | list_todos")
		r.press(ctrl, fyne.KeyF)
		r.typed("release")
		r.wantText("1 of 1")
		r.key(fyne.KeyEscape)
		r.key(fyne.KeyEscape) // out of the search, and then to the list
		if r.w.Canvas().Focused() != fyne.Focusable(r.w.explorer().list) {
			t.Errorf("Escape leads to a %T", r.w.Canvas().Focused())
		}
		r.press(ctrl, fyne.KeyReturn)
		r.wantCalls(r.b.called()[2:], `call list_todos {"owner":"me"}`)
		r.w.Canvas().Focus(r.w.explorer().detail.focus())
		r.key(fyne.KeyEscape)
		r.key(fyne.KeyEnd)
		if at := r.w.explorer().list.offers[r.w.explorer().list.at]; at.label != "list_todos" {
			t.Errorf("End leads to %q", at.label)
		}
		r.wantText("Called 12:05")
		r.key(fyne.KeyEscape)
		r.page()
	})
}

// What the schema does not allow is said at its field, and not sent.
func TestArgumentsThatAreWrongAreNotSent(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Add a to-do")
		r.tap("Call")
		r.wantText("Fill this in: it is required.")
		r.typed("Milk")
		r.wantNoText("Fill this in")
		p := r.w.explorer()
		view := p.detail.(*toolDetail).args.view
		estimate := view.places["/estimate"].focus.(*field)
		r.w.Canvas().Focus(estimate)
		r.typed("-1")
		r.key(fyne.KeyReturn)
		r.wantText("This must be at least 0.")
		if r.w.Canvas().Focused() != fyne.Focusable(estimate) {
			t.Error("the focus is not at what is wrong")
		}
		r.wantCalls(r.b.called(), "server")
		estimate.SetText("")
		r.tap("high")
		r.tap("Add an entry")
		r.typed("home")
		r.tap("Call")
		r.wantCalls(r.b.called(), "server", `call create_todo {"title":"Milk","priority":"high","tags":["home"]}`)
	})
}

// The form and the JSON beside it are two sides of one thing.
func TestTheFormAndItsJSONStayInStep(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Add a to-do")
		args := r.w.explorer().detail.(*toolDetail).args
		text := func(want string) {
			r.Helper()
			if strings.Join(strings.Fields(args.text.Text), "") != want {
				t.Fatalf("the JSON is %s, not %s", args.text.Text, want)
			}
		}
		text(`{"priority":"medium"}`)
		r.typed("Milk")
		r.tap("low")
		text(`{"title":"Milk","priority":"low"}`)
		args.text.SetText(`{"title": "Bread", "priority": "high", "tags": ["a", "b"], "more": [1]}`)
		r.settle()
		if f := args.view.places["/title"].focus.(*field); f.Text != "Bread" {
			t.Errorf("the title is %q", f.Text)
		}
		if f := args.view.places["/tags/1"].focus.(*field); f.Text != "b" {
			t.Errorf("the second tag is %q", f.Text)
		}
		r.tap("Remove entry 1")
		text(`{"title":"Bread","priority":"high","tags":["b"],"more":[1]}`)
		args.text.SetText(`{"title": `)
		r.settle()
		r.wantText("This is not JSON yet.")
		r.tap("Call")
		r.wantText("This is not JSON: check the quotes, commas and brackets.")
		r.wantCalls(r.b.called(), "server")
		args.text.SetText(`{"title":"\u202egnp.exe","priority":"low"}`)
		r.settle()
		if f := args.view.places["/title"].focus.(*field); f.Text != `"\u202egnp.exe"` {
			t.Errorf("what is not seen is shown as %q", f.Text)
		}
		r.tap("Call")
		r.wantCalls(r.b.called()[1:], "call create_todo {\"title\":\"\\u202egnp.exe\",\"priority\":\"low\"}")
	})
}

func TestADestructiveToolAsksFirst(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Delete a to-do")
		r.typed("todo-17")
		r.key(fyne.KeyReturn)
		r.wantText("Call “Delete a to-do”?")
		r.wantText(`"id": "todo-17"`)
		r.key(fyne.KeyReturn) // the focus is on what does nothing
		r.wantNoText("Call “Delete a to-do”?")
		r.wantCalls(r.b.called(), "server")
		r.tap("Call")
		r.key(fyne.KeyEscape)
		r.wantCalls(r.b.called(), "server")
		r.tap("Call")
		r.tap("Call it")
		r.wantCalls(r.b.called(), "server", `call delete_todo {"id":"todo-17"}`)
		r.tap("Call")
		r.press(ctrl, fyne.KeyB) // no command works behind a dialog
		r.tap("Do not call")
		r.wantCalls(r.b.called()[2:])
	})
}

func TestACallShowsItsProgressAndIsCancelled(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.progress = []explore.Progress{{Done: 1, Total: 4, Message: "Looking\u202e"}, {Done: 2, Total: 4, Message: "Still looking"}}
		r.openExplorer()
		r.b.pause = make(chan struct{})
		r.offer("List to-dos")
		r.tap("Call")
		r.wantText("Looking")
		r.wantNoText("\u202e")
		r.after(3 * time.Second)
		r.wantText(" · 3 s")
		r.b.pause <- struct{}{}
		r.settle()
		r.wantText("Still looking")
		r.key(fyne.KeyEscape)
		r.wantText("Cancelled. The server was told; what it had done by then is done.")
		r.wantText("Call")
		r.tap("Call")
		r.tap("Cancel")
		r.wantText("Cancelled.")
	})
}

func TestACallThatIsLeftIsGivenUp(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.progress = []explore.Progress{{}}
		r.openExplorer()
		r.b.pause = make(chan struct{})
		r.offer("List to-dos")
		r.tap("Call")
		r.offer("Plan my day")
		r.settle()
		r.wantNoText("Cancelled")
		r.offer("List to-dos")
		r.tap("Call")
		r.w.showHome()
		r.settle() // the rig fails if anything is left running
	})
}

// What a server sends is shown cleaned, and nothing of it is decoded or read
// before it is asked for.
func TestAResultIsShownByItsParts(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.result = explore.Result{Failed: true, Took: time.Second, Verdict: explore.Breaks, Why: "It has no todos.", Structured: json.RawMessage(`{"a":1}`), Parts: []explore.Part{
			{Kind: explore.TextPart, Text: "first\u202e line\x1b[31m"}, {Kind: explore.TextPart, Text: `[1,2]`, JSON: json.RawMessage(`[1,2]`)},
			{Kind: explore.ImagePart, MIMEType: "image/png", Data: somePicture()}, {Kind: explore.ImagePart, MIMEType: "image/png", Data: []byte("no picture")},
			{Kind: explore.AudioPart, MIMEType: "audio/wav", Data: make([]byte, 4000)}, {Kind: explore.Embedded, URI: "todo0://a", Text: "embedded"},
			{Kind: explore.Embedded, URI: "todo0://b", Data: []byte{1, 2}}, {Kind: explore.Link, URI: "todo0://todos/1", Name: "linked"}, {},
		}}
		r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		for _, words := range []string{"The tool says that it failed, after 1.0 s.", "Not as the tool's output schema promises: It has no todos.", "first□ line□[31m",
			"Sound · audio/wav", "4000 bytes. Waybill plays no sounds.", "Embedded resource · todo0://a", "embedded", "2 bytes that are no text.", "Something that this app does not know"} {
			r.wantText(words)
		}
		pictures := func() int {
			return len(find(r, func(i *canvas.Image) bool { return i.Image != nil && i.Resource == nil }))
		}
		if pictures() != 0 {
			t.Error("a picture is shown unasked")
		}
		r.tap("Show the picture")
		if pictures() != 1 {
			t.Error("the picture is not shown")
		}
		r.wantText("240 × 120 pixels")
		r.tap("Show the picture") // the other one
		r.wantText("This is no picture of a kind that is shown")
		r.wantCalls(r.b.called()[2:])
		r.tap("Read it at this server")
		r.tap("Read")
		r.wantCalls(r.b.called()[2:], "read todo0://todos/1")
		r.wantText(`"title": "Rotate the staging signing keys"`)
	})
}

// A text of any length is shown, some lines at a time.
func TestALongAnswerIsShownInPages(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.result.Structured, f.result.Verdict = nil, explore.NoSchema
		f.result.Parts = []explore.Part{{Kind: explore.TextPart, Text: explore.Said(strings.Repeat("line\n", 4000) + strings.Repeat("x", 3*lineChars))}}
		r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		r.wantText("Lines 1 to 1500 of 4005")
		r.tap("The lines after")
		r.tap("The lines after")
		r.wantText("Lines 3001 to 4005 of 4005")
		r.tap("The lines after")
		r.wantText("Lines 3001 to 4005 of 4005")
		r.tap("The lines before")
		r.tap("Copy as text")
		if n := len(r.app.Clipboard().Content()); n < 4000*5+3*lineChars {
			t.Errorf("%d characters are copied", n)
		}
	})
}

func TestACallThatFailsSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		f             *fault.Fault
		words, button string
	}{
		{fault.New(fault.StepCall, fault.Offline, "offline", "The resource could not be reached.").WithRemedy("Check the network."), "Check the network.", "Try again"},
		{fault.New(fault.StepCall, fault.StepUp, "step_up", "A stronger sign-in is asked for."), "A stronger sign-in", "Sign in again"},
		{fault.New(fault.StepCall, fault.Invalid, "bad", "The server does not take this.").WithServer(400, "no <b>milk</b>"), "“no <b>milk</b>”", ""},
	} {
		signedIn(t, func(r *rig) {
			r.onMCP().fail = c.f
			r.openExplorer()
			r.offer("List to-dos")
			r.tap("Call")
			r.wantText(c.f.Message)
			r.wantText(c.words)
			if c.button != "" {
				r.tap(c.button)
			} else {
				r.wantNoText("Try again")
			}
		})
	}
}

func TestAResourceIsReadAndItsChangesAreTold(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		p := r.openExplorer()
		r.offer("Rotate the staging signing keys")
		r.wantText("application/json · 312 bytes, it says")
		r.key(fyne.KeyReturn)
		r.wantText("Embedded resource · todo0://todos/1 · application/json")
		r.tap("Tell me when it changes")
		r.wantCalls(r.b.called(), "server", "read todo0://todos/1", "watch todo0://todos/1")
		f.watch.told(explore.News{URI: "todo0://todos/1"})
		r.settle()
		r.wantText("Changed at 12:05:00.")
		r.offer("Plan my day")
		r.offer("Rotate the staging signing keys") // the news stay
		r.tap("Read it again")
		r.wantNoText("Changed at")
		f.watch.err = fault.New(fault.StepCall, fault.Offline, "gone", "The connection was lost.")
		close(f.watch.done)
		r.settle()
		r.wantText("The server does not tell its changes any more. The connection was lost.")
		r.tap("Tell me when it changes") // off
		r.tap("Tell me when it changes")
		r.wantNoText("any more")
		again := f.watch
		p.w.showHome()
		r.settle()
		if !again.closed.Load() {
			t.Error("a watch stays after its page")
		}
	})
}

// Whoever watches a resource sees that changes may have been missed, and when, until
// it is read again.
func TestASubscriptionThatBreaksOffSaysThatChangesMayBeMissed(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		r.openExplorer()
		r.offer("Rotate the staging signing keys")
		r.tap("Tell me when it changes")
		tell := func(n explore.News) { f.watch.told(n); r.settle() }
		tell(explore.News{Kind: explore.BrokenOff, Why: fault.New(fault.StepCall, fault.Offline, "gone", "The connection was lost.")})
		r.wantText("Since 12:05:00 its changes are not told, and may be missed. Waybill subscribes again by itself. The connection was lost.")
		r.wantNoText("Read it again")
		tell(explore.News{Kind: explore.Renewed})
		r.wantText("Its changes were not told for a while, from 12:05:00 on. Some may have been missed.")
		tell(explore.News{URI: "todo0://todos/1"})
		r.wantText("Changed at 12:05:00. Its changes were not told for a while, from 12:05:00 on. Some may have been missed.")
		r.tap("Read it again")
		r.wantNoText("may have been missed")
		tell(explore.News{Kind: explore.BrokenOff, Why: fault.New(fault.StepCall, fault.Offline, "gone", "The connection was lost.")})
		r.key(fyne.KeyReturn) // read while it is broken off: it may change right after
		r.wantText("Since 12:05:00 its changes are not told")
	})
}

func TestATemplateIsFilledInAndRead(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.templates = append(f.templates, explore.Template{Pattern: "todo0://{", Name: "broken"})
		r.openExplorer()
		r.offer("One to-do")
		r.typed("a b")
		r.wantText("Reads todo0://todos/a%20b")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "server", "read todo0://todos/a%20b")
		r.offer("broken")
		r.wantText("The pattern cannot be read")
	})
}

func TestAPromptShowsWhatItGives(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Plan my day")
		r.key(fyne.KeyReturn)
		r.wantText("Fill this in: it is required.")
		r.typed("today")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "server", "prompt plan map[day:today]")
		r.wantText("1 · user")
		r.wantText("Plan my day around these to-dos.")
	})
}

func TestAnEndpointIsFilledInAndSent(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.wantOffers("A request of your own | About the API | TO-DOS | GET /api/todos | POST /api/todos | DELETE /api/todos/{id} | ACCOUNT | GET /api/me")
		r.offer("GET /api/todos")
		r.tap("Yes")
		d := r.w.explorer().detail.(*requestDetail)
		limit := d.params[1].places[""].focus.(*field)
		r.w.Canvas().Focus(limit)
		r.typed("500")
		r.key(fyne.KeyReturn)
		r.wantText("This must be at most 100.")
		r.wantCalls(r.b.called(), "endpoints")
		limit.SetText("5")
		r.tap("Send")
		r.wantCalls(r.b.called(), "endpoints", "send GET /api/todos [{completed true} {limit 5}] [] ")
		r.wantText("200 OK")
		r.wantText("84 bytes on the wire")
		r.tap("Edit freely")
		r.tap("Copy as curl")
		if words := r.app.Clipboard().Content(); !strings.Contains(words, "completed=true") || !strings.Contains(words, "$ACCESS_TOKEN") {
			t.Errorf("copied was %s", words)
		}
		r.offer("POST /api/todos")
		r.typed("Milk")
		r.tap("Send")
		r.wantCalls(r.b.called()[2:], `send POST /api/todos [] [{Content-Type application/json}] {"title":"Milk","priority":"medium"}`)
		r.offer("About the API")
		r.wantText("OpenAPI 3.1.0")
		r.wantText("HTTP 404. There is nothing.")
	})
}

func TestADeletionAsksFirst(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.offer("DELETE /api/todos/{id}")
		r.tap("Send")
		r.wantText("Not sent: look at id.")
		r.typed("17/../1")
		r.key(fyne.KeyReturn)
		r.wantText("http://127.0.0.1:9003/api/todos/17%2F..%2F1")
		r.tap("Do not send")
		r.wantCalls(r.b.called(), "endpoints")
		r.key(fyne.KeyReturn)
		r.tap("Send it")
		r.wantCalls(r.b.called()[1:], "send DELETE /api/todos/17%2F..%2F1 [] [] ")
	})
}

func TestARequestOfOnesOwnGoesToItsResourceAlone(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.offer("A request of your own")
		d := r.w.explorer().detail.(*requestDetail)
		d.path.set("https://elsewhere.example/api")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "endpoints")
		if !d.wrong.Visible() {
			t.Error("nothing is said")
		}
		d.path.set("/api/todos")
		r.tap("Add a header field")
		r.typed("X-Api-Key")
		if row := find(r, func(f *field) bool { return f.Password }); len(row) != 1 {
			t.Error("a secret is shown as it is typed")
		}
		r.tap("Remove header field 1")
		r.tap("Add a header field")
		r.typed("Authorization")
		r.tap("Send")
		r.wantText("The header field Authorization cannot be set")
		r.tap("Remove header field 1")
		r.b.rest.answer.Status, r.b.rest.answer.Location = 302, "https://elsewhere.example/\u202e"
		r.tap("POST")
		d.body.SetText("{}")
		r.tap("Send")
		r.wantCalls(r.b.called()[1:], "send POST /api/todos [] [] {}")
		r.wantText("It redirects to https://elsewhere.example/")
		r.wantText("That was not followed")
	})
}

func TestFavouritesAreNamedAndRemoved(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.offer("GET /api/me")
		r.tap("Send")
		r.tap("Make it a favourite")
		r.key(fyne.KeyReturn)
		r.wantText("Give it a name.")
		r.typed("Who am I?")
		r.key(fyne.KeyReturn)
		r.wantOffers("A request of your own | About the API | FAVOURITES | Who am I? | TO-DOS | GET /api/todos | POST /api/todos | DELETE /api/todos/{id} | ACCOUNT | GET /api/me | HISTORY | GET /api/me")
		r.offer("Who am I?")
		r.tap("Rename")
		r.focusedField().SetText("Me")
		r.tap("Keep")
		r.offer("Me")
		r.tap("Send") // it is the same call again
		r.wantCalls(r.b.called(), "endpoints", "send GET /api/me [] [] ", "send GET /api/me [] [] ")
		r.tap("Remove")
		r.wantOffers("A request of your own | About the API | TO-DOS | GET /api/todos | POST /api/todos | DELETE /api/todos/{id} | ACCOUNT | GET /api/me | HISTORY | GET /api/me")
		r.command("explorer-forget")
		r.wantOffers("A request of your own | About the API | TO-DOS | GET /api/todos | POST /api/todos | DELETE /api/todos/{id} | ACCOUNT | GET /api/me")
	})
}

func TestACallOfAToolThatIsGoneIsStillThere(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.b.kept.Add(explore.Call{At: noon.Add(-48 * time.Hour), Failed: true, Tool: &explore.ToolCall{Name: "old_tool", Arguments: json.RawMessage(`{"token":"x"}`)}})
		r.openExplorer()
		r.offer("old_tool")
		r.wantText("Called 21 Nov, 12:05 · failed.")
		r.wantText("Not kept, since it may be secret or is too long, and to be entered again: token.")
		r.wantText("The server does not offer this any more")
	})
}

func TestACallIsFoundOnTheFlowPage(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.rest.answer.Run = 7
		r.showRuns(goodRun(9, noon), goodRun(7, lately))
		r.openExplorer()
		r.offer("GET /api/me")
		r.tap("Send")
		r.wantText("Open in Flow")
		r.command("explorer-flow")
		if p := r.w.flow(); p == nil || p.run == nil || p.run.ID != 7 {
			t.Fatalf("the page is a %T", r.w.page)
		}
	})
}

// What an MCP server was asked is found too, whether it answered or not, and not
// the sync that has begun since.
func TestWhatAnMCPServerWasAskedIsFoundOnTheFlowPage(t *testing.T) {
	for label, taps := range map[string]string{"List to-dos": "Call", "Rotate the staging signing keys": "Read", "Plan my day": "Show what it gives"} {
		for _, fails := range []bool{false, true} {
			signedIn(t, func(r *rig) {
				f := r.onMCP()
				if f.run = 7; fails {
					f.failIn(fault.New(fault.StepCall, fault.Offline, "offline", "The server could not be reached."))
				}
				f.prompts[0].Arguments = nil
				r.showRuns(goodRun(9, noon), goodRun(7, lately))
				r.openExplorer()
				r.offer(label)
				r.tap(taps)
				r.tap("Open in Flow")
				if p := r.w.flow(); p == nil || p.run == nil || p.run.ID != 7 {
					t.Errorf("%s, fails %v: the page is a %T", label, fails, r.w.page)
				}
			})
		}
	}
}

// Why there is nothing to be seen, and what to do about it.
func TestTheExplorerSaysWhyNothingIsThere(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.openExplorer()
		r.wantText("Nobody is signed in")
		r.tap("Choose a connection")
	})
	signedIn(t, func(r *rig) {
		r.b.pause = make(chan struct{})
		r.openExplorer()
		r.wantText("Asking what is offered")
		r.tap("Cancel")
		r.wantText("You stopped it.")
		r.b.pause = nil
		r.b.fail = fault.New(fault.StepCall, fault.Offline, "offline", "The resource could not be reached.").WithRemedy("Check the network.")
		r.tap("Try again")
		r.wantText("The resource cannot be reached")
		r.wantText("Check the network.")
		r.b.fail = fault.New(fault.StepCall, fault.SignInNeeded, "over", "The session is over.")
		r.tap("Try again")
		r.b.fail = nil
		r.tap("Sign in again")
		if r.w.waiting() == nil {
			t.Fatalf("the page is a %T", r.w.page)
		}
		r.w.waiting().cancel()
		r.settle()
	})
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.server.Can = explore.Capabilities{}
		r.openExplorer()
		r.wantText("offers nothing")
		r.wantText("It declares nothing.")
	})
}

// The page follows the account that is open.
func TestTheExplorerFollowsTheAccount(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.offer("GET /api/me")
		r.tap("Send")
		r.onMCP()
		r.wantNoText("200 OK")
		r.wantText("Todo0 2.4.1")
		r.b.states.Store(&session.State{Phase: session.SignedOut, Connections: builtinConnections()})
		r.settle()
		r.wantText("Nobody is signed in")
		r.wantNoText("Todo0")
	})
}

// What came of a call that was made from far above is brought into sight.
func TestAnAnswerComesIntoSight(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		p := r.openExplorer()
		r.w.win.Resize(fyne.NewSize(900, 420))
		r.offer("Add a to-do")
		r.typed("Milk")
		r.key(fyne.KeyReturn)
		d := p.detail.(*toolDetail)
		down, there := downTo(p.scroll.Content, d.result.box)
		if top := down - p.scroll.Offset.Y; !there || top < 0 || top > p.scroll.Size().Height/2 {
			t.Errorf("the answer begins at %v of %v", top, p.scroll.Size().Height)
		}
	})
}

// What belongs to a letter is shown as it is, and what is not seen as an escape.
func TestWhatIsNotSeenInJSONStandsAsAnEscape(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"حدّث é 购 👩"}`: `{"a":"حدّث é 购 👩"}`, "{\"a\":\"\u202e\"}": `{"a":"\u202e"}`, "[\"\U000e0041\"]": `["\udb40\udc41"]`, "{\n\t}": "{\n\t}",
	} {
		if got := visibleJSON(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
	if got := visiblePath("/a\u202e/é%20"); got != "/a%E2%80%AE/é%20" {
		t.Errorf("the path becomes %q", got)
	}
}
