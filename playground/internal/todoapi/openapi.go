package todoapi

import (
	_ "embed"
	"net/http"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resource"
)

// document is where the API describes itself (OpenAPI 3.1). Like everything else
// here it is for whoever has a token.
const document = "/openapi.json"

//go:embed openapi.json
var openAPI []byte

// describe answers with the document.
func describe(w http.ResponseWriter, _ *http.Request, _ access.Access) {
	resource.Write(w, http.StatusOK, openAPI)
}
