package form_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"waybill/form"
)

// same reports whether two JSON texts are the same value.
func same(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatalf("%v in %s or %s", err, a, b)
	}
	return reflect.DeepEqual(x, y)
}

// Of the test collection's schemas, whatever is entered in the form and valid
// comes out as the same JSON, and what is not is refused.
func TestEverySchemaOfTheTestCollectionIsAForm(t *testing.T) {
	type group struct {
		Description string
		Schema      json.RawMessage
		Tests       []struct {
			Description string
			Data        json.RawMessage
			Valid       bool
		}
	}
	accepted, refused, fields := 0, 0, 0
	for _, name := range []string{"type", "enum", "required", "properties", "items"} {
		data, err := os.ReadFile(filepath.Join("testdata", "draft2020-12", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var groups []group
		if err := json.Unmarshal(data, &groups); err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			f := form.New(g.Schema)
			if f.Problem != "" {
				t.Errorf("%s, %s: %s", name, g.Description, f.Problem)
			}
			for _, c := range g.Tests {
				v, err := f.Fill(c.Data)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", name, g.Description, c.Description, err)
				}
				if !v.AsJSON {
					fields++
				}
				out, wrong := f.Check(v)
				switch {
				case c.Valid && len(wrong) > 0:
					t.Errorf("%s, %s, %s: refused: %v", name, g.Description, c.Description, wrong)
				case c.Valid && !same(t, out, c.Data):
					t.Errorf("%s, %s, %s: %s came out as %s", name, g.Description, c.Description, c.Data, out)
				case !c.Valid && len(wrong) == 0:
					t.Errorf("%s, %s, %s: %s was accepted", name, g.Description, c.Description, c.Data)
				case c.Valid:
					accepted++
				default:
					refused++
				}
			}
		}
	}
	t.Logf("%d values accepted, %d refused, %d of them entered in fields", accepted, refused, fields)
	if accepted < 80 || refused < 80 {
		t.Error("the collection is not whole")
	}
}

const order = `{
	"type": "object",
	"required": ["item", "count"],
	"additionalProperties": false,
	"properties": {
		"item": {"type": "string", "title": "What", "minLength": 2, "pattern": "^[a-z]+$"},
		"count": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
		"price": {"type": ["number", "null"]},
		"gift": {"type": "boolean", "default": false},
		"size": {"enum": ["S", "M", 7]},
		"colour": {"oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]},
		"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
		"to": {"$ref": "#/$defs/address"},
		"note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null, "description": "For the card."},
		"more": {}
	},
	"$defs": {"address": {"type": "object", "required": ["town"], "properties": {"town": {"type": "string"}, "next": {"$ref": "#/$defs/address"}}}}
}`

func member(t *testing.T, v *form.Value, name string) *form.Value {
	t.Helper()
	for _, m := range v.Members {
		if m.Field.Name == name {
			return m
		}
	}
	t.Fatalf("no member %s", name)
	return nil
}

func TestFieldsAreMadeOfASchemaInItsOrder(t *testing.T) {
	f := form.New(json.RawMessage(order))
	var got []string
	kinds := map[form.Kind]string{form.Raw: "raw", form.Text: "text", form.Number: "number", form.Integer: "integer",
		form.Boolean: "boolean", form.Enum: "enum", form.Array: "array", form.Object: "object"}
	for _, m := range f.Root.Members {
		mark := ""
		if m.Required {
			mark = "*"
		}
		got = append(got, m.Name+mark+" "+kinds[m.Kind])
	}
	want := "item* text, count* integer, price number, gift boolean, size enum, colour enum, tags array, to object, note text, more raw"
	if strings.Join(got, ", ") != want {
		t.Errorf("fields %s", strings.Join(got, ", "))
	}
	byName := map[string]*form.Field{}
	for _, m := range f.Root.Members {
		byName[m.Name] = m
	}
	if byName["item"].Hint != "at least 2 characters, pattern ^[a-z]+$" || byName["count"].Hint != "at least 1, at most 10" {
		t.Errorf("hints %q, %q", byName["item"].Hint, byName["count"].Hint)
	}
	if o := byName["colour"].Options; len(o) != 2 || o[0].Label != "Red" || string(o[1].JSON) != `"g"` {
		t.Errorf("%v", o)
	}
	if byName["note"].Description != "For the card." || byName["note"].Title != "" {
		t.Errorf("%+v", byName["note"])
	}
	if next := byName["to"].Members[1]; next.Kind != form.Raw {
		t.Error("a schema within itself is no field for JSON")
	}
	if f.Root.Open {
		t.Error("the object takes no others")
	}
}

