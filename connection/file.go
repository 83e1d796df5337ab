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
	f, err := ParseFile(data, lookup)
	return f.Connection, f.Credentials, err
}

// File is what a connection file holds.
type File struct {
	Connection  Connection
	Credentials Credentials

	// Origins says where each secret was taken from, in words that follow
	// "which is": "the environment variable IDP_SECRET". A file from somebody
	// else can name any variable there is, so who accepts it has to see which.
	Origins map[Field]string
}

// ParseFile is Parse, and says where the secrets come from.
func ParseFile(data []byte, lookup func(name string) (string, bool)) (File, error) {
	return parse(data, func(field Field, ref string) (secret.Text, string, error) {
		value, name, err := Reference(field, ref, lookup)
		return value, "the environment variable " + name, err
	})
}

// resolver finds the secret that a reference names, and says where.
type resolver func(field Field, ref string) (value secret.Text, origin string, err error)

func parse(data []byte, resolve resolver) (File, error) {
	form, err := decodeForm(data)
	if err != nil {
		return File{}, err
	}
	f := File{Connection: form.Connection, Origins: map[Field]string{}}
	f.Connection.IdP, f.Connection.Resource = form.IdP.IdP, form.Resource.Resource
	if f.Credentials, err = form.credentials(resolve, f.Origins); err != nil {
		return File{}, err
	}
	if err := f.Connection.Validate(); err != nil {
		return File{}, err
	}
	return f, nil
}

func decodeForm(data []byte) (fileForm, error) {
	if len(data) > MaxFileSize {
		return fileForm{}, wrong("too_large", "The connection file is larger than 64 KiB.")
	}
	var form fileForm
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return fileForm{}, syntaxFault(err, data)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fileForm{}, wrong("trailing_data", "The connection file goes on after its JSON object ends.")
	}
	return form, nil
}

// credentials resolves the secrets and notes where they came from.
func (f fileForm) credentials(resolve resolver, origins map[Field]string) (Credentials, error) {
	var cred Credentials
	for _, s := range []struct {
		field Field
		text  string
		key   json.RawMessage
		into  *secret.Text
	}{
		{FieldIdPSecret, f.IdP.ClientSecret, nil, &cred.IdP}, {FieldSecret, f.Resource.ClientSecret, nil, &cred.Resource},
		{FieldIdPKey, "", f.IdP.PrivateKey, &cred.IdPKey}, {FieldKey, "", f.Resource.PrivateKey, &cred.ResourceKey},
	} {
		ref := s.text
		if len(s.key) > 0 && string(s.key) != "null" && json.Unmarshal(s.key, &ref) != nil {
			return Credentials{}, wrong("secret_in_file", fmt.Sprintf("The connection file holds a private key in the clear at %q.", s.field)).
				WithRemedy("Write it as ${NAME} and set that environment variable to the JWK.")
		}
		if ref == "" {
			continue
		}
		value, origin, err := resolve(s.field, ref)
		if err != nil {
			return Credentials{}, err
		}
		*s.into, origins[s.field] = value, origin
	}
	return cred, nil
}

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// Reference resolves a reference to a secret, ${NAME}, and returns the secret,
// without blanks around it, and the name; nothing for "". A secret in the clear
// is refused: it would stand in a file or among the arguments of a program.
func Reference(field Field, value string, lookup func(string) (string, bool)) (secret.Text, string, error) {
	if value == "" {
		return secret.Text{}, "", nil
	}
	m := reference.FindStringSubmatch(value)
	if m == nil {
		return secret.Text{}, "", wrong("secret_in_file", fmt.Sprintf("There is a secret in the clear at %q.", field)).About(string(field)).
			WithRemedy("Write it as ${NAME} and set that environment variable, or leave it out and be asked for it.")
	}
	found, ok := lookup(m[1])
	if !ok || strings.TrimSpace(found) == "" {
		return secret.Text{}, "", wrong("variable_unset",
			fmt.Sprintf("The environment variable %s, which %q refers to, is not set.", m[1], field)).
			WithRemedy("Set it, or leave the field out of the file.")
	}
	return secret.New(strings.TrimSpace(found)), m[1], nil
}

// pathTo is where a member of that name stands in a document, such as
// resource.kind; where there are several or none, it is the name alone.
func pathTo(data []byte, name string) string {
	var document map[string]any
	if json.Unmarshal(data, &document) != nil {
		return name
	}
	if paths := pathsTo(document, name, ""); len(paths) == 1 {
		return paths[0]
	}
	return name
}

func pathsTo(members map[string]any, name, below string) (paths []string) {
	for member, value := range members {
		if member == name {
			paths = append(paths, below+member)
		}
		if inner, ok := value.(map[string]any); ok {
			paths = append(paths, pathsTo(inner, name, below+member+".")...)
		}
	}
	return paths
}

func syntaxFault(err error, data []byte) error {
	var (
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &syntax):
		return wrong("not_json", fmt.Sprintf("The connection file is not valid JSON at byte %d.", syntax.Offset)).Because(err)
	case errors.As(err, &typ):
		return wrong("wrong_type", fmt.Sprintf("The field %q of the connection file has the wrong type.", fault.Clean(jsonPath(typ.Field), 80))).
			About(fault.Clean(jsonPath(typ.Field), 80)).Because(err)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := pathTo(data, strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`))
		return wrong("unknown_field", fmt.Sprintf("The connection file has a field that Waybill does not know: %q.", fault.Clean(name, 80))).
			WithRemedy("Check its spelling.").About(fault.Clean(name, 80)).Because(err)
	default:
		return wrong("not_json", "The connection file is empty or ends too early.").Because(err)
	}
}

// ParseTodos reads what a connection file holds at "resource.todos", without
// judging it as a whole: that is for Validate. Unknown members are refused.
//
// Errors are Faults of kind Config that name the line or the member.
func ParseTodos(data []byte) (Todos, error) {
	if len(data) > MaxFileSize {
		return Todos{}, wrong("too_large", "This is larger than 64 KiB.").About(string(FieldTodos))
	}
	var t Todos
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(&t)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			return Todos{}, wrong("trailing_data", "This goes on after its JSON object ends.").About(string(FieldTodos))
		}
		return t, nil
	}
	f := fault.As(syntaxFault(err, data))
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(len(data), int(syntax.Offset))], []byte("\n"))
		f = wrong("not_json", fmt.Sprintf("This is not valid JSON in line %d.", line)).Because(err)
	case f.Code == "unknown_field":
		f = wrong(f.Code, fmt.Sprintf("There is no member %q.", f.Field)).WithRemedy("Check its spelling.").Because(err)
	case f.Code == "wrong_type":
		f = wrong(f.Code, fmt.Sprintf("The member %q has the wrong type.", f.Field)).Because(err)
	default:
		f = wrong(f.Code, "This is no whole JSON object.").Because(err)
	}
	return Todos{}, f.About(string(FieldTodos))
}

// jsonPath drops the names of embedded Go types from the path that
// encoding/json reports.
func jsonPath(field string) string {
	return strings.NewReplacer("idp.IdP.", "idp.", "resource.Resource.", "resource.", "Connection.", "", "TodoText.", "").Replace(field)
}

func wrong(code, message string) *fault.Fault {
	return fault.New(fault.StepSetup, fault.Config, code, message)
}
