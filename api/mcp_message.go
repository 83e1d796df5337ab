package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// message is what matters of one JSON-RPC 2.0 message, in or out.
type message struct {
	id     string // as in the JSON; "" if there is none
	method string // "" for a response
	failed bool   // a response with an error
	words  string // the error's message
	code   int    // the error's code
}

// call reports whether the message is a request that wants a response.
func (m message) call() bool { return m.method != "" && m.id != "" }

var errMessage = errors.New("not a JSON-RPC 2.0 message")

// readMessage reads one JSON-RPC 2.0 message. It is strict where the SDK is
// not: no batch, no member twice, the right version, a response with exactly
// one of result and error, and an id that is a string or a number. Nesting
// beyond what encoding/json accepts is refused without recursion.
func readMessage(data []byte) (message, error) {
	members, err := readObject(data)
	if err != nil {
		return message{}, err
	}
	var m message
	var version string
	if json.Unmarshal(members["jsonrpc"], &version) != nil || version != "2.0" {
		return message{}, errMessage
	}
	if id := members["id"]; len(id) > 0 && id[0] != 'n' {
		if id[0] != '"' && id[0] != '-' && (id[0] < '0' || id[0] > '9') {
			return message{}, errMessage
		}
		m.id = string(id)
	}
	_, result := members["result"]
	failure, failed := members["error"]
	if method, ok := members["method"]; ok {
		if json.Unmarshal(method, &m.method) != nil || m.method == "" || result || failed {
			return message{}, errMessage
		}
		return m, nil
	}
	if result == failed || (!failed && m.id == "") {
		return message{}, errMessage
	}
	if m.failed = failed; failed {
		var e struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}
		if json.Unmarshal(failure, &e) != nil {
			return message{}, errMessage
		}
		m.code, m.words = e.Code, e.Message
	}
	return m, nil
}

// readObject returns the members of a JSON object, each at most once.
func readObject(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errMessage
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errMessage
		}
		key, _ := name.(string)
		if _, double := members[key]; double {
			return nil, errMessage
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errMessage
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errMessage
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errMessage
	}
	return members, nil
}
