package api

import (
	"context"
	"encoding/json"
	"slices"
)

// whyUnfit is the sentence of Capabilities for tools that exist but cannot be
// used.
const whyUnfit = "This to-do service offers tools for changes that this app does not know how to use."

// usableTool is one of the tools that this app uses by itself. Its schema is
// read only for the names of the arguments: nothing in it is followed or
// fetched, and whatever it says, nothing but the to-do is ever sent.
type usableTool struct {
	properties map[string]json.RawMessage // nil: it does not say, so everything is sent
	fits       bool                       // all that it requires is at hand, and its name is not given twice
}

// alwaysSent are the arguments that a tool can count on, and whether it is one
// of those that this app uses.
func alwaysSent(tool string) (arguments []string, ours bool) {
	switch tool {
	case toolCreate:
		return []string{"id", "title", "completed"}, true
	case toolUpdate, toolDelete:
		return []string{"id"}, true
	}
	return nil, false
}

// tools returns the tools among these that the server offers, asked for once in
// each session.
func (s *session) tools(ctx context.Context) (map[string]usableTool, error) {
	s.learnt.mu.Lock()
	known := s.learnt.tools
	s.learnt.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var all []offered
	if offersTools(s) {
		var err error
		if all, err = listTools(ctx, s); err != nil {
			return nil, err
		}
	}
	found := map[string]usableTool{}
	for _, t := range all {
		sent, ours := alwaysSent(t.name)
		if !ours {
			continue
		}
		_, double := found[t.name]
		use := readSchema(t.input, sent)
		use.fits = use.fits && !double
		found[t.name] = use
	}
	s.learnt.mu.Lock()
	defer s.learnt.mu.Unlock()
	s.learnt.tools = found
	return found, nil
}

// forgetTools has the next call ask for the tools again.
func (s *session) forgetTools() {
	s.learnt.mu.Lock()
	defer s.learnt.mu.Unlock()
	s.learnt.tools = nil
}

// usable returns the tool of this name. One that was not offered before is
// asked for again: a server may be updated in the middle of a session.
func (s *session) usable(ctx context.Context, name string, about asking) (usableTool, error) {
	s.learnt.mu.Lock()
	old := s.learnt.tools != nil && !s.learnt.tools[name].fits
	s.learnt.mu.Unlock()
	if old {
		s.forgetTools()
	}
	tools, err := s.tools(ctx)
	if err != nil {
		return usableTool{}, err
	}
	known := tools[name]
	if !known.fits {
		return usableTool{}, notOffered(about, "")
	}
	return known, nil
}

func readSchema(raw json.RawMessage, sent []string) usableTool {
	var schema struct {
		Type       any                        `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if json.Unmarshal(raw, &schema) != nil || (schema.Type != nil && schema.Type != "object") {
		return usableTool{}
	}
	use := usableTool{properties: schema.Properties, fits: true}
	for _, name := range schema.Required {
		use.fits = use.fits && slices.Contains(sent, name)
	}
	return use
}

// arguments are the members of a tool call.
type arguments map[string]json.RawMessage

// argumentsOf returns the JSON members of a to-do or of a patch.
func argumentsOf(v json.Marshaler) (arguments, error) {
	data, err := v.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var out arguments
	return out, json.Unmarshal(data, &out)
}

// name adds which item is meant, and in which version.
func (a arguments) name(id, ifMatch string) {
	a["id"] = rawJSON(id)
	if ifMatch != "" {
		a["ifMatch"] = rawJSON(ifMatch)
	}
}

// accepted returns the arguments that the tool knows.
func (t usableTool) accepted(args arguments) arguments {
	if len(t.properties) == 0 {
		return args
	}
	out := arguments{}
	for name, value := range args {
		if _, known := t.properties[name]; known {
			out[name] = value
		}
	}
	return out
}
