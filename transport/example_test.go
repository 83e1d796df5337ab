package transport_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"waybill/fault"
	"waybill/transport"
)

// A client for a resource sends its bearer token to that resource and to
// nobody else, whatever address an answer contains.
func Example() {
	client := transport.New(transport.Options{})
	resource := client.HTTP(transport.Resource, "https://api.example")

	req, _ := http.NewRequest(http.MethodPost, "https://api.example.evil.example/todos", strings.NewReader("{}"))
	req.Header.Set("Authorization", "Bearer …")
	_, err := resource.Do(req)

	var f *fault.Fault
	fmt.Println(errors.As(err, &f) && f.Kind == fault.Hostile)
	fmt.Println(f.Message)
	// Output:
	// true
	// A request to https://api.example.evil.example:443 was stopped: what it carries is meant for https://api.example:443 alone.
}
