package connection

import (
	"maps"
	"slices"
)

// shapes describe well-known APIs as their documentation does. Each is tested
// against a server that imitates that, not against the service.
func shapes() map[string]Todos {
	return map[string]Todos{
		"google-tasks":   googleTasks(),
		"microsoft-todo": microsoftTodo(),
		"todoist":        todoist(),
		"json-server":    jsonServer(),
	}
}

// Shapes returns the names that Todos.Shape may have, sorted.
func Shapes() []string { return slices.Sorted(maps.Keys(shapes())) }

// microsoftTodo is Microsoft Graph's; Path names the list, as in
// /me/todo/lists/{list}/tasks below https://graph.microsoft.com/v1.0. The
// importance "normal" is what a task without priority has, so that nothing is
// left for medium.
func microsoftTodo() Todos {
	return Todos{
		At: "value", Paging: &Paging{By: PageNext, At: "/@odata.nextLink"},
		Description: &TodoText{Path: "body.content", With: map[Path]any{"body.contentType": "text"}},
		Done:        &TodoDone{Path: "status", Values: []any{"completed"}, Open: "notStarted"},
		Priority:    &TodoPriority{TodoText: TodoText{Path: "importance"}, None: "normal", Low: "low", High: "high"},
		Tags:        &TodoTags{TodoText: TodoText{Path: "categories"}},
		Due: &TodoDue{TodoText: TodoText{Path: "dueDateTime.dateTime", With: map[Path]any{"dueDateTime.timeZone": "UTC"}},
			As: DueLocal, Days: true},
		Updated: "lastModifiedDateTime", ETag: "/@odata.etag",
		Create: "POST", Update: "PATCH", Delete: "DELETE", WriteScope: "Tasks.ReadWrite",
	}
}

// googleTasks is Google's; Path names the list, as in
// /lists/{list}/tasks?showCompleted=true&showHidden=true&maxResults=100 below
// https://tasks.googleapis.com/tasks/v1.
func googleTasks() Todos {
	return Todos{
		Path: "/lists/@default/tasks?showCompleted=true&showHidden=true&maxResults=100",
		At:   "items", Sparse: true, Paging: &Paging{By: PageToken, At: "nextPageToken", Parameter: "pageToken"},
		Description: &TodoText{Path: "notes"},
		Done:        &TodoDone{Path: "status", Values: []any{"completed"}, Open: "needsAction"},
		Due:         &TodoDue{TodoText: TodoText{Path: "due"}, Days: true},
		Deleted:     "deleted", Updated: "updated", ETag: "etag",
		Create: "POST", Update: "PATCH", Delete: "DELETE", WriteScope: "https://www.googleapis.com/auth/tasks",
	}
}

// todoist is Todoist's REST API v2, below https://api.todoist.com/rest/v2. Its
// list holds open tasks only.
func todoist() Todos {
	return Todos{
		Path: "/tasks", OpenOnly: true, Title: "content",
		Description: &TodoText{Path: "description"},
		Done:        &TodoDone{Path: "is_completed", Close: "/tasks/{id}/close", Reopen: "/tasks/{id}/reopen"},
		Priority:    &TodoPriority{TodoText: TodoText{Path: "priority"}, None: 1, Low: 2, Medium: 3, High: 4},
		Tags:        &TodoTags{TodoText: TodoText{Path: "labels"}},
		Due: &TodoDue{TodoText: TodoText{Path: "due.date", Write: "due_date", Clear: "no date", ClearAt: "due_string"},
			As: DueDate, Days: true},
		Create: "POST", Update: "POST", Delete: "DELETE", WriteScope: "data:read_write",
	}
}

// jsonServer is what JSONPlaceholder and json-server offer: a bare array of
// flat objects.
func jsonServer() Todos {
	return Todos{
		Path: "/todos", Done: &TodoDone{Path: "completed"},
		Create: "POST", Update: "PUT", Delete: "DELETE",
	}
}

// Filled returns t with the members of its Shape where it has none itself, and
// what is said of each member without one. The values are shared, not copied.
func (t Todos) Filled() Todos {
	s := shapes()[t.Shape]
	texts := []struct{ own, shape *string }{
		{&t.Path, &s.Path}, {&t.Item, &s.Item}, {&t.Wrap, &s.Wrap}, {&t.Create, &s.Create}, {&t.Update, &s.Update}, {&t.Delete, &s.Delete},
		{&t.ReadOnly, &s.ReadOnly}, {&t.WriteScope, &s.WriteScope}, {&t.KeyHeader, &s.KeyHeader},
		{(*string)(&t.At), (*string)(&s.At)}, {(*string)(&t.ItemAt), (*string)(&s.ItemAt)}, {(*string)(&t.ID), (*string)(&s.ID)},
		{(*string)(&t.Title), (*string)(&s.Title)}, {(*string)(&t.Deleted), (*string)(&s.Deleted)},
		{(*string)(&t.Updated), (*string)(&s.Updated)}, {(*string)(&t.ETag), (*string)(&s.ETag)},
	}
	for _, m := range texts {
		if *m.own == "" {
			*m.own = *m.shape
		}
	}
	t.Paging, t.Description, t.Done = or(t.Paging, s.Paging), or(t.Description, s.Description), or(t.Done, s.Done)
	t.Priority, t.Tags, t.Due = or(t.Priority, s.Priority), or(t.Tags, s.Tags), or(t.Due, s.Due)
	t.OpenOnly, t.Sparse, t.IfMatch = t.OpenOnly || s.OpenOnly, t.Sparse || s.Sparse, t.IfMatch || s.IfMatch
	if t.New == nil {
		t.New = s.New
	}
	if t.Headers == nil {
		t.Headers = s.Headers
	}
	if t.ID == "" {
		t.ID = "id"
	}
	if t.Title == "" {
		t.Title = "title"
	}
	return t
}

func or[T any](own, shape *T) *T {
	if own != nil {
		return own
	}
	return shape
}
