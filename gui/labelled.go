package gui

import (
	"fmt"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"

	"waybill/secret"
)

// labelled is a field with its name above and a remark below.
type labelled struct {
	box    *fyne.Container
	field  *field
	label  *text
	remark *text
	usual  string // the remark while there is nothing else to say
	name   string
	beside *fyne.Container
}

func newLabelled(label, placeholder, remark string) *labelled {
	return labelField(label, newField(placeholder), remark)
}

func newSecretLabelled(label, placeholder string) *labelled {
	return labelField(label, newSecretField(placeholder), "")
}

func labelField(label string, f *field, remark string) *labelled {
	l := &labelled{field: f, usual: remark, name: label}
	l.label = newText(label, textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}})
	l.remark = newText(remark, textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	visible(l.remark, remark != "")
	l.beside = stack(f)
	l.box = column(5, l.label, l.beside, l.remark)
	return l
}

// with puts an object to the right of the field.
func (l *labelled) with(o fyne.CanvasObject) fyne.CanvasObject {
	l.beside.Objects = []fyne.CanvasObject{row(6, l.field, l.field, o)}
	return l.box
}

func (l *labelled) value() string { return strings.TrimSpace(l.field.Text) }

func (l *labelled) set(value string) { l.field.SetText(value) }

// secret is the value of a field that hides it.
func (l *labelled) secret() secret.Text { return secret.New(l.value()) }

// fail says beside the field what is wrong with it; "" takes that away.
func (l *labelled) fail(words string) {
	remarkOn(l.remark, words, l.usual)
}

// remarkOn has a remark say what is wrong with its field, or what it usually says.
func remarkOn(remark *text, wrong, usual string) {
	words := wrong
	remark.color = colorFaultText
	if wrong == "" {
		words, remark.color = usual, colorMuted
	}
	remark.set(words)
	remark.Refresh()
	visible(remark, words != "")
}

// explain changes the remark.
func (l *labelled) explain(words string) {
	l.usual = words
	l.fail("")
}

// trim takes away what a paste brought along, and says so; it reports whether
// there was anything.
func (l *labelled) trim() bool {
	clean := strings.TrimFunc(l.field.Text, unicode.IsSpace)
	if clean == l.field.Text || l.field.MultiLine {
		return false
	}
	l.field.SetText(clean)
	words := fmt.Sprintf("Blanks around the %s were removed.", uncapital(l.name))
	if l.usual != "" {
		words += " " + l.usual
	}
	l.fail("")
	l.remark.set(words)
	l.remark.Show()
	return true
}
