package gui

import (
	"bytes"

	"waybill/flow"
)

// traceOf is a run as a file in Waybill's own format, harOf one for other tools.
// Neither holds a secret.
func traceOf(run *flow.Run, version string) ([]byte, error) {
	var b bytes.Buffer
	err := flow.WriteJSON(&b, []*flow.Run{run}, flow.Export{By: "Waybill " + version})
	return b.Bytes(), err
}

func harOf(run *flow.Run, version string) ([]byte, error) {
	var b bytes.Buffer
	err := flow.WriteHAR(&b, []*flow.Run{run}, flow.Export{By: version})
	return b.Bytes(), err
}
