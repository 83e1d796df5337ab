package explore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"waybill/transport"
)

// Bounds of an OpenAPI document, beside MaxAnswer.
const (
	MaxOperations = 2000
	maxValues     = 1_000_000 // that a document may hold, about
	maxParameters = 100       // of an operation
	maxNotes      = 20
	maxWords      = 16 << 10 // bytes of a description
	maxTemplate   = 2 << 10  // bytes of a path
	maxHops       = 32       // references in a row
)

// methods are those that an OpenAPI document may have, in the order shown.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

type object = map[string]any

// document is an OpenAPI document being read. It is read by hand, since documents
// here come from whoever: of one with mistakes, or with references to elsewhere,
// the rest is still of use, and nothing in it may cost more than it is worth.
type document struct {
	Document
	root    object
	old     bool // Swagger 2.0
	pre31   bool // schemas are those of OpenAPI 3.0 or older
	origin  string
	address *url.URL
	media   []string // Swagger 2.0: consumes
	room    int      // values that all its schemas may still have
}

// readDocument reads a document that was found at address. why says in one
// sentence why it is none.
func readDocument(data []byte, address string) (_ *Document, all []Operation, why string) {
	root, why := parseDocument(data)
	if why != "" {
		return nil, nil, why
	}
	d := &document{root: root, room: maxSchemas}
	d.Address = address
	version := str(root["openapi"])
	switch {
	case strings.HasPrefix(version, "3."):
		d.Format = "OpenAPI " + Said(clip(version, 20)).Line()
		d.pre31 = strings.HasPrefix(version, "3.0")
	case str(root["swagger"]) == "2.0":
		d.Format, d.old, d.pre31 = "Swagger 2.0", true, true
	default:
		return nil, nil, "This is no OpenAPI document of version 2 or 3."
	}
	paths, ok := root["paths"].(object)
	if !ok {
		return nil, nil, "This OpenAPI document lists no paths."
	}
	var err error
	if d.address, err = url.Parse(address); err == nil {
		d.origin, err = transport.Origin(address)
	}
	if err != nil {
		return nil, nil, "This document was found at no address." // cannot be: it was fetched
	}
	info := obj(root["info"])
	d.Title, d.Version, d.Description = said(info["title"]), said(info["version"]), said(info["description"])
	d.media = texted(root["consumes"])
	all = d.operations(paths)
	byGroup(all, d.groups())
	return &d.Document, all, ""
}

// parseDocument reads JSON or YAML, bounded before it takes room.
func parseDocument(data []byte) (root object, why string) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	head := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(head) == 0:
		return nil, "The answer is empty."
	case head[0] == '<':
		return nil, "The answer is a web page."
	case valuesIn(data) > maxValues:
		return nil, "The document holds more than this app is willing to read."
	case head[0] == '{':
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if decoder.Decode(&root) != nil {
			return nil, "The answer is not JSON that can be read."
		}
		return root, ""
	case !utf8.Valid(data) || !bytes.Contains(data, []byte("openapi")) && !bytes.Contains(data, []byte("swagger")):
		return nil, "The answer is no OpenAPI document."
	}
	var v any
	if yaml.Unmarshal(data, &v) != nil {
		return nil, "The answer is neither JSON nor YAML that can be read."
	}
	room := maxValues
	if root, _ = plain(v, &room).(object); root == nil || room < 0 {
		return nil, "The answer is no OpenAPI document."
	}
	return root, ""
}

// valuesIn is about how many values a text of JSON or YAML has, and rather too many
// than too few.
func valuesIn(data []byte) (n int) {
	for _, c := range data {
		switch c {
		case ',', ':', '[', '{', '-', '*':
			n++
		}
	}
	return n
}

// plain makes what yaml reads what json reads. room is how many values there may
// be, since an alias of YAML may stand for many.
func plain(v any, room *int) any {
	if *room--; *room < 0 {
		return nil
	}
	switch v := v.(type) {
	case object:
		for name := range v {
			v[name] = plain(v[name], room)
		}
		return v
	case map[any]any:
		out := object{}
		for name, value := range v {
			out[fmt.Sprint(name)] = plain(value, room)
		}
		return out
	case []any:
		for i := range v {
			v[i] = plain(v[i], room)
		}
		return v
	case int, int64, uint64:
		return json.Number(fmt.Sprint(v))
	case float64:
		text, err := json.Marshal(v)
		if err != nil { // infinite, or no number
			return nil
		}
		return json.Number(text)
	case string, bool, nil:
		return v
	}
	return fmt.Sprint(v) // a date
}

