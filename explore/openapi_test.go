package explore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

const at = "https://api.example/base/openapi.json"

// read reads a document that has to be one.
func readOK(t *testing.T, text string) (*Document, []Operation) {
	t.Helper()
	d, all, why := readDocument([]byte(text), at)
	if d == nil {
		t.Fatalf("%s\n%.200s", why, text)
	}
	return d, all
}

// find is the operation of that name, as in "GET /a".
func findOperation(t *testing.T, all []Operation, name string) *Operation {
	t.Helper()
	for i, o := range all {
		if o.Method+" "+o.Path == name {
			return &all[i]
		}
	}
	t.Fatalf("no %s in %+v", name, all)
	return nil
}

// accepts reports whether a schema accepts JSON. The schema has to be one.
func accepts(t *testing.T, schema json.RawMessage, text string) bool {
	t.Helper()
	var s jsonschema.Schema
	var v any
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatalf("%v: %s", err, schema)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatalf("%v: %s", err, schema)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return r.Validate(v) == nil
}

const shop = `
openapi: 3.0.3
info: {title: Shop, version: 1.2.0, description: "Sells\nthings"}
servers: [{url: "/{version}", variables: {version: {default: v1}}}]
tags: [{name: orders}, {name: things}]
paths:
  /things:
    summary: All of them
    parameters:
      - {name: limit, in: query, schema: {type: integer, minimum: 0, exclusiveMinimum: true}, description: how many}
      - $ref: '#/components/parameters/Lang'
    get:
      operationId: listThings
      tags: [things]
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: tag, in: query, schema: {type: array, items: {type: string}}}
        - {name: session, in: cookie, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: X-Trace, in: header, example: abc, schema: {type: string}}
      responses: {200: {description: ok}}
    post:
      summary: Add
      deprecated: true
      requestBody:
        required: true
        content:
          text/plain: {schema: {type: string}}
          application/json: {schema: {$ref: '#/components/schemas/Thing'}}
  /things/{id}/parts/{part}:
    delete:
      tags: [orders]
      parameters:
        - {name: id, in: path, schema: {type: integer}}
components:
  parameters:
    Lang: {name: lang, in: query, schema: {type: string, enum: [de, en], nullable: true}}
  schemas:
    Thing:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, example: Hammer}
        price: {type: number, maximum: 10, exclusiveMaximum: true}
        parts: {type: array, items: {$ref: '#/components/schemas/Thing'}}
        state: {$ref: '#/components/schemas/State'}
        due: {type: string, format: date}
    State: {type: string, enum: [new, old], nullable: true}
`

