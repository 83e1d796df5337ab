package gui

import (
	"context"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"unicode"
)

// saveButton offers to write what a server sent, and what is no text, to a file.
// from is its address and kind its media type: they make the name that is offered.
func (w *Window) saveButton(words, from, kind string, data []byte) *button {
	return smallButton(words, buttonPlain, func() {
		var c *chooser
		name := nameFrom(from, kind)
		c = w.openChooser(chooserOptions{title: "Save what the server sent", words: "Waybill does not open it, and does not know whether it is harmless.",
			save: true, main: "Save", name: name, endings: []string{strings.ToLower(filepath.Ext(name))},
			chosen: func(to string) {
				w.writeFile(c, to, false, func(context.Context) ([]byte, error) { return data, nil })
			}})
	})
}

// nameLong is how many characters of a server's name for a file are offered.
const nameLong = 80

// nameFrom is a name for a file: the last part of an address, of letters that are
// harmless in a name everywhere, with an ending that fits the media type if it has
// none.
func nameFrom(address, kind string) string {
	name := ""
	if u, err := url.Parse(address); err == nil {
		name = path.Base("/" + strings.TrimPrefix(u.Path+u.Opaque, "/"))
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, name)
	name = strings.Trim(name, "-.")
	if runes := []rune(name); len(runes) > nameLong {
		name = string(runes[len(runes)-nameLong:])
	}
	if name == "" {
		name = "answer"
	}
	if filepath.Ext(name) == "" {
		name += endingOf(kind)
	}
	return name
}

// endingOf is the usual ending of files of a media type.
func endingOf(kind string) string {
	kind, _, _ = strings.Cut(strings.ToLower(kind), ";")
	switch kind = strings.TrimSpace(kind); kind {
	case "image/png", "image/gif", "image/webp", "application/pdf", "application/zip", "audio/ogg":
		return "." + kind[strings.IndexByte(kind, '/')+1:]
	case "image/jpeg":
		return ".jpg"
	case "audio/mpeg":
		return ".mp3"
	case "audio/wav", "audio/x-wav":
		return ".wav"
	}
	return ".bin"
}
