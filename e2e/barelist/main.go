// Command barelist is a Fyne window with a list of labels and nothing else: the
// yardstick for Waybill's start, memory and size. It reads nothing and keeps
// nothing.
//
// Usage: barelist N
package main

import (
	"fmt"
	"os"
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/widget"
)

func main() {
	rows := 24
	if len(os.Args) > 1 {
		var err error
		if rows, err = strconv.Atoi(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "Usage: barelist N")
			os.Exit(2)
		}
	}
	window := app.NewWithID("app.waybill.barelist").NewWindow("Bare list")
	list := widget.NewList(
		func() int { return rows },
		func() fyne.CanvasObject { return widget.NewLabel("A to-do") },
		func(id widget.ListItemID, object fyne.CanvasObject) {
			object.(*widget.Label).SetText(fmt.Sprintf("To-do number %d", id+1))
		})
	window.SetContent(list)
	window.Resize(fyne.NewSize(1180, 760))
	window.ShowAndRun()
}
