package xaadev

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// readAll reads a request's body and leaves it there to be read again.
func readAll(r *http.Request) string {
	data, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body = io.NopCloser(bytes.NewReader(data))
	return string(data)
}

func reply(rw http.ResponseWriter, status int, value any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(value)
}

// refuse is the error of a token endpoint (RFC 6749 section 5.2).
func refuse(rw http.ResponseWriter, status int, code, words string) {
	reply(rw, status, map[string]string{"error": code, "error_description": words})
}

// leak answers with metadata of the inner network, as the hosts of the API and
// of the MCP server do.
func leak(rw http.ResponseWriter, _ *http.Request) {
	reply(rw, http.StatusOK, map[string]any{
		"issuer": "http://resource-auth-server:3002", "token_endpoint": "http://resource-auth-server:3002/token",
		"jwks_uri": "http://resource-auth-server:3002/jwks", "grant_types_supported": []string{jwtBearer},
	})
}

func page(rw http.ResponseWriter, status int, words string) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, "<!doctype html><title>IdenX</title><p>"+words+"</p>")
}