func TestADocumentIsRead(t *testing.T) {
	d, all := readOK(t, shop)
	if d.Format != "OpenAPI 3.0.3" || d.Title != "Shop" || d.Version != "1.2.0" || d.Description != "Sells\nthings" || d.LeftOut != 0 || d.Notes != nil || d.Elsewhere != "" || d.Address != at {
		t.Errorf("%+v", d)
	}
	var order []string
	for _, o := range all {
		order = append(order, o.Method+" "+o.Path)
		if !o.Documented {
			t.Errorf("%+v", o)
		}
	}
	if want := []string{"DELETE /v1/things/{id}/parts/{part}", "GET /v1/things", "POST /v1/things"}; !reflect.DeepEqual(order, want) {
		t.Fatalf("%q", order)
	}
	get := findOperation(t, all, "GET /v1/things")
	var parameters []string
	for _, p := range get.Parameters {
		parameters = append(parameters, fmt.Sprintf("%s %s %t %t", p.In, p.Name, p.Required, p.Joined))
	}
	want := []string{"query limit true false", "query lang false false", "query ids false true", "query tag false false", "header X-Trace false false"}
	if !reflect.DeepEqual(parameters, want) || get.Summary != "All of them" || get.Group != "things" || string(get.Parameters[4].Example) != `"abc"` || get.Body != nil || !get.Safe() {
		t.Errorf("%q %+v", parameters, get)
	}
	lang := get.Parameters[1].Schema
	if !accepts(t, lang, `"de"`) || !accepts(t, lang, `null`) || accepts(t, lang, `"fr"`) {
		t.Errorf("%s", lang)
	}
	remove := findOperation(t, all, "DELETE /v1/things/{id}/parts/{part}")
	if len(remove.Parameters) != 2 || !remove.Parameters[0].Required || remove.Parameters[1].Name != "part" || !accepts(t, remove.Parameters[0].Schema, "1") || accepts(t, remove.Parameters[0].Schema, `"a"`) || remove.Safe() {
		t.Errorf("%+v", remove)
	}
	post := findOperation(t, all, "POST /v1/things")
	if post.Body == nil || !post.Body.Required || post.Body.ContentType != "application/json" || !post.Deprecated || string(post.Body.Example) != `{"due":"2030-01-31","name":"Hammer","parts":[],"price":0,"state":"new"}` {
		t.Errorf("%+v %s", post.Body, post.Body.Example)
	}
	for text, want := range map[string]bool{
		`{"name":"a"}`: true, `{}`: false, `{"name":1}`: false, `{"name":"a","price":9.5,"parts":[{"name":"b"}]}`: true, `{"name":"a","price":10}`: false,
		`{"name":"a","parts":[{}]}`: false, `{"name":"a","state":null}`: true, `{"name":"a","state":"x"}`: false,
	} {
		if accepts(t, post.Body.Schema, text) != want {
			t.Errorf("%s: not %t by %s", text, want, post.Body.Schema)
		}
	}
}

const old = `{"swagger":"2.0","info":{"title":"Old"},"host":"elsewhere.example","basePath":"/v2","consumes":["application/json"],"paths":{
	"/pets/{id}":{"get":{"parameters":[{"name":"id","in":"path","required":true,"type":"integer","maximum":5,"exclusiveMaximum":true},{"name":"tags","in":"query","type":"array","items":{"type":"string"},"collectionFormat":"multi"},{"name":"ids","in":"query","type":"array","items":{"type":"integer"}}]},
		"put":{"parameters":[{"in":"body","name":"body","required":true,"schema":{"$ref":"#/definitions/Pet"}}]}},
	"/upload":{"post":{"consumes":["multipart/form-data"],"parameters":[{"name":"file","in":"formData","type":"file"},{"name":"note","in":"formData","type":"string"}]}}},
	"definitions":{"Pet":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}}}`

func TestASwaggerDocumentIsRead(t *testing.T) {
	d, all := readOK(t, old)
	if d.Format != "Swagger 2.0" || d.Elsewhere != "elsewhere.example" || len(all) != 3 {
		t.Fatalf("%+v %+v", d, all)
	}
	get := findOperation(t, all, "GET /v2/pets/{id}")
	if len(get.Parameters) != 3 || get.Parameters[1].Joined || !get.Parameters[2].Joined || !accepts(t, get.Parameters[0].Schema, "4") || accepts(t, get.Parameters[0].Schema, "5") || !accepts(t, get.Parameters[2].Schema, "[1]") {
		t.Errorf("%+v", get)
	}
	put := findOperation(t, all, "PUT /v2/pets/{id}")
	if put.Body == nil || !put.Body.Required || !accepts(t, put.Body.Schema, `{"name":"a"}`) || accepts(t, put.Body.Schema, `{}`) || len(put.Parameters) != 1 {
		t.Errorf("%+v", put)
	}
	post := findOperation(t, all, "POST /v2/upload")
	if post.Body == nil || post.Body.ContentType != "application/x-www-form-urlencoded" || string(post.Body.Example) != `"file=\u0026note="` {
		t.Errorf("%+v %s", post.Body, post.Body.Example)
	}
	if _, all := readOK(t, strings.Replace(old, `"basePath":"/v2",`, "", 1)); all[0].Path != "/pets/{id}" {
		t.Errorf("%+v", all[0])
	}
}