func (d *document) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(d.Notes) < maxNotes && !slices.Contains(d.Notes, text) {
		d.Notes = append(d.Notes, text)
	}
}

// resolve follows references within the document; one that leads nowhere is nil.
func (d *document) resolve(v any) any {
	for range maxHops {
		o, ok := v.(object)
		ref, is := o["$ref"].(string)
		if !ok || !is {
			return v
		}
		if v = d.at(ref); v == nil {
			return nil
		}
	}
	d.note("A reference leads in a circle.")
	return nil
}

// at finds what a reference points to: a JSON pointer (RFC 6901) into this very
// document. What is elsewhere is not fetched.
func (d *document) at(ref string) any {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		d.note("A part of it lies in another document, which was not fetched.")
		return nil
	}
	if plain, err := url.PathUnescape(pointer); err == nil {
		pointer = plain
	}
	var v any = d.root
	if pointer == "" {
		return v
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch inside := v.(type) {
		case object:
			v = inside[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(inside) {
				return nil
			}
			v = inside[i]
		default:
			return nil
		}
	}
	return v
}

// groups are the names of the document's own list of tags.
func (d *document) groups() (names []string) {
	for _, v := range items(d.root["tags"]) {
		names = append(names, string(said(obj(v)["name"])))
	}
	return names
}

func (d *document) operations(paths object) (all []Operation) {
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := obj(d.resolve(paths[path]))
		prefix := d.prefix(item)
		for _, method := range methods {
			about, ok := item[strings.ToLower(method)].(object)
			switch {
			case !ok:
			case len(all) >= MaxOperations || !strings.HasPrefix(path, "/") || len(prefix)+len(path) > maxTemplate || strings.ContainsAny(path, "?#\\"):
				d.LeftOut++
			default:
				at := prefix
				if _, own := about["servers"]; own && !d.old {
					at = d.prefix(about)
				}
				all = append(all, d.operation(method, at+path, item, about))
			}
		}
	}
	return all
}

// prefix is the path of the server at which the operations of v are, v's own or
// the document's.
func (d *document) prefix(v object) string {
	address := "/"
	switch servers := items(v["servers"]); {
	case d.old:
		if path := str(d.root["basePath"]); path != "" {
			address = path
		}
		if host := str(d.root["host"]); host != "" && host != d.address.Host {
			d.Elsewhere = Said(clip(host, 200))
		}
	case len(servers) > 0:
		address = serverAddress(obj(servers[0]))
	default:
		if servers = items(d.root["servers"]); len(servers) > 0 {
			address = serverAddress(obj(servers[0]))
		}
	}
	to, err := d.address.Parse(address)
	if err != nil {
		d.note("The address of the document's server cannot be read.")
		return ""
	}
	if origin, err := transport.Origin(to.Scheme + "://" + to.Host); err != nil || origin != d.origin {
		d.Elsewhere = Said(clip(to.Scheme+"://"+to.Host, 200))
	}
	return strings.TrimRight(to.EscapedPath(), "/")
}

// serverAddress fills in the defaults of a server's variables.
func serverAddress(server object) string {
	address := str(server["url"])
	for name, v := range obj(server["variables"]) {
		address = strings.ReplaceAll(address, "{"+name+"}", clip(str(obj(v)["default"]), 200))
		if len(address) > maxTemplate {
			return "/"
		}
	}
	return address
}

// The kinds of JSON values; the zero value where v is another.

func obj(v any) object  { o, _ := v.(object); return o }
func items(v any) []any { l, _ := v.([]any); return l }
func str(v any) string  { s, _ := v.(string); return s }
func truth(v any) bool  { b, _ := v.(bool); return b }
func said(v any) Said   { return Said(clip(str(v), maxWords)) }

func texted(v any) (out []string) {
	for _, item := range items(v) {
		if s := str(item); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// clip cuts a text to that many bytes, between characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