func TestOneThingIsNotSaidInThePlural(t *testing.T) {
	f := form.New(json.RawMessage(`{"type":"object","properties":{
		"a":{"type":"string","minLength":1,"maxLength":2},"b":{"type":"array","minItems":2,"maxItems":1},"c":{"type":"string","maxLength":1000000}}}`))
	for i, want := range []string{"at least 1 character, at most 2 characters", "at least 2 entries, at most 1 entry", "at most 1000000 characters"} {
		if got := f.Root.Members[i].Hint; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	v := f.New()
	v.Members[0].Text, v.Members[0].Set = "", true
	v.Members[2].Text, v.Members[2].Set = strings.Repeat("x", 1000001), true
	_, wrong := f.Check(v)
	said := map[string]string{}
	for _, p := range wrong {
		said[p.Path] = p.Message
	}
	if said["/a"] != "This must have at least 1 character." || said["/c"] != "This must have at most 1000000 characters." {
		t.Errorf("%v", wrong)
	}
}

// Whether a text has several lines the schema says, and its name where that does not.
func TestATextIsLongBySchemaOrName(t *testing.T) {
	for name, schemas := range map[string]map[string]bool{
		"query":        {``: false, `,"maxLength":5000`: true, `,"contentMediaType":"text/markdown"`: true, `,"minLength":300`: true, `,"format":"textarea"`: true},
		"description":  {``: true, `,"maxLength":200`: false, `,"maxLength":400`: true, `,"format":"uri"`: false, `,"contentMediaType":"image/png","contentEncoding":"base64"`: false},
		"releaseNotes": {``: true}, "RELEASE_NOTES": {``: true}, "release-notes-2": {``: true}, "MessageBody": {``: true}, "text": {``: true},
		"contentType": {``: false}, "message_id": {``: false}, "textColour": {``: false}, "countryCode": {``: false}, "context": {``: false}, "": {``: false}, "7": {``: false},
	} {
		for more, want := range schemas {
			f := form.New(json.RawMessage(`{"type":"object","properties":{"` + name + `":{"type":"string"` + more + `}}}`))
			if got := f.Root.Members[0].Long; got != want {
				t.Errorf("%q%s is long: %v", name, more, got)
			}
		}
	}
}

func TestWhatIsEnteredComesOutInOrderAndWithoutWhatWasLeftOut(t *testing.T) {
	f := form.New(json.RawMessage(order))
	v := f.New()
	if _, wrong := f.Check(v); len(wrong) != 1 || wrong[0].Path != "/item" {
		t.Fatalf("of nothing but defaults: %v", wrong)
	}
	item := member(t, v, "item")
	item.Set, item.Text = true, "milk"
	price := member(t, v, "price")
	price.Set, price.Text = true, " 2.50 "
	size := member(t, v, "size")
	size.Set, size.Choice = true, 2
	tag := member(t, v, "tags").Add()
	tag.Set, tag.Text = true, "a\"<b>"
	town := member(t, member(t, v, "to"), "town")
	town.Set, town.Text = true, "Ur"
	more := member(t, v, "more")
	more.Set, more.Text = true, `{"deep": [1, {"x": 2.0}]}`
	out, wrong := f.Check(v)
	want := `{"item":"milk","count":1,"price":2.50,"gift":false,"size":7,"tags":["a\"<b>"],"to":{"town":"Ur"},"more":{"deep": [1, {"x": 2.0}]}}`
	if len(wrong) > 0 || string(out) != want {
		t.Errorf("%s %v", out, wrong)
	}
}

func TestWhatIsWrongIsSaidWhereItIs(t *testing.T) {
	for _, c := range []struct{ data, path, message string }{
		{`{"count": 1}`, "/item", "Fill this in: it is required."},
		{`{"item": "x", "count": 1}`, "/item", "This must have at least 2 characters."},
		{`{"item": "Milk", "count": 1}`, "/item", "This does not have the form that is asked for."},
		{`{"item": "milk", "count": 11}`, "/count", "This must be at most 10."},
		{`{"item": "milk", "count": 1.5}`, "/count", "Write a whole number, such as 7."},
		{`{"item": "milk", "count": 1, "tags": ["a", "b", "c"]}`, "/tags", "This must have at most 2 entries."},
		{`{"item": "milk", "count": 1, "to": {}}`, "/to/town", "Fill this in: it is required."},
	} {
		f := form.New(json.RawMessage(order))
		v, err := f.Fill(json.RawMessage(c.data))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(c.data, `"to"`) {
			member(t, v, "to").Set = true
		}
		if _, wrong := f.Check(v); len(wrong) != 1 || wrong[0] != (form.Problem{c.path, c.message}) {
			t.Errorf("%s: %+v", c.data, wrong)
		}
	}
	for _, c := range []struct{ text, message string }{
		{"2,5", "Write a whole number, such as 7."}, {"+5", "Write a whole number, such as 7."}, {"0x10", "Write a whole number, such as 7."},
		{"NaN", "Write a whole number, such as 7."}, {"1e999", "This is not JSON."},
	} {
		f := form.New(json.RawMessage(order))
		v := f.New()
		member(t, v, "item").Set, member(t, v, "item").Text = true, "milk"
		member(t, v, "count").Text = c.text
		if _, wrong := f.Check(v); len(wrong) != 1 || wrong[0].Message == "" {
			t.Errorf("%s: %+v", c.text, wrong)
		}
	}
}

func TestWhatTheLibrarySaysIsBriefAndClean(t *testing.T) {
	f := form.New(json.RawMessage(`{"type":"object","properties":{"a":{"const":"x"}},"additionalProperties":false}`))
	wrong := f.CheckJSON(json.RawMessage(`{"\u001b[31m` + strings.Repeat("z", 10_000) + `": 1}`))
	if len(wrong) != 1 || len(wrong[0].Message) > 500 || strings.ContainsRune(wrong[0].Message, 0x1b) || !strings.HasSuffix(wrong[0].Message, ".") {
		t.Errorf("%q", wrong)
	}
}

func TestTheDefaultIsEntered(t *testing.T) {
	f := form.New(json.RawMessage(`{"type":"object","default":{"a":"x","b":[1]},"properties":{"a":{"type":"string"},"b":{"type":"array","items":{"type":"integer"}}}}`))
	if out, wrong := f.Check(f.New()); string(out) != `{"a":"x","b":[1]}` {
		t.Errorf("%s %v", out, wrong)
	}
}

func TestOtherMembersAreKept(t *testing.T) {
	f := form.New(json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":true}`))
	v, err := f.Fill(json.RawMessage(`{"z": 12345678901234567890, "a": "x"}`))
	if err != nil || !f.Root.Open || v.Others != `{"z": 12345678901234567890}` {
		t.Fatalf("%+v %v", v, err)
	}
	if out, wrong := f.Check(v); string(out) != `{"a":"x","z":12345678901234567890}` {
		t.Errorf("%s %v", out, wrong)
	}
	for _, others := range []string{`{"a": 1}`, `[1]`, `{`, `{} {}`} {
		if v.Others = others; true {
			if _, wrong := f.Check(v); len(wrong) == 0 {
				t.Errorf("%s was accepted", others)
			}
		}
	}
}

func TestASchemaThatIsNoneIsOneFieldForJSON(t *testing.T) {
	for _, c := range []struct {
		schema string
		remote bool
	}{
		{`nonsense`, false}, {`[]`, false}, {`{"type":7}`, false}, {`{"type":"object","properties":[]}`, false}, {`null`, false},
		{`{"$ref":"https://evil.example/schema.json"}`, true},
		{`{"properties":{"a":{"$ref":"other.json#/x"}}}`, true},
		{`{"properties":{"a":{"$ref":"file:///etc/passwd"}}}`, true},
		{`{"$ref":"#/nowhere"}`, false}, {`{"$dynamicRef":"#x"}`, false},
		{`{"properties":{"a":{"$id":"https://evil.example/","$ref":"x"}}}`, false},
		{`{"pattern":"("}`, false},
		{strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100), false},
		{strings.Repeat(`[`, 100_000), false},
		{`{"description":"` + strings.Repeat("x", 2<<20) + `"}`, false},
	} {
		f := form.New(json.RawMessage(c.schema))
		if f.Root.Kind != form.Raw || f.Problem == "" || f.Remote != c.remote {
			t.Errorf("%.60s: kind %d, problem %q, remote %v", c.schema, f.Root.Kind, f.Problem, f.Remote)
			continue
		}
		v := f.New()
		v.Set, v.Text = true, `{"a": 1}`
		if out, wrong := f.Check(v); string(out) != `{"a": 1}` || len(wrong) > 0 {
			t.Errorf("%.60s: %s %v", c.schema, out, wrong)
		}
		if v.Text = "{"; true {
			if _, wrong := f.Check(v); len(wrong) == 0 {
				t.Errorf("%.60s: JSON that is none was accepted", c.schema)
			}
		}
	}
}

// A pattern in words of another language, and an old version, cost the check and
// not the fields.
func TestWhatCannotBeCheckedIsAFormAllTheSame(t *testing.T) {
	for _, schema := range []string{
		`{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"a":{"type":"string"}}}`,
		`{"type":"object","properties":{"a":{"type":"string","pattern":"^(?!x)"}}}`,
	} {
		f := form.New(json.RawMessage(schema))
		if f.Problem == "" || len(f.Root.Members) != 1 || f.Root.Members[0].Kind != form.Text {
			t.Errorf("%s: %q, %+v", schema, f.Problem, f.Root)
		}
		v := f.New()
		v.Members[0].Set, v.Members[0].Text = true, "y"
		if out, wrong := f.Check(v); string(out) != `{"a":"y"}` {
			t.Errorf("%s: %s %v", schema, out, wrong)
		}
	}
}

// S83: a schema of a few lines can ask for endless work.
func TestS83_ASchemaThatAsksForEndlessWorkIsNotChecked(t *testing.T) {
	doubling := `{"$ref":"#/$defs/d0","$defs":{`
	for i := range 60 {
		next := "#/$defs/d" + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		name := `"d` + string(rune('0'+i/10)) + string(rune('0'+i%10)) + `"`
		if i == 0 {
			name = `"d0"`
		}
		doubling += name + `:{"allOf":[{"$ref":"` + next + `"},{"$ref":"` + next + `"}]},`
	}
	doubling += `"d60":true}}`
	deep := strings.Repeat(`{"a":`, 60) + `1` + strings.Repeat(`}`, 60)
	for name, c := range map[string]struct{ schema, data string }{
		"itself":       {`{"$ref":"#"}`, `{}`},
		"itself later": {`{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#"}]}}}`, `{}`},
		"doubling":     {doubling, `{}`},
		"by depth":     {`{"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]}`, deep},
	} {
		began := time.Now()
		f := form.New(json.RawMessage(c.schema))
		if wrong := f.CheckJSON(json.RawMessage(c.data)); len(wrong) != 1 {
			t.Errorf("%s: %v", name, wrong)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

func TestS83_AHugeSchemaMakesASmallForm(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	for i := range 5000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"p` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `":{"type":"string"}`)
	}
	b.WriteString(`}}`)
	began := time.Now()
	f := form.New(json.RawMessage(b.String()))
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	texts := 0
	for _, m := range f.Root.Members {
		if m.Kind == form.Text {
			texts++
		}
	}
	if texts > 500 {
		t.Errorf("%d fields", texts)
	}
}

func FuzzFormOfAnySchema(f *testing.F) {
	f.Add(order, `{"item":"milk","count":1}`)
	f.Add(`{"$ref":"#"}`, `1`)
	f.Add(`{"enum":[1,"1",null,[],{}]}`, `null`)
	f.Add(`{"items":[true,false],"additionalItems":{"type":"string"}}`, `[1]`)
	f.Fuzz(func(t *testing.T, schema, data string) {
		made := form.New(json.RawMessage(schema))
		_, _ = made.Check(made.New())
		v, err := made.Fill(json.RawMessage(data))
		if err != nil {
			if json.Valid([]byte(data)) {
				t.Fatal(err)
			}
			return
		}
		out, wrong := v.JSON()
		if len(wrong) > 0 {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q came out as %q", data, out)
		}
	})
}
