package archive_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"waybill/archive"
	"waybill/todo"
)

// A table is safe to open in a spreadsheet: what would be a formula is text.
func ExampleEncode() {
	data, err := archive.Encode(archive.CSV, archive.Contents{Todos: []todo.Todo{
		{ID: "1", Title: "Buy milk", Description: "- oat\n- soy", Priority: todo.High, Tags: []string{"home", "shop, weekly"}, Due: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)},
		{ID: "2", Title: "=HYPERLINK(\"https://evil.example\")", Completed: true},
	}}, archive.Options{})
	if err != nil {
		fmt.Println(err)
	}
	os.Stdout.WriteString(strings.ReplaceAll(string(data), "\r\n", "\n"))
	// Output:
	// id,title,description,completed,priority,tags,due
	// 1,Buy milk,"'- oat
	// '- soy",false,high,"home, ""shop, weekly""",2026-11-24
	// 2,"'=HYPERLINK(""https://evil.example"")",,true,,,
}

// A backup is JSON with one to-do a line.
func ExampleEncode_backup() {
	data, _ := archive.Encode(archive.Backup, archive.Contents{
		Header: archive.Header{Made: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), By: "waybill 1.0", Connection: "office", Resource: "https://todos.example",
			Issuer: "https://idp.example", Subject: "8812", Email: "alice@example.com"},
		Todos: []todo.Todo{{ID: "1", Title: "Buy milk"}, {ID: "2", Title: "Call Bob", Completed: true}},
	}, archive.Options{})
	os.Stdout.Write(data)
	// Output:
	// {
	//   "format": "waybill-backup",
	//   "version": 1,
	//   "made": "2026-11-24T10:00:00Z",
	//   "by": "waybill 1.0",
	//   "connection": "office",
	//   "resource": "https://todos.example",
	//   "account": {
	//     "issuer": "https://idp.example",
	//     "subject": "8812",
	//     "email": "alice@example.com"
	//   },
	//   "todos": [
	//     {"id":"1","title":"Buy milk","completed":false},
	//     {"id":"2","title":"Call Bob","completed":true}
	//   ],
	//   "unsent": []
	// }
}

// Read takes the tables that other programs write, and names what it left out.
func ExampleRead() {
	f, err := archive.Read(strings.NewReader("Task;Notes;Done;Assignee\nBuy milk;oat;no;Bob\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, item := range f.Items() {
		fmt.Println(*item.Fields.Title, item.Fields.Fields())
	}
	fmt.Println(f.Notices)
	// Output:
	// Buy milk [title description completed]
	// [Columns that are not known were left out: Assignee.]
}
