package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"waybill/api"
	"waybill/connection"
	"waybill/secret"
	"waybill/transport"
)

// token stands for a token ladder that holds one valid token.
type token struct{}

func (token) Token(context.Context) (secret.Text, []string, error) {
	return secret.New("an-access-token"), []string{"todos.read"}, nil
}
func (token) Refused(secret.Text) {}

func ExampleNewREST() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		_, _ = io.WriteString(w, `{"success":true,"count":1,"data":[{"id":"7","title":"Buy milk","completed":false}]}`)
	}))
	defer server.Close()
	connections := transport.New(transport.Options{})
	defer connections.CloseIdle()

	todos := api.NewREST(api.Options{Transport: connections, Tokens: token{}, Resource: connection.Resource{Kind: connection.REST, URL: server.URL}})
	defer todos.Close()
	list, err := todos.List(context.Background(), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range list.Todos {
		fmt.Println(t.ID, t.Title)
	}
	can, err := todos.Capabilities(context.Background())
	fmt.Println(can.Write, can.Why, err)
	// Output:
	// 7 Buy milk
	// false This connection does not ask for the scope todos.write, so these to-dos can be read but not changed. <nil>
}