func TestTheServerOfADocumentGivesThePathOnly(t *testing.T) {
	for server, want := range map[string]struct {
		path, elsewhere string
	}{
		`"/"`: {"/a", ""}, `""`: {"/base/openapi.json/a", ""}, `"/v1/"`: {"/v1/a", ""}, `"v1"`: {"/base/v1/a", ""}, `"https://api.example/v2"`: {"/v2/a", ""},
		`"https://API.example:443/v2"`: {"/v2/a", ""}, `"https://evil.example/v2"`: {"/v2/a", "https://evil.example"}, `"//evil.example/x"`: {"/x/a", "https://evil.example"},
		`"http://localhost:8080/api"`: {"/api/a", "http://localhost:8080"}, `"javascript:alert(1)"`: {"/a", "javascript://"}, `"https://u:p@evil.example/"`: {"/a", "https://evil.example"},
		`"/{a}/../../x"`: {"/x/a", ""}, `7`: {"/base/openapi.json/a", ""}, `"%zz"`: {"/a", ""},
	} {
		d, all := readOK(t, `{"openapi":"3.1.0","servers":[{"url":`+server+`}],"paths":{"/a":{"get":{}}}}`)
		if all[0].Path != want.path || string(d.Elsewhere) != want.elsewhere {
			t.Errorf("%s: %q %q", server, all[0].Path, d.Elsewhere)
		}
	}
	_, all := readOK(t, `{"openapi":"3.1.0","paths":{"/a":{"servers":[{"url":"/p"}],"get":{"servers":[{"url":"/o"}]},"post":{}}}}`)
	if all[0].Path != "/o/a" || all[1].Path != "/p/a" {
		t.Errorf("%+v", all)
	}
}

func TestWhatIsNoDocumentSaysSo(t *testing.T) {
	for text, says := range map[string]string{
		"": "empty", "<html>": "web page", "hello": "no OpenAPI document", "{": "not JSON", "[]": "no OpenAPI document", "{}": "version 2 or 3",
		`{"openapi":"4.0"}`: "version 2 or 3", `{"openapi":3.1,"paths":{}}`: "version 2 or 3", `{"openapi":"3.1.0"}`: "no paths", `{"openapi":"3.1.0","paths":[]}`: "no paths",
		"openapi: [": "neither JSON nor YAML", "openapi: 3.1.0\npaths: {}\n\x00": "neither JSON nor YAML", "- openapi": "no OpenAPI document", "openapi: \xff": "no OpenAPI document",
		"{" + strings.Repeat(`"a":{`, 20_000): "not JSON", `{"openapi":"3.1.0","x":[` + strings.Repeat("0,", maxValues) + "0]}": "more than this app",
	} {
		d, all, why := readDocument([]byte(text), at)
		if d != nil || all != nil || !strings.Contains(why, says) {
			t.Errorf("%.40q: %q", text, why)
		}
	}
}

