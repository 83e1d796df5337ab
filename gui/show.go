package gui

import "waybill/wording"

// show makes foreign text fit for one line on screen, at most limit characters
// long.
func show(text string, limit int) string { return wording.Short(text, limit) }
