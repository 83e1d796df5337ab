package gui

import (
	"testing"

	"fyne.io/fyne/v2"
)

func TestTheExplorerListsWhatAnMCPServerOffers(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.press(ctrl, fyne.KeyB)
		r.wantText("Todo0 2.4.1 · MCP 2025-11-25 · 3 tools, 1 resource, 1 template, 1 prompt")
	})
}
