package connection

import "waybill/secret"

// Credentials are the secrets that belong to one Connection. They live in the
// vault and in memory, never in a Connection or its file.
type Credentials struct {
	IdP      secret.Text // client secret at the identity provider; empty for a public client
	Resource secret.Text // client secret at the resource's authorization server

	IdPKey      secret.Text // private key as a JWK for private_key_jwt at the identity provider
	ResourceKey secret.Text // the same at the resource's authorization server
}
