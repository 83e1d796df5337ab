package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/secret"
)

// rsaBits is the size of RSA keys that are made here.
const rsaBits = 3072

// NewClientKey makes a key pair for private_key_jwt: ES256, also for "", or
// RS256. The private half is a JWK for Credentials; its key id is the key's
// thumbprint (RFC 7638). Another algorithm is a Fault of kind Config.
func NewClientKey(algorithm string) (private secret.Text, err error) {
	var key crypto.Signer
	switch algorithm {
	case "", string(jose.ES256):
		algorithm = string(jose.ES256)
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case string(jose.RS256):
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return secret.Text{}, fault.New(fault.StepSetup, fault.Config, "bad_algorithm",
			fmt.Sprintf("Keys for %q are not made here.", fault.Clean(algorithm, 20))).WithRemedy("Use ES256 or RS256.")
	}
	if err != nil {
		return secret.Text{}, fault.As(err)
	}
	jwk := jose.JSONWebKey{Key: key, Algorithm: algorithm, Use: "sig"}
	print, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return secret.Text{}, fault.As(err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(print)
	text, err := jwk.MarshalJSON()
	if err != nil {
		return secret.Text{}, fault.As(err)
	}
	return secret.New(string(text)), nil
}

// PublicClientKey returns the public half of a client's private JWK, as a JWK
// to be registered at the server. Errors do not quote the key.
func PublicClientKey(private secret.Text) (json.RawMessage, error) {
	key, why := parseKey(private)
	if why != "" {
		return nil, fault.New(fault.StepSetup, fault.Config, "bad_client_key", "The private key "+why+".").WithRemedy("Make a new one.")
	}
	public := key.Public()
	if !public.IsPublic() {
		return nil, fault.New(fault.StepSetup, fault.Config, "bad_client_key", "The key has no public half.").WithRemedy("Make a new one.")
	}
	out, err := public.MarshalJSON()
	if err != nil {
		return nil, fault.As(err)
	}
	return out, nil
}