// What is written to make a reader work without end is read to an end.
func TestS83_ADocumentIsBounded(t *testing.T) {
	var paths, schemas, refs strings.Builder
	for i := range MaxOperations + 50 {
		fmt.Fprintf(&paths, `"/p%d":{"get":{}},`, i)
	}
	for i := range 1000 {
		fmt.Fprintf(&schemas, `"S%d":{"type":"object","properties":{"a":{"$ref":"#/components/schemas/S%d"},"b":{"$ref":"#/components/schemas/S%d"}}},`, i, (i*7+1)%1000, (i*13+3)%1000)
	}
	for i := range 2000 {
		fmt.Fprintf(&refs, `"/r%d":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Big"}}}}}},`, i)
	}
	big := `{"type":"object","properties":{` + strings.Repeat(`"x":{},`, 1) + `"a":{"enum":[` + strings.Repeat("1,", 19_000) + `1]}}}`
	long := `{"type":"string","description":"` + strings.Repeat("x", 4<<20) + `"}`
	document := func(paths, schemas string) string {
		return `{"openapi":"3.1.0","paths":{` + paths + `"/last":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/S0"}}}}}}},"components":{"schemas":{` + schemas + `"Last":{}}}}`
	}
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	for name, text := range map[string]string{
		"operations":   document(paths.String(), `"S0":{},`),
		"cycles":       document("", schemas.String()),
		"itself":       document("", `"S0":{"$ref":"#/components/schemas/S0"},`),
		"round":        document("", `"S0":{"$ref":"#/components/schemas/S1"},"S1":{"$ref":"#/components/schemas/S0"},`),
		"the whole":    document("", `"S0":{"$ref":"#"},`),
		"all of":       document("", `"S0":{"allOf":[{"$ref":"#/components/schemas/S0"},{"$ref":"#/components/schemas/S0"}]},`),
		"deep":         document("", `"S0":`+strings.Repeat(`{"not":`, 5000)+"{}"+strings.Repeat("}", 5000)+","),
		"big":          document(refs.String(), `"S0":{},"Big":`+big+","),
		"long":         document(refs.String(), `"S0":{},"Big":`+long+","),
		"parameters":   `{"openapi":"3.1.0","paths":{"/a":{"get":{"parameters":[` + strings.Repeat(`{"in":"query","name":"n"},`, 50_000) + `{}]}}}}`,
		"laughs":       "openapi: 3.1.0\npaths: {}\n" + laughs,
		"laughing":     "openapi: 3.1.0\npaths: {/a: {get: {summary: s}}}\n" + laughs + "components: {schemas: {S0: *z}}\n",
		"nested yaml":  "openapi: 3.1.0\npaths: " + strings.Repeat("[", 200_000),
		"nested lines": "openapi: 3.1.0\npaths:\n" + strings.Repeat("- ", 200_000),
		"variables":    `{"openapi":"3.1.0","servers":[{"url":"/` + strings.Repeat("{a}", 600) + `","variables":{"a":{"default":"` + strings.Repeat("{a}", 1<<20) + `"}}}],"paths":{"/a":{"get":{}}}}`,
	} {
		began := time.Now()
		d, all, _ := readDocument([]byte(text), at)
		if took := time.Since(began); took > 20*time.Second { // far more than it takes, under the race detector and with others at work
			t.Errorf("%s: %v", name, took)
		}
		size := 0
		for _, o := range all {
			if o.Body != nil {
				size += len(o.Body.Schema) + len(o.Body.Example)
			}
			if len(o.Parameters) > maxParameters {
				t.Errorf("%s: %d parameters", name, len(o.Parameters))
			}
		}
		if size > 64<<20 || len(all) > MaxOperations {
			t.Errorf("%s: %d operations, %d bytes of schemas", name, len(all), size)
		}
		bounded(t, name, d, all)
	}
}

// bounded checks what is said of a document of TestS83_ADocumentIsBounded.
func bounded(t *testing.T, name string, d *Document, all []Operation) {
	t.Helper()
	switch name {
	case "operations":
		if len(all) != MaxOperations || d.LeftOut != 51 {
			t.Errorf("%d operations, %d left out", len(all), d.LeftOut)
		}
	case "cycles", "deep", "big":
		if !slices.Contains(d.Notes, "A schema is larger than this app is willing to read; its values are not checked.") {
			t.Errorf("%s: %q", name, d.Notes)
		}
	case "laughs", "laughing", "nested yaml":
		if d != nil {
			t.Errorf("%s was read", name)
		}
	case "all of":
		if got := findOperation(t, all, "POST /last").Body; len(got.Schema) > 1000 {
			t.Errorf("%s", got.Schema)
		}
	}
}

