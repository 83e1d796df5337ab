package playground_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"waybill/playground"
)

// A playground that keeps nothing, on four free ports of this computer.
func Example() {
	p, err := playground.Start(context.Background(), playground.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	at := p.Endpoints()
	answer, err := http.Get(at.IdP + "/.well-known/openid-configuration")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	fmt.Println(answer.StatusCode, strings.HasPrefix(at.IdP, "http://127.0.0.1:"))
	fmt.Println(at.Clients.REST.ResourceClientID == at.Clients.REST.ClientID+"-at-todo0")
	fmt.Println(at.Clients.REST.ClientSecret)
	// Output:
	// 200 true
	// true
	// [redacted]
}
