package cli

import (
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// widest is how wide a column gets, in terminal cells. What is longer stands
// there in whole and moves the rest of its own row alone. The last cell of a row
// may be as long as it likes.
const widest = 48

// writeTable writes rows in columns, two blanks apart, in one Write. A Chinese
// letter takes two cells.
func writeTable(w io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if n := runewidth.StringWidth(cell); n <= widest && i < len(row)-1 {
				widths[i] = max(widths[i], n)
			}
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += cell
			if i < len(row)-1 {
				line += strings.Repeat(" ", max(0, widths[i]-runewidth.StringWidth(cell))+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
