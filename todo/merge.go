package todo

import (
	"slices"
	"strings"
)

// Merge brings an edit onto a to-do that has changed since the edit was made.
//
// patch holds what the edit still has to change in theirs: fields that only the
// edit changed, and tags merged as sets. conflicts are the fields that both
// sides changed to different values; they are not in patch. A field that is in
// theirs what the edit wants is in neither. Texts that differ in the blanks
// around them alone are nobody's conflict: many servers take them off. Only
// Base's values of the fields that the patch names are looked at.
//
// The result depends on the three values alone, so every computer that merges
// the same edit into the same to-do comes to the same result.
func (e Edit) Merge(theirs Todo) (patch Patch, conflicts []Field) {
	patch = e.Patch
	if patch.Tags != nil {
		merged := MergeTags(e.Base.Tags, *patch.Tags, theirs.Tags)
		patch.Tags = &merged
	}
	patch = patch.Changes(theirs)              // what theirs has already is done
	mine := e.Patch.Changes(e.Base)            // what the edit really changed
	foreign := PatchOf(theirs).Changes(e.Base) // what the others really changed
	for _, f := range patch.Fields() {
		switch {
		case !mine.has(f):
			patch = patch.Without(f)
		case foreign.has(f) && SameButBlanks(f, e.Patch.Apply(Todo{}), theirs):
			patch = patch.Without(f)
		case f != FieldTags && foreign.has(f) && !SameButBlanks(f, e.Base, theirs):
			conflicts = append(conflicts, f)
		}
	}
	return patch.Without(conflicts...), conflicts
}

// SameButBlanks reports whether f is a text that is the same in both but for the
// blanks around it, which many servers take off.
func SameButBlanks(f Field, a, b Todo) bool {
	switch f {
	case FieldTitle:
		return strings.TrimSpace(a.Title) == strings.TrimSpace(b.Title)
	case FieldDescription:
		return strings.TrimSpace(a.Description) == strings.TrimSpace(b.Description)
	default:
		return false
	}
}

func (p Patch) has(f Field) bool { return slices.Contains(p.Fields(), f) }

// MergeTags brings the tags that were added and removed between base and mine
// onto theirs. The order is that of theirs, with what was added after it; or
// mine, where theirs did not change.
func MergeTags(base, mine, theirs []string) []string {
	if slices.Equal(base, theirs) {
		return slices.Clone(mine)
	}
	merged := make([]string, 0, len(theirs)+len(mine))
	for _, tag := range theirs {
		removed := slices.Contains(base, tag) && !slices.Contains(mine, tag)
		if !removed && !slices.Contains(merged, tag) {
			merged = append(merged, tag)
		}
	}
	for _, tag := range mine {
		if !slices.Contains(base, tag) && !slices.Contains(merged, tag) {
			merged = append(merged, tag)
		}
	}
	return merged
}
