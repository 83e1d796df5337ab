package gui

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/explore"
	"waybill/fault"
)

// sayEverywhere has a server say these words in every place where it can say
// something.
func sayEverywhere(f *fakeMCP, words string) {
	said := explore.Said(words)
	quoted := func(text string) string { data, _ := json.Marshal(text); return string(data) }
	long, longer := explore.Said(words+" "+words), explore.Said(strings.Repeat(words+" ", 12))
	f.server = explore.Server{Name: said, Title: said, Version: said, Protocol: words, Website: said, Description: long, Instructions: longer,
		Can: explore.Capabilities{Tools: true, Resources: true, Prompts: true, Subscribe: true, Extensions: []explore.Said{said}, Experimental: []explore.Said{said}}}
	schema := json.RawMessage(`{"type":"object","required":["a"],"properties":{
		"a":{"type":"string","title":` + quoted(words) + `,"description":` + quoted(words) + `,"default":` + quoted(words) + `},
		"b":{"enum":[` + quoted(words) + `,"x","y","z"],"default":` + quoted(words) + `},
		"c":{"type":"boolean","title":` + quoted(words) + `},
		"d":{"type":"array","title":` + quoted(words) + `,"items":{"type":"object","properties":{"e":{"type":"array","items":{"type":"string"}}}},"default":[{"e":[` + quoted(words) + `]}]},
		` + quoted(words) + `:{"type":"object","properties":{"f":{"type":"integer"},"g":{"type":"object","properties":{` + quoted(words) + `:{"type":"number"}}}}}}}`)
	for i := range f.tools {
		t := &f.tools[i]
		t.Title, t.Description, t.Input = said, long, schema
		t.Name = said + explore.Said(strconv.Itoa(i))
		t.Warnings = []explore.Warning{{Kind: explore.LooksLike, Other: said}}
	}
	f.resources[0] = explore.Resource{URI: said, Name: said, Title: said, Description: long, MIMEType: said, Size: 12, Warnings: []explore.Warning{{Kind: explore.Duplicate}}}
	f.templates[0].Title, f.templates[0].Pattern, f.templates[0].Description = said, said, long
	f.templates[0].Variables = []string{words}
	f.prompts[0] = explore.Prompt{Name: said, Title: said, Description: long, Arguments: []explore.Argument{{Name: said, Title: said, Description: long, Required: true}}}
	f.result = explore.Result{Failed: true, Verdict: explore.Breaks, Why: words, Structured: json.RawMessage(`{` + quoted(words) + `:` + quoted(words) + `}`), Took: time.Second, Parts: []explore.Part{
		{Kind: explore.TextPart, Text: said}, {Kind: explore.ImagePart, MIMEType: said, Data: []byte{1}}, {Kind: explore.AudioPart, MIMEType: said, Data: []byte{1}},
		{Kind: explore.Link, URI: said, Title: said, Description: long, MIMEType: said}, {Kind: explore.Embedded, URI: said, MIMEType: said, Data: []byte{1}}, {Kind: explore.Unknown, URI: said}}}
	f.parts = f.result.Parts
	f.messages = explore.Messages{Description: said, Messages: []explore.Message{{Role: said, Part: f.result.Parts[0]}, {Role: said, Part: f.result.Parts[3]}}}
	f.progress = []explore.Progress{{Done: 1, Total: 2, Message: said}}
}

// apiSays is the same of a REST API.
func apiSays(f *fakeREST, words string) {
	said := explore.Said(words)
	quoted, _ := json.Marshal(words)
	for i := range f.endpoints.Operations {
		o := &f.endpoints.Operations[i]
		o.Summary, o.Description, o.Group, o.Path = said, explore.Said(words+" "+words), said, "/"+words
		o.Deprecated = true
		o.Parameters = []explore.Parameter{{In: explore.InQuery, Name: words, Description: said, Required: true, Deprecated: true, Schema: json.RawMessage(`{"type":"string","default":` + string(quoted) + `}`)}}
	}
	f.endpoints.Document = &explore.Document{Address: words, Format: words, Title: said, Version: said, Description: said, Elsewhere: said, LeftOut: 2, Notes: []string{words}}
	f.endpoints.Looked = []explore.Looked{{Address: words, Why: words, Status: 404}}
	f.answer.Header, f.answer.Location, f.answer.Cut, f.answer.Status = []explore.Field{{Name: said, Value: said}}, said, words, 302
	f.answer.Address, f.answer.Protocol, f.answer.Body = words, words, []byte(words)
	f.answer.Problem = fault.New(fault.StepCall, fault.Denied, "denied", "Not allowed.").WithServer(403, words)
}

