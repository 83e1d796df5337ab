package explore

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// operation reads one operation of a path.
func (d *document) operation(method, path string, item, about object) Operation {
	o := Operation{
		Method: method, Path: path, Documented: true, Deprecated: truth(about["deprecated"]),
		Summary: said(about["summary"]), Description: said(about["description"]),
	}
	if o.Summary == "" {
		o.Summary = said(item["summary"])
	}
	if o.Summary == "" {
		o.Summary = said(about["operationId"])
	}
	if tags := texted(about["tags"]); len(tags) > 0 {
		o.Group = Said(clip(tags[0], 200))
	}
	r := operationReader{document: d, to: &o, consumes: d.media}
	if own := texted(about["consumes"]); own != nil {
		r.consumes = own
	}
	for _, v := range slices.Concat(items(item["parameters"]), items(about["parameters"])) {
		if p := obj(d.resolve(v)); p != nil {
			r.parameter(p)
		}
	}
	r.complete()
	if body := obj(d.resolve(about["requestBody"])); body != nil && !d.old {
		r.body(body)
	}
	r.formBody()
	return o
}

// operationReader fills in an Operation.
type operationReader struct {
	*document
	to       *Operation
	consumes []string
	fields   []object // Swagger 2.0: parameters in formData
}

// set puts a parameter in the place of one with its name, since those of an
// operation go before those of its path.
func (r *operationReader) set(p Parameter) {
	same := func(other Parameter) bool { return other.In == p.In && other.Name == p.Name }
	if i := slices.IndexFunc(r.to.Parameters, same); i >= 0 {
		r.to.Parameters[i] = p
	} else if len(r.to.Parameters) < maxParameters {
		r.to.Parameters = append(r.to.Parameters, p)
	} else {
		r.note("An operation has more than %d parameters, of which the rest was left out.", maxParameters)
	}
}

func (r *operationReader) parameter(v object) {
	p := Parameter{
		In: Place(str(v["in"])), Name: str(v["name"]), Description: said(v["description"]),
		Required: truth(v["required"]), Deprecated: truth(v["deprecated"]),
	}
	switch {
	case p.Name == "" || len(p.Name) > 200:
		return
	case p.In == InPath:
		if !slices.Contains(variables(r.to.Path), p.Name) {
			return
		}
		p.Required = true
	case p.In == InHeader:
		name := http.CanonicalHeaderKey(p.Name)
		if ownFields[name] != "" || name == "Accept" || name == "Content-Type" || !isToken(p.Name) {
			return // as OpenAPI says, or not the user's to set
		}
	case p.In == InQuery:
	case r.old && p.In == "body":
		r.oldBody(v)
		return
	case r.old && p.In == "formData":
		r.fields = append(r.fields, v)
		return
	default: // a cookie, or nothing that is known
		return
	}
	schema := v["schema"]
	if schema == nil {
		for _, media := range obj(v["content"]) {
			schema = obj(media)["schema"]
		}
	}
	if r.old {
		schema = v
		p.Joined = str(v["collectionFormat"]) != "multi"
	} else if explode, is := v["explode"].(bool); is {
		p.Joined = !explode
	}
	p.Schema, p.Example = r.schema(schema), r.example(v)
	r.set(p)
}

// complete adds parameters for what is in the path and nowhere else, and leaves
// out what a Swagger document says of parameters only.
func (r *operationReader) complete() {
	for _, name := range variables(r.to.Path) {
		known := slices.ContainsFunc(r.to.Parameters, func(p Parameter) bool { return p.In == InPath && p.Name == name })
		if !known {
			r.set(Parameter{In: InPath, Name: name, Required: true, Schema: json.RawMessage(`{"type":"string"}`)})
		}
	}
}

// example is the one that a parameter or a media type has.
func (r *operationReader) example(v object) json.RawMessage {
	if example, ok := v["example"]; ok {
		return jsonOf(example)
	}
	for _, name := range sortedKeys(obj(v["examples"])) {
		if value, ok := obj(r.resolve(obj(v["examples"])[name]))["value"]; ok {
			return jsonOf(value)
		}
	}
	return nil
}

func (r *operationReader) body(v object) {
	content := obj(v["content"])
	b := &RequestBody{Description: said(v["description"]), Required: truth(v["required"]), ContentType: bestMedia(sortedKeys(content))}
	if b.ContentType == "" {
		return
	}
	media := obj(r.resolve(content[b.ContentType]))
	r.take(b, media["schema"], r.example(media))
}

// take sets the body. Its type has to be one that can be written in a header.
func (r *operationReader) take(b *RequestBody, schema any, example json.RawMessage) {
	media, _, err := mime.ParseMediaType(b.ContentType)
	if err != nil || len(b.ContentType) > 200 || strings.Contains(media, "*") || strings.ContainsAny(b.ContentType, "\r\n\x00") {
		b.ContentType, media = "application/json", "application/json"
	}
	b.Example = example
	if isJSON(media) {
		b.Schema = r.schema(schema)
		if b.Example == nil {
			b.Example = exampleOf(b.Schema)
		}
	}
	r.to.Body = b
}

func (r *operationReader) oldBody(v object) {
	b := &RequestBody{Description: said(v["description"]), Required: truth(v["required"]), ContentType: bestMedia(r.consumes)}
	if b.ContentType == "" {
		b.ContentType = "application/json"
	}
	r.take(b, v["schema"], nil)
}

// formBody is the body of a Swagger operation that takes a form. It is entered as
// text, so only its type is said.
func (r *operationReader) formBody() {
	if len(r.fields) == 0 || r.to.Body != nil {
		return
	}
	var example []string
	for _, f := range r.fields {
		example = append(example, str(f["name"])+"=")
	}
	text, _ := json.Marshal(clip(strings.Join(example, "&"), maxTemplate))
	r.to.Body = &RequestBody{ContentType: "application/x-www-form-urlencoded", Example: text}
}

// bestMedia is the type of a body that is best written by hand, "" if there is
// none.
func bestMedia(types []string) string {
	for _, suits := range []func(string) bool{
		func(m string) bool { return m == "application/json" },
		isJSON,
		func(string) bool { return true },
	} {
		for _, t := range types {
			if media, _, err := mime.ParseMediaType(t); err == nil && suits(media) {
				return t
			}
		}
	}
	return ""
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json") || media == "*/*" || media == "application/*"
}