func TestS83_NothingIsFetchedForADocument(t *testing.T) {
	elsewhere := newRester(t, "", func(http.ResponseWriter, *http.Request) {})
	var s *rester
	s = newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/openapi.json" {
			w.WriteHeader(404)
			return
		}
		_, _ = fmt.Fprintf(w, `{"openapi":"3.1.0","externalDocs":{"url":"%[1]s/docs"},"servers":[{"url":"%[1]s"}],"paths":{"/x":{"$ref":"%[1]s/path"},"/y":{"post":{
			"parameters":[{"$ref":"%[1]s/parameter"},{"$ref":"file:///etc/passwd"},{"$ref":"other.json#/a"}],
			"requestBody":{"content":{"application/json":{"schema":{"$ref":"%[1]s/schema"},"examples":{"a":{"externalValue":"%[1]s/example"}}}}}}},
			"/z":{"post":{"requestBody":{"content":{"application/json":{"schema":{"properties":{"a":{"$ref":"%[2]s/schema"}, "b":{"$id":"%[1]s/id","$schema":"%[1]s/meta"}}}}}}}}}}`, elsewhere.URL, s.URL)
	})
	found, err := s.Endpoints(t.Context(), "")
	if err != nil || found.Document == nil || len(found.Operations) != 2 {
		t.Fatalf("%v %+v", err, found)
	}
	y := findOperation(t, found.Operations, "POST /y")
	if !accepts(t, y.Body.Schema, `{"anything":1}`) || strings.Contains(string(y.Body.Schema), "$ref") || strings.Contains(string(findOperation(t, found.Operations, "POST /z").Body.Schema), "http") {
		t.Errorf("%s", y.Body.Schema)
	}
	if !slices.Contains(found.Document.Notes, "A part of it lies in another document, which was not fetched.") || string(found.Document.Elsewhere) != elsewhere.URL {
		t.Errorf("%+v", found.Document)
	}
	if len(elsewhere.asked()) != 0 || !reflect.DeepEqual(s.asked(), []string{"GET /openapi.json"}) {
		t.Errorf("%q, elsewhere %q", s.asked(), elsewhere.asked())
	}
}

func TestADocumentIsLookedForAtTheUsualPlaces(t *testing.T) {
	for _, place := range []string{"/base/openapi.json", "/openapi.json", "/.well-known/openapi.json", "/base/.well-known/openapi.json", "/openapi.yaml", "/v3/api-docs", "/base/v3/api-docs", "/swagger.json", "/swagger/v1/swagger.json"} {
		s := newRester(t, "/base/", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != place {
				http.Error(w, "<html>", 404)
				return
			}
			_, _ = w.Write([]byte("openapi: 3.1.0\npaths:\n  /x:\n    get: {}\n"))
		})
		found, err := s.Endpoints(t.Context(), "")
		if err != nil || found.Document == nil || found.Document.Address != s.URL+place || len(found.Operations) != 1 || !found.Operations[0].Documented {
			t.Errorf("%s: %v %+v", place, err, found)
		}
		if last := found.Looked[len(found.Looked)-1]; last.Why != "" || last.Status != 200 {
			t.Errorf("%s: %+v", place, found.Looked)
		}
	}
}