// nth goes to the n-th offer of the list that is no title.
func (r *rig) nth(n int) {
	r.Helper()
	p := r.w.explorer()
	for i, o := range p.list.offers {
		if o.key == "" {
			continue
		}
		if n--; n < 0 {
			p.list.at = i
			p.choose(o, true)
			r.settle()
			return
		}
	}
	r.Fatalf("the list is too short: %s", r.offersOf())
}

// exploreScenes are the states of the page.
func exploreScenes() map[string]func(r *rig, words string) {
	mcp := func(n int, then func(r *rig)) func(r *rig, words string) {
		return func(r *rig, words string) {
			sayEverywhere(r.onMCP(), words)
			r.openExplorer()
			r.nth(n)
			if then != nil {
				then(r)
			}
		}
	}
	rest := func(n int, then func(r *rig)) func(r *rig, words string) {
		return func(r *rig, words string) {
			apiSays(r.b.rest, words)
			r.b.kept.Add(explore.Call{At: noon, REST: &explore.Request{Method: "GET", Path: "/" + words, Query: []explore.Pair{{Name: words, Value: words}}}, Left: []string{words}})
			_ = r.b.kept.Name(r.b.kept.Calls[0].ID, show(words, 20))
			r.openExplorer()
			r.nth(n)
			if then != nil {
				then(r)
			}
		}
	}
	press := func(words string) func(r *rig) { return func(r *rig) { r.tap(words) } }
	return map[string]func(r *rig, words string){
		"list":       func(r *rig, words string) { sayEverywhere(r.onMCP(), words); r.openExplorer() },
		"server":     mcp(0, press("Show all of it")),
		"tool":       mcp(2, nil),
		"wrong":      mcp(2, func(r *rig) { r.w.explorer().detail.(*toolDetail).args.text.SetText("{"); r.tap("Call") }),
		"result":     mcp(1, press("Call")),
		"ask":        mcp(3, press("Call")),
		"resource":   mcp(4, func(r *rig) { r.tap("Tell me when it changes"); r.tap("Read") }),
		"prompt":     mcp(6, nil),
		"calling":    mcp(1, func(r *rig) { r.b.pause = make(chan struct{}); r.tap("Call") }),
		"api":        rest(1, nil),
		"own":        rest(0, func(r *rig) { r.tap("Add a query parameter"); r.tap("Add a header field") }),
		"favourite":  rest(2, nil),
		"rename":     rest(2, press("Rename")),
		"endpoint":   rest(3, press("Query and header of your own")),
		"body":       rest(4, nil),
		"answer":     rest(3, press("Send")),
		"deletion":   rest(5, press("Send")),
		"no session": func(r *rig, words string) { r.b.fail = refusedWith(words); r.openExplorer() },
	}
}

func TestEverythingOfTheExplorerThatCanBePressedIsThereInWhole(t *testing.T) {
	testInWhole(t, exploreScenes())
}

// S84: what a server says to do harm reaches the screen through the sanitiser
// only, in whatever place it says it.
func TestS84_HostileTextInTheExplorerIsShownHarmless(t *testing.T) {
	for name, scene := range exploreScenes() {
		t.Run(name, func(t *testing.T) {
			signedIn(t, func(r *rig) {
				scene(r, "a\x1b[31m\u202e\x00\u200b\U000e0041 and so on, quite a while"[:30]+" and more")
				r.settle()
				seen := r.text()
				for _, f := range find(r, func(*field) bool { return true }) {
					seen += f.Text
				}
				for _, o := range find(r, func(o fyne.CanvasObject) bool { _, is := o.(accessible); return is }) {
					seen += o.(accessible).AccessibilityLabel()
				}
				for _, row := range find(r, func(*offerRow) bool { return true }) {
					seen += row.label
				}
				for i, c := range seen {
					if strings.ContainsRune("\x1b\u202e\x00\u200b\U000e0041", c) {
						t.Fatalf("on screen is %q", seen[max(0, i-60):min(len(seen), i+30)])
					}
				}
			})
		})
	}
}
