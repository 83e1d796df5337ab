package desktop

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/image/draw"
)

// Word is a word that can be read on the screen, and where.
type Word struct {
	Text string
	Box  image.Rectangle
	line string // which line of text it belongs to
}

// Reading is what can be read in a window at one moment.
type Reading struct{ Words []Word }

// enlarged is how much bigger a picture is made before it is read: the reader
// was made for scanned pages, whose letters have more pixels.
const enlarged = 2

// Read reads the window with Tesseract. Small icons come out as odd letters, so
// look for words of three letters and more.
func (w *Window) Read() Reading {
	w.d.t.Helper()
	return w.read(w.Picture())
}

func (w *Window) read(picture *image.RGBA) Reading {
	w.d.t.Helper()
	size := picture.Bounds().Size().Mul(enlarged)
	large := image.NewGray(image.Rectangle{Max: size})
	draw.ApproxBiLinear.Scale(large, large.Bounds(), ink(picture), picture.Bounds(), draw.Src, nil)
	var page bytes.Buffer
	if err := png.Encode(&page, large); err != nil {
		w.d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.d.t.Context(), time.Minute)
	defer cancel()
	reader := exec.CommandContext(ctx, w.d.need("tesseract"), "stdin", "stdout", "--psm", "11", "--dpi", "200", "tsv")
	reader.Env, reader.Stdin = w.d.Env("OMP_THREAD_LIMIT=1"), &page
	out, err := reader.Output()
	if err != nil {
		w.d.t.Fatalf("the window cannot be read: %v", err)
	}
	return parseTSV(string(out))
}

// ink turns a picture into dark letters on white paper: what differs from its
// surroundings is dark, whether it was light on a blue button or dark on white.
func ink(picture *image.RGBA) *image.Gray {
	const reach, faint = 12, 20 // pixels around; difference that is no letter
	bounds := picture.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	gray := image.NewGray(bounds)
	draw.Draw(gray, bounds, picture, bounds.Min, draw.Src)

	// sums[y][x] is the sum of all pixels above and left of (x, y).
	sums := make([]int, (width+1)*(height+1))
	for y := range height {
		row := 0
		for x := range width {
			row += int(gray.Pix[y*gray.Stride+x])
			sums[(y+1)*(width+1)+x+1] = sums[y*(width+1)+x+1] + row
		}
	}
	paper := image.NewGray(bounds)
	for y := range height {
		top, bottom := max(0, y-reach), min(height, y+reach+1)
		for x := range width {
			left, right := max(0, x-reach), min(width, x+reach+1)
			sum := sums[bottom*(width+1)+right] - sums[top*(width+1)+right] - sums[bottom*(width+1)+left] + sums[top*(width+1)+left]
			difference := int(gray.Pix[y*gray.Stride+x]) - sum/((right-left)*(bottom-top))
			dark := max(0, max(difference, -difference)-faint) * 3
			paper.Pix[y*paper.Stride+x] = uint8(255 - min(255, dark))
		}
	}
	return paper
}

// parseTSV reads Tesseract's table: level, page, block, paragraph, line, word,
// left, top, width, height, confidence, text.
func parseTSV(table string) Reading {
	var reading Reading
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(strings.TrimRight(row, "\r"), "\t")
		if len(cells) != 12 || cells[0] != "5" || strings.TrimSpace(cells[11]) == "" {
			continue
		}
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(cells[6+i])
			n[i] /= enlarged
		}
		reading.Words = append(reading.Words, Word{Text: strings.TrimSpace(cells[11]),
			Box: image.Rect(n[0], n[1], n[0]+n[2], n[1]+n[3]), line: strings.Join(cells[1:5], ".")})
	}
	return reading
}

// String is all text in reading order.
func (r Reading) String() string {
	var b strings.Builder
	last := ""
	for _, w := range r.Words {
		if last != "" {
			b.WriteString(map[bool]string{true: " ", false: "\n"}[last == w.line])
		}
		b.WriteString(w.Text)
		last = w.line
	}
	return b.String()
}

// Find finds a phrase, whatever the case of its letters, and returns where it
// stands. A word counts as found when most of its letters were read right.
func (r Reading) Find(phrase string) (image.Rectangle, bool) {
	wanted := strings.Fields(phrase)
	for start := range r.Words {
		if box, ok := r.phraseAt(start, wanted); ok {
			return box, true
		}
	}
	return image.Rectangle{}, false
}

func (r Reading) phraseAt(start int, wanted []string) (image.Rectangle, bool) {
	if start+len(wanted) > len(r.Words) {
		return image.Rectangle{}, false
	}
	box := r.Words[start].Box
	for i, word := range wanted {
		here := r.Words[start+i]
		if !alike(here.Text, word) || here.Box.Min.Y > box.Max.Y || here.Box.Max.Y < box.Min.Y {
			return image.Rectangle{}, false
		}
		box = box.Union(here.Box)
	}
	return box, true
}

// Share is the share of phrases that can be read, from 0 to 1.
func (r Reading) Share(phrases []string) float64 {
	found := 0
	for _, phrase := range phrases {
		if _, ok := r.Find(phrase); ok {
			found++
		}
	}
	return float64(found) / float64(max(1, len(phrases)))
}

// alike reports whether read is wanted with at most one letter in five wrong.
func alike(read, wanted string) bool {
	read, wanted = plain(read), plain(wanted)
	return distance(read, wanted) <= len(wanted)/5
}

// plain keeps lower-case letters and digits: punctuation is what a reader gets
// wrong most.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(text))
}

// distance is the number of letters to change, add or remove (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Await reads the window until phrase is on it and returns where.
func (w *Window) Await(phrase string, limit time.Duration) image.Rectangle {
	w.d.t.Helper()
	var box image.Rectangle
	var reading Reading
	ok := Eventually(limit, func() bool {
		reading = w.Read()
		var found bool
		box, found = reading.Find(phrase)
		return found
	})
	if !ok {
		w.Save(w.d.evidence())
		w.d.t.Fatalf("the window does not say %q after %s; it says:\n%s\npicture: %s", phrase, limit, reading, w.d.evidence())
	}
	return box
}

// ClickOn waits for a phrase and clicks on it.
func (w *Window) ClickOn(phrase string, limit time.Duration) {
	w.d.t.Helper()
	box := w.Await(phrase, limit)
	w.Click(box.Min.Add(box.Size().Div(2)))
}
