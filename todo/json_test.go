package todo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"waybill/todo"
)

var due = time.Date(2026, 11, 24, 17, 0, 0, 0, time.UTC)

func full() todo.Todo {
	return todo.Todo{
		ID: "t1", Title: "Rotate the \"staging\" keys\n", Description: "Old kid stays for 24 h. <b>&é\u2028</b>",
		Completed: true, Priority: todo.High, Tags: []string{"security", "naïve \\ tag"}, Due: due, ETag: `"abc"`,
		Extra: map[string]json.RawMessage{"colour": json.RawMessage(`{"r":1}`), "assignee": json.RawMessage(`null`)},
	}
}

func TestTodoRoundTripKeepsEverything(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var back todo.Todo
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, full()) {
		t.Errorf("came back as %+v\nfrom %s", back, text)
	}
}

func TestTodoIsWrittenInTodo0sShape(t *testing.T) {
	for name, c := range map[string]struct {
		item todo.Todo
		want string
	}{
		"empty":          {todo.Todo{}, `{"id":"","title":"","completed":false}`},
		"all":            {todo.Todo{ID: "1", Title: "A", Description: "B", Completed: true, Priority: todo.Low, Tags: []string{"x", "y"}, Due: due, ETag: `"e"`}, `{"id":"1","title":"A","description":"B","completed":true,"priority":"low","tags":["x","y"],"dueDate":"2026-11-24T17:00:00Z","etag":"\"e\""}`},
		"extra sorted":   {todo.Todo{ID: "1", Extra: map[string]json.RawMessage{"b": json.RawMessage("2"), "a": json.RawMessage("1"), "n": nil}}, `{"id":"1","title":"","completed":false,"a":1,"b":2,"n":null}`},
		"field wins":     {todo.Todo{ID: "1", Priority: todo.High, Extra: map[string]json.RawMessage{"priority": json.RawMessage("3")}}, `{"id":"1","title":"","completed":false,"priority":"high"}`},
		"extra stands":   {todo.Todo{ID: "1", Extra: map[string]json.RawMessage{"priority": json.RawMessage("3"), "title": json.RawMessage("4")}}, `{"id":"1","completed":false,"priority":3,"title":4}`},
		"not UTF-8":      {todo.Todo{ID: "\xff"}, `{"id":"\ufffd","title":"","completed":false}`},
		"due with zone":  {todo.Todo{ID: "1", Due: due.In(time.FixedZone("", 3600))}, `{"id":"1","title":"","completed":false,"dueDate":"2026-11-24T17:00:00Z"}`},
		"no HTML escape": {todo.Todo{ID: "<&>"}, `{"id":"<&>","title":"","completed":false}`},
	} {
		got, err := c.item.MarshalJSON()
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}

func TestTodoIsReadLeniently(t *testing.T) {
	raw := func(kv ...string) map[string]json.RawMessage {
		m := map[string]json.RawMessage{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = json.RawMessage(kv[i+1])
		}
		return m
	}
	for name, c := range map[string]struct {
		text string
		want todo.Todo
	}{
		"nothing":           {`{}`, todo.Todo{}},
		"nulls":             {`{"id":null,"title":null,"completed":null,"tags":null,"dueDate":null,"priority":null}`, todo.Todo{}},
		"number id":         {`{"id":9007199254740993}`, todo.Todo{ID: "9007199254740993"}},
		"blanks":            {" {\t\"id\" : \"a\" ,\n\"completed\" : true } ", todo.Todo{ID: "a", Completed: true}},
		"priority in caps":  {`{"priority":"HIGH"}`, todo.Todo{Priority: todo.High}},
		"unknown priority":  {`{"priority":"urgent"}`, todo.Todo{Priority: "urgent"}},
		"completed as text": {`{"completed":"true"}`, todo.Todo{Completed: true}},
		"completed as 1":    {`{"completed":1}`, todo.Todo{Completed: true}},
		"date alone":        {`{"dueDate":"2026-11-24"}`, todo.Todo{Due: due.Add(-17 * time.Hour)}},
		"due without zone":  {`{"dueDate":"2026-11-24T17:00:00"}`, todo.Todo{Due: due}},
		"due with offset":   {`{"dueDate":"2026-11-24T18:00:00.000+01:00"}`, todo.Todo{Due: due}},
		"empty due":         {`{"dueDate":""}`, todo.Todo{}},
		"strange due":       {`{"dueDate":"next week"}`, todo.Todo{Extra: raw("dueDate", `"next week"`)}},
		"due beyond 9999":   {`{"dueDate":"9999-12-31T23:59:59-14:00"}`, todo.Todo{Extra: raw("dueDate", `"9999-12-31T23:59:59-14:00"`)}},
		"strange tags":      {`{"tags":["a",1]}`, todo.Todo{Extra: raw("tags", `["a",1]`)}},
		"tags as text":      {`{"tags":"a,b"}`, todo.Todo{Extra: raw("tags", `"a,b"`)}},
		"strange title":     {`{"title":{"text":"x"}}`, todo.Todo{Extra: raw("title", `{"text":"x"}`)}},
		"unknown members":   {`{"a":[1,{"b":"]}"}],"\u0062":"x"}`, todo.Todo{Extra: raw("a", `[1,{"b":"]}"}]`, "b", `"x"`)}},
		"case matters":      {`{"Title":"x"}`, todo.Todo{Extra: raw("Title", `"x"`)}},
		"last one counts":   {`{"title":5,"title":"a","title":"b"}`, todo.Todo{Title: "b", Extra: raw()}},
		"lone surrogate":    {`{"title":"a\ud800b"}`, todo.Todo{Title: "a\ufffdb"}},
		"not UTF-8":         {"{\"title\":\"a\xffb\"}", todo.Todo{Title: "a\ufffdb"}},
	} {
		var got todo.Todo
		if err := json.Unmarshal([]byte(c.text), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestTodoRefusesWhatIsNoObject(t *testing.T) {
	for _, text := range []string{``, `[]`, `1`, `"x"`, `null`, `{`, `{"id":}`} {
		item := todo.Todo{Title: "kept"}
		if err := item.UnmarshalJSON([]byte(text)); err == nil || item.Title != "kept" {
			t.Errorf("%q: error %v, item %+v", text, err, item)
		}
	}
}

func TestTodoBeyondALimitIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"bytes":   `{"title":"` + strings.Repeat("x", todo.MaxItemBytes) + `"}`,
		"members": `{` + strings.Repeat(`"a":1,`, todo.MaxMembers) + `"b":1}`,
		"tags":    `{"tags":[` + strings.Repeat(`"a",`, todo.MaxTags) + `"b"]}`,
	} {
		var item todo.Todo
		if err := item.UnmarshalJSON([]byte(text)); !errors.Is(err, todo.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPatchTellsAbsentFromCleared(t *testing.T) {
	var p todo.Patch
	if err := json.Unmarshal([]byte(`{"description":null,"tags":null,"dueDate":null,"priority":null,"color":"x"}`), &p); err != nil {
		t.Fatal(err)
	}
	if p.Title != nil || p.Completed != nil {
		t.Errorf("absent members are set: %+v", p)
	}
	if p.Description == nil || p.Tags == nil || p.Due == nil || p.Priority == nil {
		t.Fatalf("null is not cleared: %+v", p)
	}
	if *p.Description != "" || len(*p.Tags) != 0 || !p.Due.IsZero() || *p.Priority != todo.NoPriority {
		t.Errorf("cleared is not empty: %+v", p)
	}
	text, err := json.Marshal(p)
	if err != nil || string(text) != `{"description":null,"priority":null,"tags":null,"dueDate":null}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestPatchRoundTrip(t *testing.T) {
	title, done, prio, tags, at := "new", false, todo.Low, []string{"a"}, due
	for want, p := range map[string]todo.Patch{
		`{}`: {},
		`{"title":"new","completed":false,"priority":"low","tags":["a"],"dueDate":"2026-11-24T17:00:00Z"}`: {
			Title: &title, Completed: &done, Priority: &prio, Tags: &tags, Due: &at},
	} {
		text, err := json.Marshal(p)
		if err != nil || string(text) != want {
			t.Errorf("%s, %v; want %s", text, err, want)
		}
		var back todo.Patch
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("came back as %+v, %v", back, err)
		}
	}
}

func TestPatchOfAWrongTypeIsRefused(t *testing.T) {
	for _, text := range []string{`[]`, `null`, `{"title":1}`, `{"completed":"maybe"}`, `{"tags":"a"}`, `{"tags":[1]}`, `{"dueDate":"soon"}`, `{"priority":5}`, `{`} {
		var p todo.Patch
		if err := p.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s was taken as %+v", text, p)
		}
	}
}

func TestDecodeListReadsEveryKnownShape(t *testing.T) {
	const a, b = `{"id":"a","title":"A"}`, `{"id":2,"title":"B"}`
	for name, c := range map[string]struct {
		text, user string
		ids        string
		complete   bool
		skipped    int
	}{
		"Todo0":                 {`{"success":true,"count":2,"user":"alice","data":[` + a + `,` + b + `]}`, "alice", "a 2", true, 0},
		"bare array":            {`[` + a + `,` + b + `]`, "", "a 2", true, 0},
		"todos":                 {`{"todos":[` + a + `]}`, "", "a", true, 0},
		"items":                 {`{"items":[` + a + `]}`, "", "a", true, 0},
		"results":               {`{"results":[` + a + `]}`, "", "a", true, 0},
		"inside data":           {`{"data":{"todos":[` + a + `],"user":"u"}}`, "u", "a", true, 0},
		"empty":                 {`{"success":true,"count":0,"data":[]}`, "", "", true, 0},
		"empty bare":            {` [ ] `, "", "", true, 0},
		"single bare":           {a, "", "a", true, 0},
		"single under data":     {`{"success":true,"data":` + b + `}`, "", "2", true, 0},
		"item with own items":   {`{"id":"p","title":"parent","items":[{"id":"c","title":"child"}]}`, "", "p", true, 0},
		"array with an id":      {`{"id":"list1","todos":[` + a + `]}`, "", "a", true, 0},
		"to-do with an error":   {`{"data":{"id":"a","title":"A","error":"its own"}}`, "", "a", true, 0},
		"error null":            {`{"error":null,"data":[` + a + `]}`, "", "a", true, 0},
		"data null, todos":      {`{"data":null,"todos":[` + a + `]}`, "", "a", true, 0},
		"count above":           {`{"count":3,"data":[` + a + `]}`, "", "a", false, 0},
		"total above":           {`{"total":10,"items":[` + a + `]}`, "", "a", false, 0},
		"next page":             {`{"data":[` + a + `],"next":"/page/2"}`, "", "a", false, 0},
		"no next page":          {`{"data":[` + a + `],"next":null,"hasMore":false}`, "", "a", true, 0},
		"cursor inside data":    {`{"data":{"items":[` + a + `],"nextCursor":"x"}}`, "", "a", false, 0},
		"entries of other kind": {`[1,null,"x",[],{},{"title":"no id"},` + a + `]`, "", "a", false, 6},
		"same id twice":         {`[` + a + `,{"id":"a","title":"other"}]`, "", "a", false, 1},
		"one entry too large":   {`[` + a + `,{"id":"x","tags":[` + strings.Repeat(`"t",`, todo.MaxTags) + `"t"]}]`, "", "a", false, 1},
	} {
		l, err := todo.DecodeList([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var ids []string
		for _, item := range l.Todos {
			ids = append(ids, item.ID)
		}
		if got := strings.Join(ids, " "); got != c.ids || l.User != c.user || l.Complete != c.complete || l.Skipped != c.skipped {
			t.Errorf("%s: ids %q user %q complete %v skipped %d", name, got, l.User, l.Complete, l.Skipped)
		}
	}
}

func TestDecodeListNamesTheNextPage(t *testing.T) {
	for text, want := range map[string]string{
		`{"data":[],"nextCursor":"abc"}`:           "abc",
		`{"data":{"items":[],"next_cursor":17}}`:   "17",
		`{"data":[],"nextCursor":null}`:            "",
		`{"data":[],"next":"https://api.example"}`: "",
	} {
		if l, err := todo.DecodeList([]byte(text)); err != nil || l.Next != want {
			t.Errorf("%s: next %q, %v", text, l.Next, err)
		}
	}
}

func TestDecodeListRaisesAnErrorMember(t *testing.T) {
	for text, want := range map[string]todo.AnswerError{
		`{"error":"insufficient_scope","error_description":"todos.read is missing"}`: {Code: "insufficient_scope", Message: "todos.read is missing"},
		`{"error":"Scope todos.read is missing"}`:                                    {Message: "Scope todos.read is missing"},
		`{"error":{"code":403,"message":"no"},"data":[]}`:                            {Code: "403", Message: "no"},
		`{"success":false,"message":"no"}`:                                           {Message: "no"},
		`{"data":{"error":"forbidden"}}`:                                             {Code: "forbidden"},
		`{"error":true}`:                                                             {},
	} {
		_, err := todo.DecodeList([]byte(text))
		var got *todo.AnswerError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", text, err)
		} else if *got != want {
			t.Errorf("%s: %+v", text, *got)
		} else if strings.Contains(err.Error(), "scope") {
			t.Errorf("the server's words are in %q", err)
		}
	}
}

func TestDecodeListRefusesEverythingElse(t *testing.T) {
	for _, text := range []string{``, ` `, `null`, `1`, `"x"`, `{}`, `{"success":true}`, `{"data":null}`, `{"data":"x"}`,
		`{"data":{"data":{"data":[]}}}`, `<html>`, `[`, `[]x`, `{"data":{"title":"no id"}}`, strings.Repeat("[", 100_000)} {
		if l, err := todo.DecodeList([]byte(text)); err == nil {
			t.Errorf("%.40q was taken as %+v", text, l)
		}
	}
	if _, err := todo.DecodeList([]byte("[" + strings.Repeat("0,", todo.MaxList) + "0]")); !errors.Is(err, todo.ErrTooLarge) {
		t.Errorf("a listing beyond the limit: %v", err)
	}
}

func TestDecodeItem(t *testing.T) {
	if item, err := todo.DecodeItem([]byte(`{"data":{"id":7,"title":"x"}}`)); err != nil || item.ID != "7" {
		t.Errorf("%+v, %v", item, err)
	}
	for _, text := range []string{`[]`, `[{"id":1},{"id":2}]`, `{"error":"x"}`, `{}`} {
		if item, err := todo.DecodeItem([]byte(text)); err == nil {
			t.Errorf("%s was taken as %+v", text, item)
		}
	}
}

// The scanner's reading must be encoding/json's reading: what differs would be
// an item that one part of the app sees otherwise than another.
func FuzzTodoAgainstEncodingJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"id":1,"a":{"b":[1,"}"]},"\u0061":2}`, `{"title":"x\"y","tags":["a","b"]}`, `{"a" : 1 , "b":[ ] }`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var item todo.Todo
		err := item.UnmarshalJSON(data)
		var members map[string]json.RawMessage
		if ref := json.Unmarshal(data, &members); err == nil && (ref != nil || members == nil) {
			t.Fatalf("taken, but encoding/json says %v", ref)
		}
		if err != nil {
			return
		}
		for name, value := range item.Extra {
			if string(members[name]) != string(value) {
				t.Fatalf("member %q is %s, encoding/json says %s", name, value, members[name])
			}
		}
		var title string
		if json.Unmarshal(members["title"], &title) == nil && title != item.Title {
			t.Fatalf("title %q, encoding/json says %q", item.Title, title)
		}
		text, err := json.Marshal(item)
		var back todo.Todo
		if err != nil || json.Unmarshal(text, &back) != nil || back.ID != item.ID || back.Title != item.Title || !back.Due.Equal(item.Due) {
			t.Fatalf("%s came back as %+v (%v)", text, back, err)
		}
	})
}

func FuzzDecodeList(f *testing.F) {
	for _, seed := range []string{`[]`, `{"data":[{"id":1}]}`, `{"data":{"items":[]}}`, `{"error":"x"}`, `{"id":"a","title":""}`, `[{"id":"a"},{"id":"a"}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := todo.DecodeList(data)
		if err != nil {
			if len(l.Todos) > 0 {
				t.Fatal("to-dos beside an error")
			}
			return
		}
		seen := map[string]bool{}
		for _, item := range l.Todos {
			if item.ID == "" || seen[item.ID] {
				t.Fatalf("id %q is empty or double", item.ID)
			}
			seen[item.ID] = true
		}
		if l.Complete && l.Skipped > 0 {
			t.Fatal("complete with skipped entries")
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, seed := range []string{`{}`, `{"title":"x","tags":null}`, `{"dueDate":"2026-11-24","completed":true}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, back todo.Patch
		if p.UnmarshalJSON(data) != nil {
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(text) {
			t.Fatalf("%s became %s (%v)", text, again, err)
		}
	})
}

func BenchmarkDecodeList(b *testing.B) {
	one, err := json.Marshal(full())
	if err != nil {
		b.Fatal(err)
	}
	text := []byte{'['}
	for i := range 10_000 {
		item := strings.Replace(string(one), `"t1"`, `"`+string(rune('a'+i%26))+strings.Repeat("0", i%7)+time.Unix(int64(i), 0).UTC().Format("150405.000")+`"`, 1)
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, item...)
	}
	text = append(text, ']')
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := todo.DecodeList(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		type bare struct {
			ID, Title, Description, Priority string
			Completed                        bool
			Tags                             []string
			DueDate                          time.Time
		}
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var list []bare
			if err := json.Unmarshal(text, &list); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func ExampleDecodeList() {
	answer := []byte(`{"success":true,"count":2,"user":"alice","data":[
		{"id":1,"title":"Ship release notes","completed":false,"dueDate":"2026-11-24"},
		{"id":"b","title":"Write the guide","completed":true,"colour":"red"}]}`)
	list, err := todo.DecodeList(answer)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range list.Todos {
		fmt.Printf("%s %q completed=%v colour=%s\n", item.ID, item.Title, item.Completed, item.Extra["colour"])
	}
	// Output:
	// 1 "Ship release notes" completed=false colour=
	// b "Write the guide" completed=true colour="red"
}
