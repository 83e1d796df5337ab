package todo

import "slices"

// Field names a field of a to-do that an edit can change, by its name at the
// API.
type Field string

// The fields, in the order in which they are shown.
const (
	FieldTitle       Field = memberTitle
	FieldDescription Field = memberDescription
	FieldCompleted   Field = memberCompleted
	FieldPriority    Field = memberPriority
	FieldTags        Field = memberTags
	FieldDue         Field = memberDue
)

// Apply returns t with the fields of the patch.
func (p Patch) Apply(t Todo) Todo {
	if p.Title != nil {
		t.Title = *p.Title
	}
	if p.Description != nil {
		t.Description = *p.Description
	}
	if p.Completed != nil {
		t.Completed = *p.Completed
	}
	if p.Priority != nil {
		t.Priority = *p.Priority
	}
	if p.Tags != nil {
		t.Tags = slices.Clone(*p.Tags)
	}
	if p.Due != nil {
		t.Due = *p.Due
	}
	return t
}

// IsZero reports whether the patch changes no field.
func (p Patch) IsZero() bool { return p == Patch{} }

// Fields lists the fields that the patch names.
func (p Patch) Fields() []Field {
	var out []Field
	for _, f := range [...]struct {
		named bool
		field Field
	}{
		{p.Title != nil, FieldTitle},
		{p.Description != nil, FieldDescription},
		{p.Completed != nil, FieldCompleted},
		{p.Priority != nil, FieldPriority},
		{p.Tags != nil, FieldTags},
		{p.Due != nil, FieldDue},
	} {
		if f.named {
			out = append(out, f.field)
		}
	}
	return out
}

// Without returns the patch without the named fields.
func (p Patch) Without(fields ...Field) Patch {
	for _, f := range fields {
		switch f {
		case FieldTitle:
			p.Title = nil
		case FieldDescription:
			p.Description = nil
		case FieldCompleted:
			p.Completed = nil
		case FieldPriority:
			p.Priority = nil
		case FieldTags:
			p.Tags = nil
		case FieldDue:
			p.Due = nil
		}
	}
	return p
}

// Then returns the patch that does what p and, after it, next does.
func (p Patch) Then(next Patch) Patch {
	return Patch{
		Title:       later(p.Title, next.Title),
		Description: later(p.Description, next.Description),
		Completed:   later(p.Completed, next.Completed),
		Priority:    later(p.Priority, next.Priority),
		Tags:        later(p.Tags, next.Tags),
		Due:         later(p.Due, next.Due),
	}
}

func later[T any](a, b *T) *T {
	if b != nil {
		return b
	}
	return a
}

// PatchOf returns the patch that names every field of t, so that applied to an
// empty to-do it makes t's content.
func PatchOf(t Todo) Patch {
	tags := slices.Clone(t.Tags)
	return Patch{Title: &t.Title, Description: &t.Description, Completed: &t.Completed,
		Priority: &t.Priority, Tags: &tags, Due: &t.Due}
}

// Diff returns the patch that turns the content of a into that of b.
func Diff(a, b Todo) Patch { return PatchOf(b).Changes(a) }

// Changes returns the part of the patch that would change t.
func (p Patch) Changes(t Todo) Patch {
	if p.Title != nil && *p.Title == t.Title {
		p.Title = nil
	}
	if p.Description != nil && *p.Description == t.Description {
		p.Description = nil
	}
	if p.Completed != nil && *p.Completed == t.Completed {
		p.Completed = nil
	}
	if p.Priority != nil && *p.Priority == t.Priority {
		p.Priority = nil
	}
	if p.Tags != nil && sameTags(*p.Tags, t.Tags) {
		p.Tags = nil
	}
	if p.Due != nil && p.Due.Equal(t.Due) {
		p.Due = nil
	}
	return p
}

// Restrict returns the values that t has for the fields that the patch names.
func (p Patch) Restrict(t Todo) Patch {
	all := PatchOf(t)
	keep := p.Fields()
	for _, f := range all.Fields() {
		if !slices.Contains(keep, f) {
			all = all.Without(f)
		}
	}
	return all
}

// SameContent reports whether a and b are the same to-do to a reader: all
// fields but the id, the version and unknown members.
func SameContent(a, b Todo) bool { return Diff(a, b).IsZero() }

// Apply returns the to-do as it is after the edit; gone is true after Delete.
// An Update changes what is there; a Create replaces it.
func (e Edit) Apply(t Todo) (after Todo, gone bool) {
	switch e.Op {
	case Delete:
		return Todo{}, true
	case Create:
		return e.Patch.Apply(Todo{ID: e.ID}), false
	default:
		return e.Patch.Apply(t), false
	}
}

// sameTags compares tags as sets: their order has no meaning.
func sameTags(a, b []string) bool {
	if slices.Equal(a, b) {
		return true
	}
	x, y := slices.Clone(a), slices.Clone(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}
