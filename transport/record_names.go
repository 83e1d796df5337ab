package transport

import (
	"strings"
	"unicode/utf8"
)

// nameClass is what the name of a parameter, header or JSON member says of its
// value.
type nameClass int

const (
	anyName    nameClass = iota
	secretName           // a secret that a machine has made
	chosen               // one that a person may have made
	publicID             // random but public: an id, a hash, a public key
	keyPart              // secret if it is part of a JSON web key
	codeName             // an authorization code, or else an error's
	stateName            // a secret in an address or a form, anything elsewhere
)

// names are in lower case and without marks.
var names = map[string]nameClass{
	"accesstoken": secretName, "refreshtoken": secretName, "idtoken": secretName, "token": secretName,
	"subjecttoken": secretName, "actortoken": secretName, "logouttoken": secretName, "idtokenhint": secretName,
	"assertion": secretName, "clientassertion": secretName, "samlresponse": secretName,
	"codeverifier": secretName, "authorizationcode": secretName, "devicecode": secretName,
	"authorization": secretName, "proxyauthorization": secretName, "dpop": secretName, "cookie": secretName, "setcookie": secretName,
	"privatekey": secretName, "idjag": secretName,
	"clientsecret": chosen, "secret": chosen, "password": chosen, "passwd": chosen, "passphrase": chosen,
	"apikey": chosen, "usercode": chosen,

	"jti": publicID, "kid": publicID, "x5t": publicID, "x5ts256": publicID, "x5c": publicID,
	"n": publicID, "e": publicID, "x": publicID, "y": publicID,
	"jkt": publicID, "ath": publicID, "athash": publicID, "chash": publicID, "shash": publicID,
	"nonce": publicID, "sub": publicID, "sid": publicID, "id": publicID, "etag": publicID,
	"codechallenge": publicID, "clientid": publicID,

	"mcpsessionid": secretName, "state": stateName,

	"d": keyPart, "p": keyPart, "q": keyPart, "dp": keyPart, "dq": keyPart, "qi": keyPart, "k": keyPart,
	"code": codeName,

	"progresstoken": anyName, // MCP
}

const (
	longestKnown  = 24 // characters of a name above, with its marks
	longestSuffix = 9  // of what bySuffix knows
	longestName   = 48 // longer than any name that says something
)

// class sorts a name, however it is written: access_token, accessToken,
// Access-Token.
func class(name string) nameClass {
	if len(name) > longestKnown {
		return bySuffix(strings.ToLower(name[len(name)-longestSuffix:]))
	}
	var buffer [longestName]byte
	plain := normal(buffer[:0], name)
	if c, ok := names[string(plain)]; ok {
		return c
	}
	return bySuffix(string(plain))
}

// known is what a secret is called: name, if it is one of the names above, since
// any other name is the peer's word and may quote a secret itself.
func known(name string) string {
	var buffer [longestName]byte
	switch c, ok := names[string(normal(buffer[:0], name))]; {
	case ok && c != anyName:
		return strings.Map(func(c rune) rune {
			if c < utf8.RuneSelf && inTokenByte[c] {
				return c
			}
			return -1
		}, name)
	case bySuffix(name) == chosen:
		return "secret"
	}
	return "token"
}

// normal appends name without case and marks, nothing if it is too long.
func normal(plain []byte, name string) []byte {
	if len(name) > longestName {
		return plain
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			plain = append(plain, c+'a'-'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			plain = append(plain, c)
		}
	}
	return plain
}

func bySuffix(name string) nameClass {
	switch {
	case strings.HasSuffix(name, "token"), strings.HasSuffix(name, "assertion"):
		return secretName
	case strings.HasSuffix(name, "secret"), strings.HasSuffix(name, "password"), strings.HasSuffix(name, "apikey"), strings.HasSuffix(name, "api-key"), strings.HasSuffix(name, "api_key"):
		return chosen
	}
	return anyName
}
