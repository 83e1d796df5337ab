package explore

import (
	"context"
	"encoding/json"
	"errors"

	"waybill/transport"
)

var errStub = errors.New("explore: not built yet")

func (r Request) safe() bool                                          { return false }
func (r *Response) text() (Said, bool)                                { return "", false }
func (r *REST) check(Request) (string, error)                         { return "", errStub }
func (r *REST) call(context.Context, Request) (*Response, error)      { return nil, errStub }
func (r *REST) draft(Request) (transport.Recording, error)            { return transport.Recording{}, errStub }
func (r *REST) endpoints(context.Context, string) (*Endpoints, error) { return nil, errStub }
func (o *Operation) request([]json.RawMessage, []byte) (Request, error) {
	return Request{}, errStub
}
func (c *Call) line() string                                       { return "" }
func (h *History) add(c Call) Call                                 { return c }
func (h *History) find(string) *Call                               { return nil }
func (h *History) name(string, string) error                       { return errStub }
func (h *History) remove(string)                                   {}
func toolDraft(string, string, bool, ToolCall) transport.Recording { return transport.Recording{} }
