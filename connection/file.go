package connection

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"waybill/fault"
	"waybill/secret"
)

// MaxFileSize is how large a connection file may be, in bytes (S106).
const MaxFileSize = 64 << 10

// fileForm is a connection with its secrets, as a file gives it. It exists
// only while a file is read.
type fileForm struct {
	Connection
	IdP      idpForm      `json:"idp"`
	Resource resourceForm `json:"resource"`
}

type idpForm struct {
	IdP
	secretForm
}

type resourceForm struct {
	Resource
	secretForm
}

type secretForm struct {
	ClientSecret string          `json:"client_secret"`
	PrivateKey   json.RawMessage `json:"private_key"`
}

// Parse reads a connection from JSON. A client_secret is either left out or
// written as ${NAME}, which lookup resolves, usually from the environment; a
// secret written out in the file is refused, so that files can be handed on.
// A private_key is a JWK, or ${NAME} that holds one. Unknown members are
// refused: a misspelt field would otherwise be silently without effect.
//
// Errors are Faults of kind Config that name the field.
func Parse(data []byte, lookup func(name string) (string, bool)) (Connection, Credentials, error) {
	if len(data) > MaxFileSize {
		return Connection{}, Credentials{}, wrong("too_large", "The connection file is larger than 64 KiB.")
	}
	var form fileForm
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return Connection{}, Credentials{}, syntaxFault(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Connection{}, Credentials{}, wrong("trailing_data", "The connection file goes on after its JSON object ends.")
	}
	conn := form.Connection
	conn.IdP, conn.Resource = form.IdP.IdP, form.Resource.Resource
	cred, err := form.credentials(lookup)
	if err != nil {
		return Connection{}, Credentials{}, err
	}
	if err := conn.Validate(); err != nil {
		return Connection{}, Credentials{}, err
	}
	return conn, cred, nil
}

func (f fileForm) credentials(lookup func(string) (string, bool)) (Credentials, error) {
	var (
		cred Credentials
		errs [4]error
	)
	cred.IdP, errs[0] = resolve("idp.client_secret", f.IdP.ClientSecret, lookup)
	cred.Resource, errs[1] = resolve("resource.client_secret", f.Resource.ClientSecret, lookup)
	cred.IdPKey, errs[2] = resolveKey("idp.private_key", f.IdP.PrivateKey, lookup)
	cred.ResourceKey, errs[3] = resolveKey("resource.private_key", f.Resource.PrivateKey, lookup)
	for _, err := range errs {
		if err != nil {
			return Credentials{}, err
		}
	}
	return cred, nil
}

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

func resolve(field, value string, lookup func(string) (string, bool)) (secret.Text, error) {
	if value == "" {
		return secret.Text{}, nil
	}
	m := reference.FindStringSubmatch(value)
	if m == nil {
		return secret.Text{}, wrong("secret_in_file",
			fmt.Sprintf("The connection file holds a secret in the clear at %q.", field)).
			WithRemedy("Write it as ${NAME} and set that environment variable, or leave it out and be asked for it.")
	}
	found, ok := lookup(m[1])
	if !ok || strings.TrimSpace(found) == "" {
		return secret.Text{}, wrong("variable_unset",
			fmt.Sprintf("The environment variable %s, which %q refers to, is not set.", m[1], field)).
			WithRemedy("Set it, or leave the field out of the file.")
	}
	return secret.New(strings.TrimSpace(found)), nil
}

func resolveKey(field string, raw json.RawMessage, lookup func(string) (string, bool)) (secret.Text, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return secret.Text{}, nil
	}
	var ref string
	if json.Unmarshal(raw, &ref) == nil {
		return resolve(field, ref, lookup)
	}
	return secret.Text{}, wrong("secret_in_file",
		fmt.Sprintf("The connection file holds a private key in the clear at %q.", field)).
		WithRemedy("Write it as ${NAME} and set that environment variable to the JWK.")
}

func syntaxFault(err error) error {
	var (
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &syntax):
		return wrong("not_json", fmt.Sprintf("The connection file is not valid JSON at byte %d.", syntax.Offset)).Because(err)
	case errors.As(err, &typ):
		return wrong("wrong_type", fmt.Sprintf("The field %q of the connection file has the wrong type.", fault.Clean(jsonPath(typ.Field), 80))).Because(err)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return wrong("unknown_field", fmt.Sprintf("The connection file has a field that Waybill does not know: %q.", fault.Clean(name, 80))).
			WithRemedy("Check its spelling.").Because(err)
	default:
		return wrong("not_json", "The connection file is empty or ends too early.").Because(err)
	}
}

// jsonPath drops the names of embedded Go types from the path that
// encoding/json reports.
func jsonPath(field string) string {
	return strings.NewReplacer("idp.IdP.", "idp.", "resource.Resource.", "resource.", "Connection.", "").Replace(field)
}

func wrong(code, message string) *fault.Fault {
	return fault.New(fault.StepSetup, fault.Config, code, message)
}
