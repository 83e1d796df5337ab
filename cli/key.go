package cli

import (
	"context"

	"waybill/session"
)

// connectionKey prints the public half of a connection's key as a JWK, and
// makes the key first if there is none.
func connectionKey(ctx context.Context, c *call) error {
	var r session.KeyRequest
	at := c.flags.String("at", string(session.AtIdP), "the registration that the key is for: `idp` or resource")
	c.flags.StringVar(&r.Algorithm, "alg", "ES256", "the algorithm of a key that is made: `ES256` or RS256")
	c.flags.BoolVar(&r.Replace, "replace", false, "make a new key though there is one; the old one is gone then")
	name, err := c.oneWord("Name one connection.")
	if err != nil {
		return err
	}
	m, err := c.open(ctx)
	if err != nil {
		return err
	}
	r.At = session.Side(*at)
	public, err := m.ClientKey(ctx, name, r)
	if err != nil {
		return err
	}
	if err := c.printJSON(public); err != nil {
		return err
	}
	c.say("Register this public key there, and have the client authenticate with private_key_jwt. The private key stays sealed on this computer.")
	return nil
}
