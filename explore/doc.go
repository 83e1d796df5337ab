// Package explore shows what the resource of a connection offers, whatever it
// serves, and calls it: an MCP server tool by tool, a REST API endpoint by
// endpoint.
//
// Invariant: nothing that a server sends causes anything but what is shown of
// it. No reference in it is followed, no picture in it is decoded unasked, no
// address in it is opened, and every text of it is a Said, which is shown
// cleaned only. What is called, and with what, the caller says.
package explore
