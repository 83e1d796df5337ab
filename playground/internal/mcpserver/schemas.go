package mcpserver

import (
	"github.com/google/jsonschema-go/jsonschema"
)

type properties = map[string]*jsonschema.Schema

// closed is an object with these members and no others.
func closed(p properties, required ...string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Properties: p, Required: required,
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}}
}

func text(description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Description: description}
}

func words(description string, enum ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Description: description, Enum: enum}
}

func flag(description string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "boolean", Description: description}
}

// clearable is s, or null to clear the member.
func clearable(s *jsonschema.Schema) *jsonschema.Schema {
	s.Types, s.Type = []string{s.Type, "null"}, ""
	if s.Enum != nil {
		s.Enum = append(s.Enum, nil)
	}
	s.Description += " null clears it."
	return s
}

const dueForm = "RFC 3339 date and time, or a date alone."

// members are those of a to-do that a caller can set. Each call makes new
// schemas, since an update allows null where a creation does not.
func members() properties {
	return properties{
		"title":       {Type: "string", Description: "What is to be done.", MinLength: new(1)},
		"description": text("Further words."),
		"completed":   flag("Whether it is done."),
		"priority":    words("How important it is.", "high", "medium", "low"),
		"tags":        {Type: "array", Description: "Short words to find it by.", Items: &jsonschema.Schema{Type: "string"}},
		"dueDate":     text("When it is due: " + dueForm),
	}
}

func listInputSchema() *jsonschema.Schema {
	return closed(properties{
		"status":    words("Which to-dos.", "all", "completed", "incomplete"),
		"priority":  words("Only to-dos of this priority.", "high", "medium", "low"),
		"tag":       text("Only to-dos with this tag, in any case."),
		"query":     text("Only to-dos with these words in title or description, in any case."),
		"dueBefore": text("Only to-dos due before this: " + dueForm),
		"dueAfter":  text("Only to-dos due after this: " + dueForm),
		"limit":     {Type: "integer", Description: "How many to-dos at the most.", Minimum: new(1.0), Maximum: new(float64(pageLimit))},
		"cursor":    text("The nextCursor of an earlier answer, with the same conditions."),
	})
}

func createInputSchema() *jsonschema.Schema {
	p := members()
	p["id"] = text("The id that the to-do shall have: letters, digits and - . _ ~. Without it the server chooses one.")
	p["idempotencyKey"] = &jsonschema.Schema{Type: "string", MaxLength: new(255),
		Description: "A random text. Repeating the call with it adds nothing and gives the same answer."}
	return closed(p, "title")
}

func targetProperties() properties {
	return properties{
		"id":      text("Which to-do."),
		"ifMatch": text("The etag of the version that the caller knows; if the to-do was changed since, nothing is done."),
	}
}

func updateInputSchema() *jsonschema.Schema {
	p := targetProperties()
	for name, s := range members() {
		if name != "title" && name != "completed" {
			s = clearable(s)
		}
		p[name] = s
	}
	return closed(p, "id")
}

func deleteInputSchema() *jsonschema.Schema { return closed(targetProperties(), "id") }

// todoSchema is a to-do as the server shows it. It is open: unknown members
// that a client gave are shown as they came.
func todoSchema() *jsonschema.Schema {
	p := members()
	p["id"] = text("The to-do's id.")
	p["etag"] = text("The version of the to-do, for ifMatch.")
	return &jsonschema.Schema{Type: "object", Properties: p, Required: []string{"id", "title", "completed", "etag"}}
}

func listOutputSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Required: []string{"success", "count", "user", "data"}, Properties: properties{
		"success":    flag("Always true."),
		"count":      {Type: "integer", Description: "How many to-dos this answer has."},
		"user":       text("Whose to-dos they are."),
		"data":       {Type: "array", Items: todoSchema()},
		"nextCursor": text("Where the rest begins; absent if there is none."),
	}}
}

func itemOutputSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Required: []string{"success", "data"},
		Properties: properties{"success": flag("Always true."), "data": todoSchema()}}
}

func deleteOutputSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "object", Required: []string{"success", "id"},
		Properties: properties{"success": flag("Always true."), "id": text("The to-do that is gone.")}}
}
