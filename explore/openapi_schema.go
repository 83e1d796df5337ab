package explore

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Bounds of one schema, with all that it refers to.
const (
	maxSchemaDepth  = 64
	maxSchemaValues = 20_000
	maxDefinitions  = 500
	maxSchemas      = 2_000_000 // values of all schemas of a document
	maxHint         = 2 << 10   // bytes of a description in a schema
	maxExample      = 64 << 10  // bytes
)

// schema makes a schema of an OpenAPI document one of JSON Schema draft 2020-12
// that stands by itself: what it refers to within the document comes along, what
// is elsewhere may be anything. What only answers hold is left out.
func (d *document) schema(v any) json.RawMessage {
	b := bundle{document: d, names: map[string]string{}, taken: map[string]bool{}, room: min(maxSchemaValues, d.room)}
	d.room -= b.room
	defer func() { d.room += max(b.room, 0) }()
	root := b.convert(v, 0)
	defs := object{}
	for len(b.waiting) > 0 {
		ref := b.waiting[0]
		b.waiting = b.waiting[1:]
		defs[b.names[ref]] = b.convert(d.at(ref), 0)
	}
	if o, ok := root.(object); ok && len(defs) > 0 {
		o["$defs"] = defs
	}
	if b.room < 0 {
		d.note("A schema is larger than this app is willing to read; its values are not checked.")
		return json.RawMessage(`{}`)
	}
	if out := jsonOf(root); out != nil {
		return out
	}
	return json.RawMessage(`{}`)
}

// bundle is a schema being made.
type bundle struct {
	*document
	names   map[string]string // of definitions, by reference
	taken   map[string]bool
	waiting []string // references that are still to be converted
	room    int
}

// keywords by what they hold; others hold values, which are copied.
var (
	schemaKeywords = []string{"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "contentSchema", "additionalItems"}
	schemaLists    = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	schemaMaps     = []string{"properties", "patternProperties", "dependentSchemas"}
	plainKeywords  = []string{
		"type", "enum", "const", "default", "examples", "title", "description", "format", "pattern", "required", "readOnly", "writeOnly", "deprecated",
		"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
		"minProperties", "maxProperties", "minContains", "maxContains", "dependentRequired", "contentEncoding", "contentMediaType",
	}
)

func (b *bundle) convert(v any, depth int) any {
	if b.room--; b.room < 0 {
		return object{}
	}
	in, ok := v.(object)
	if !ok {
		if is, boolean := v.(bool); boolean {
			return is
		}
		return object{}
	}
	if depth > maxSchemaDepth {
		b.room = -1
		return object{}
	}
	out := object{}
	if ref, is := in["$ref"].(string); is {
		if name := b.definition(ref); name != "" {
			out["$ref"] = "#/$defs/" + name
		}
		if b.pre31 {
			return out // what stands beside it does not count
		}
	}
	for _, name := range plainKeywords {
		if value, ok := in[name]; ok {
			if name == "description" {
				value = clip(str(value), maxHint)
			}
			b.room -= size(value, b.room)
			out[name] = value
		}
	}
	for _, name := range schemaKeywords {
		if value, ok := in[name]; ok {
			out[name] = b.convert(value, depth+1)
		}
	}
	for _, name := range schemaLists {
		if _, ok := in[name].([]any); ok {
			all := []any{}
			for _, value := range items(in[name]) {
				all = append(all, b.convert(value, depth+1))
			}
			out[name] = all
		}
	}
	for _, name := range schemaMaps {
		if values, ok := in[name].(object); ok {
			all := object{}
			for member, value := range values {
				all[member] = b.convert(value, depth+1)
			}
			out[name] = all
		}
	}
	b.modern(in, out)
	b.asked(in, out)
	return out
}

// definition is the name of the definition that a reference leads to, "" if it
// leads nowhere.
func (b *bundle) definition(ref string) string {
	if name := b.names[ref]; name != "" {
		return name
	}
	if b.at(ref) == nil {
		return ""
	}
	if len(b.names) >= maxDefinitions {
		b.room = -1
		return ""
	}
	last := ref[strings.LastIndexByte(ref, '/')+1:]
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, clip(last, 80))
	for base, n := name, 2; name == "" || b.taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	b.names[ref], b.taken[name] = name, true
	b.waiting = append(b.waiting, ref)
	return name
}

// modern turns the keywords of OpenAPI 3.0 and older into those of JSON Schema.
func (b *bundle) modern(in, out object) {
	if example, ok := in["example"]; ok && out["examples"] == nil {
		b.room -= size(example, b.room)
		out["examples"] = []any{example}
	}
	if _, ok := out["examples"].([]any); !ok {
		delete(out, "examples")
	}
	if !b.pre31 {
		return
	}
	if _, flag := out["required"].(bool); flag { // of a parameter of Swagger 2.0
		delete(out, "required")
	}
	for bound, exclusive := range map[string]string{"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"} {
		if is, flag := out[exclusive].(bool); flag {
			delete(out, exclusive)
			if value, ok := out[bound]; ok && is {
				out[exclusive] = value
				delete(out, bound)
			}
		}
	}
	if kind, ok := out["type"].(string); ok && (truth(in["nullable"]) || truth(in["x-nullable"])) {
		out["type"] = []any{kind, "null"}
		if values, ok := out["enum"].([]any); ok && !slices.Contains(values, nil) {
			out["enum"] = append(slices.Clone(values), nil)
		}
	}
	if out["type"] == "file" {
		delete(out, "type")
	}
}

