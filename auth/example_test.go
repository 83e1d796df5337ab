package auth_test

import (
	"context"
	"fmt"

	"waybill/auth"
	"waybill/connection"
	"waybill/transport"
)

// A ladder hands out access tokens for one signed-in user at one resource: the
// cached one while it is good, else a new one by the cheapest way. Without a
// session it says so, and asks nobody.
func ExampleLadder() {
	client := transport.New(transport.Options{})
	conn := connection.Connection{
		Name: "example",
		IdP:  connection.IdP{Issuer: "https://idp.example", ClientID: "client_1"},
		Resource: connection.Resource{
			Kind: connection.REST, URL: "https://api.example",
			AuthorizationServer: "https://auth.example", ClientID: "client_1-at-todos",
		},
	}
	plans := auth.NewPlanCache(client, conn, connection.Credentials{}, nil)
	defer plans.Close()
	ladder := auth.NewLadder(auth.LadderOptions{
		Plan: plans.Get, Transport: client,
		Session: func() *auth.Session { return nil },
	})
	_, _, err := ladder.Token(context.Background())
	fmt.Println(err)
	// Output: Nobody is signed in. Sign in.
}