func TestWithoutADocumentTheConnectionSays(t *testing.T) {
	s := newRester(t, "", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/openapi.json":
			w.WriteHeader(401)
		case "/openapi.yaml":
			w.Header().Set("Location", "https://evil.example/")
			w.WriteHeader(302)
		case "/swagger.json":
			_, _ = w.Write([]byte("<html>sign in</html>"))
		default:
			w.WriteHeader(404)
		}
	})
	found, err := s.Endpoints(t.Context(), "")
	if err != nil || found.Document != nil || len(found.Looked) != len(standard) || len(found.Operations) != 8 {
		t.Fatalf("%v %+v", err, found)
	}
	whys := map[string]string{}
	for _, l := range found.Looked {
		whys[strings.TrimPrefix(l.Address, s.URL)] = l.Why
	}
	if whys["/openapi.json"] != "The server answered with status 401." || whys["/openapi.yaml"] != "The server answered with status 302." || whys["/swagger.json"] != "The answer is a web page." {
		t.Errorf("%q", whys)
	}
	item := findOperation(t, found.Operations, "PATCH /api/todos/{id}")
	q, err := item.Request([]json.RawMessage{json.RawMessage(`"7"`)}, []byte(`{}`))
	if err != nil || q.Path != "/api/todos/7" || q.Method != "PATCH" || string(q.Body) != "{}" || item.Documented {
		t.Errorf("%v %+v", err, q)
	}
	if found, err := s.Endpoints(t.Context(), "/swagger.json"); err != nil || len(found.Looked) != 1 || found.Document != nil {
		t.Errorf("%v %+v", err, found)
	}
	if _, err := s.Endpoints(t.Context(), "https://evil.example/openapi.json"); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	s.Close()
	found, err = s.Endpoints(t.Context(), "")
	if !fault.Is(err, fault.Offline) || found == nil || len(found.Operations) != 8 || len(found.Looked) != 1 {
		t.Errorf("out of reach: %v %+v", err, found)
	}
}

func TestADescribedConnectionHasItsEndpoints(t *testing.T) {
	r := NewREST(RESTOptions{Resource: connection.Resource{Kind: connection.REST, URL: "https://api.example/rest/", Todos: &connection.Todos{
		Path: "/tasks?filter=mine%20only&x=1", Item: "/task/{id}", Create: "POST", Update: "PUT"}}})
	var all []string
	for _, o := range r.known() {
		all = append(all, o.Method+" "+o.Path)
	}
	if want := []string{"GET /rest/tasks", "GET /rest/task/{id}", "POST /rest/tasks", "PUT /rest/task/{id}"}; !reflect.DeepEqual(all, want) {
		t.Errorf("%q", all)
	}
	if p := r.known()[0].Parameters; len(p) != 2 || p[0].Name != "filter" || string(p[0].Example) != `"mine only"` || p[0].In != InQuery {
		t.Errorf("%+v", p)
	}
}

func TestAnOperationIsFilledIn(t *testing.T) {
	o := &Operation{Method: "PUT", Path: "/a/{id}/{id}/{n}", Body: &RequestBody{ContentType: "application/json", Required: true}, Parameters: []Parameter{
		{In: InPath, Name: "id", Required: true}, {In: InPath, Name: "n", Required: true}, {In: InQuery, Name: "q"}, {In: InQuery, Name: "j", Joined: true}, {In: InHeader, Name: "X-H"},
	}}
	values := func(texts ...string) (out []json.RawMessage) {
		for _, text := range texts {
			if text == "" {
				out = append(out, nil)
			} else {
				out = append(out, json.RawMessage(text))
			}
		}
		return out
	}
	q, err := o.Request(values(`"a/b?c"`, `7`, `["x y","z"]`, `[1,2]`, `true`), []byte("{}"))
	want := Request{Method: "PUT", Path: "/a/a%2Fb%3Fc/a%2Fb%3Fc/7", Query: []Pair{{"q", "x y"}, {"q", "z"}, {"j", "1,2"}}, Header: []Pair{{"X-H", "true"}, {"Content-Type", "application/json"}}, Body: []byte("{}")}
	if err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("%v %+v", err, q)
	}
	if address, err := restAt("https://api.example").Check(q); err != nil || address != "https://api.example/a/a%2Fb%3Fc/a%2Fb%3Fc/7?q=x+y&q=z&j=1%2C2" {
		t.Errorf("%q %v", address, err)
	}
	for _, wrong := range [][]json.RawMessage{values(), values(`"a"`), values(`null`, `1`), values(`".."`, `1`), values(`"."`, `1`), values(`""`, `1`), values(`{`, `1`), values(`[]`, `1`)} {
		if _, err := o.Request(wrong, []byte("{}")); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if _, err := o.Request(values(`"a"`, `1`), nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a body: %v", err)
	}
}