// asked leaves out of an object what only answers hold.
func (b *bundle) asked(in, out object) {
	properties, ok := out["properties"].(object)
	if !ok {
		return
	}
	var gone []any
	for name := range properties {
		if truth(obj(b.resolve(obj(in["properties"])[name]))["readOnly"]) {
			delete(properties, name)
			gone = append(gone, name)
		}
	}
	if required, ok := out["required"].([]any); ok && len(gone) > 0 {
		out["required"] = slices.DeleteFunc(slices.Clone(required), func(v any) bool { return slices.Contains(gone, v) })
	}
}

// size is about how many values there are in v, no more than room and one; a long
// text counts for several.
func size(v any, room int) (n int) {
	switch v := v.(type) {
	case string:
		n = len(v) / 32
	case object:
		for _, value := range v {
			if n += 1 + size(value, room-n); n > room {
				break
			}
		}
	case []any:
		for _, value := range v {
			if n += 1 + size(value, room-n); n > room {
				break
			}
		}
	}
	return n
}

// exampleOf makes an example of a schema that stands by itself; nil if nothing
// comes of it.
func exampleOf(schema json.RawMessage) json.RawMessage {
	var root object
	if json.Unmarshal(schema, &root) != nil || len(root) == 0 {
		return nil
	}
	e := exampler{defs: obj(root["$defs"]), inside: map[string]bool{}, room: 500}
	if out := jsonOf(e.of(root, 0)); len(out) <= maxExample {
		return out
	}
	return nil
}

// exampler makes examples.
type exampler struct {
	defs   object
	inside map[string]bool // definitions of which an example is being made
	room   int             // values that there may still be
}

func (e *exampler) of(v any, depth int) any {
	s := obj(v)
	if e.room--; e.room < 0 || depth > 12 {
		return nil
	}
	if name, ok := strings.CutPrefix(str(s["$ref"]), "#/$defs/"); ok {
		if e.inside[name] {
			return nil // of itself, an example holds none
		}
		e.inside[name] = true
		defer delete(e.inside, name)
		return e.of(e.defs[name], depth+1)
	}
	if value, ok := s["const"]; ok {
		return value
	}
	for _, name := range []string{"examples", "enum"} {
		if values := items(s[name]); len(values) > 0 {
			return values[0]
		}
	}
	if value, ok := s["default"]; ok {
		return value
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		if values := items(s[name]); len(values) > 0 && s["properties"] == nil {
			return e.of(values[0], depth+1)
		}
	}
	if values := items(s["allOf"]); len(values) > 0 {
		return e.merged(s, values, depth)
	}
	return e.plain(s, depth)
}

// merged is an example of all of several schemas.
func (e *exampler) merged(s object, all []any, depth int) any {
	out := object{}
	for _, part := range append(slices.Clip(all), any(e.without(s))) {
		members, ok := e.of(part, depth+1).(object)
		if !ok && len(all) == 1 {
			return e.of(all[0], depth+1)
		}
		maps.Copy(out, members)
	}
	return out
}

func (e *exampler) without(s object) object {
	return object{"type": "object", "properties": s["properties"]}
}

func (e *exampler) plain(s object, depth int) any {
	kind := str(s["type"])
	if kinds := texted(s["type"]); len(kinds) > 0 {
		kind = kinds[0]
	}
	switch {
	case kind == "object" || kind == "" && s["properties"] != nil:
		out := object{}
		for _, name := range sortedKeys(obj(s["properties"])) {
			if value := e.of(obj(s["properties"])[name], depth+1); value != nil {
				out[name] = value
			}
		}
		return out
	case kind == "array":
		if item := e.of(s["items"], depth+1); item != nil {
			return []any{item}
		}
		return []any{}
	case kind == "integer" || kind == "number":
		if least, ok := s["minimum"]; ok {
			return least
		}
		return 0
	case kind == "boolean":
		return false
	case kind == "string":
		return exampleText(str(s["format"]))
	}
	return nil
}

func exampleText(format string) string {
	switch format {
	case "date-time":
		return "2030-01-31T12:00:00Z"
	case "date":
		return "2030-01-31"
	case "email":
		return "ada@example.com"
	case "uri", "url":
		return "https://example.com/"
	case "uuid":
		return "123e4567-e89b-42d3-a456-426614174000"
	}
	return "text"
}

func jsonOf(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

func sortedKeys(o object) []string { return slices.Sorted(maps.Keys(o)) }