// Whatever a document holds, it is read to an end, and what comes of it keeps its
// promises.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{shop, old, `{"openapi":"3.1.0","paths":{"/{a}":{"get":{"parameters":[{"in":"path","name":"a"}]}}}}`,
		"swagger: '2.0'\npaths:\n  /a: &a\n    get: {parameters: [*a]}\n", `{"openapi":"3.0.0","paths":{"/a":{"post":{"requestBody":{"$ref":"#/paths/~1a/post/requestBody"}}}}}`,
		"openapi: 3.1.0\npaths: {/a: {post: {requestBody: {content: {x: {schema: {allOf: [{$ref: '#/paths'}]}}}}}}}", "openapi: 3.0.1\npaths: {? [a] : b, 1: c, !!binary aGVsbG8=: d}"} {
		f.Add([]byte(seed))
	}
	r := restAt("https://api.example")
	f.Fuzz(func(t *testing.T, data []byte) {
		d, all, why := readDocument(data, at)
		if (d == nil) != (why != "") || d == nil && all != nil || len(all) > MaxOperations {
			t.Fatalf("%v %d %q", d, len(all), why)
		}
		for i := range all {
			o := &all[i]
			var values []json.RawMessage
			for _, p := range o.Parameters {
				if !json.Valid(p.Schema) || p.Example != nil && !json.Valid(p.Example) || bytes.Contains(p.Schema, []byte(`"$ref":"http`)) {
					t.Fatalf("%+v", p)
				}
				values = append(values, json.RawMessage(`"x"`))
			}
			body := []byte(nil)
			if o.Body != nil {
				if body = []byte("{}"); o.Body.Schema != nil && !json.Valid(o.Body.Schema) || o.Body.Example != nil && !json.Valid(o.Body.Example) {
					t.Fatalf("%+v", o.Body)
				}
			}
			q, err := o.Request(values, body)
			if err != nil {
				t.Fatalf("%+v cannot be filled in: %v", o, err)
			}
			if address, err := r.Check(q); err == nil && !strings.HasPrefix(address, "https://api.example/") {
				t.Fatalf("%+v goes to %q", o, address)
			}
		}
	})
}

// A server that leaves some places without an answer is not waited for without
// end, and what the connection knows is offered.
func TestADocumentIsLookedForAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(0)
		n.ServePlain("127.0.0.1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/openapi.json" {
				w.WriteHeader(404)
				return
			}
			<-r.Context().Done()
		}))
		client := transport.New(transport.Options{DialContext: n.DialContext})
		resource := connection.Resource{Kind: connection.REST, URL: "http://127.0.0.1/a/b"}
		raw, err := api.NewRaw(api.Options{Transport: client, Tokens: sameToken{}, Resource: resource})
		if err != nil {
			t.Fatal(err)
		}
		r := NewREST(RESTOptions{Resource: resource, Through: func(ctx context.Context, f func(context.Context, *api.Raw) error) (uint64, error) {
			return 0, f(ctx, raw)
		}})
		began := time.Now()
		_, err = r.Endpoints(t.Context(), "")
		if took := time.Since(began); err == nil || took > lookLimit {
			t.Errorf("nothing answered: %v after %v", err, took) // the first place is one that is silent
		}
		resource.URL = "http://127.0.0.1"
		r.o.Resource = resource
		began = time.Now()
		found, err := r.Endpoints(t.Context(), "")
		if took := time.Since(began); err != nil || took > lookLimit || len(found.Operations) != 8 {
			t.Errorf("%v %+v after %v", err, found, took)
		}
		_ = raw.Close()
		client.CloseIdle()
		n.Close()
		synctest.Wait()
	})
}
