package gui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/explore"
	"waybill/fault"
)

func TestPictureOfATool(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Add a to-do")
		r.typed("Ship the notes")
		r.w.win.Resize(fyne.NewSize(1240, 900))
		r.picture("explorer-tool", AppearanceLight)
		r.w.win.Resize(fyne.NewSize(340, 900))
		r.picture("explorer-tool-narrow", AppearanceDark)
	})
}

func TestPictureOfAResult(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.result.Parts = append(f.result.Parts, explore.Part{Kind: explore.ImagePart, MIMEType: "image/png", Data: somePicture()},
			explore.Part{Kind: explore.Link, URI: "todo0://todos/1", Title: "Rotate the staging signing keys", MIMEType: "application/json"})
		p := r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		r.tap("Show the picture")
		r.command("search")
		r.typed("todo")
		r.w.win.Resize(fyne.NewSize(1180, 1440))
		r.picture("explorer-result", AppearanceLight, AppearanceDark)
		r.key(fyne.KeyEscape)
		r.w.win.Resize(fyne.NewSize(340, 1640))
		p.scroll.ScrollToTop()
		r.picture("explorer-result-narrow", AppearanceLight)
	})
}

func TestPictureOfAFoldedResult(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		p := r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		r.w.win.Resize(fyne.NewSize(1180, 1000))
		l, _ := p.text()
		r.w.Canvas().Focus(l)
		for range 7 {
			r.key(fyne.KeyDown)
		}
		r.key(fyne.KeyLeft)
		r.picture("explorer-folded", AppearanceLight, AppearanceDark)
		r.command("explorer-fold")
		if text := l.plain(); !strings.Contains(text, `"todos": [ … 2 items ]`) {
			t.Errorf("all folded, it shows\n%s", text)
		}
		r.tap("Unfold all")
		if text := l.plain(); strings.Contains(text, "…") {
			t.Errorf("all unfolded, it shows\n%s", text)
		}
	})
}

func TestPictureOfAQuestionBeforeADestructiveTool(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Delete a to-do")
		r.typed("todo-17")
		r.key(fyne.KeyReturn)
		r.picture("explorer-ask", AppearanceLight)
	})
}

func TestPictureOfAnMCPServer(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.picture("explorer-server", AppearanceDark)
		r.w.win.Resize(fyne.NewSize(340, 760))
		r.picture("explorer-list-narrow", AppearanceLight)
	})
}

func TestPictureOfARequestOfAnAPI(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openExplorer()
		r.offer("GET /api/todos")
		r.tap("Send")
		r.w.win.Resize(fyne.NewSize(1180, 1000))
		r.picture("explorer-request", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfARequestOfOnesOwn(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.rest.fail = fault.New(fault.StepCall, fault.Offline, "offline", "The resource could not be reached.").WithRemedy("Check the network, then try again.")
		p := r.openExplorer()
		r.offer("A request of your own")
		r.tap("Add a query parameter")
		r.typed("limit")
		r.tap("Send")
		r.w.win.Resize(fyne.NewSize(1000, 1000))
		r.picture("explorer-own", AppearanceDark)
		r.w.win.Resize(fyne.NewSize(340, 1000))
		p.scroll.ScrollToTop()
		r.picture("explorer-own-narrow", AppearanceLight)
	})
}

func TestPictureOfAResourceThatHasChanged(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		r.tap("Make it a favourite")
		r.typed("All of mine")
		r.key(fyne.KeyReturn)
		r.offer("Rotate the staging signing keys")
		r.tap("Read")
		r.tap("Tell me when it changes")
		f.watch.told(explore.News{URI: "todo0://todos/1"})
		r.settle()
		r.picture("explorer-resource", AppearanceDark)
	})
}

func TestPictureOfACallUnderWay(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.onMCP()
		f.progress = []explore.Progress{{Done: 3, Total: 8, Message: "Looking through the third of eight lists"}}
		r.openExplorer()
		r.b.pause = make(chan struct{})
		r.offer("Delete a to-do")
		r.typed("todo-17")
		r.tap("Call")
		r.tap("Call it")
		r.after(4 * time.Second)
		r.picture("explorer-calling", AppearanceLight)
	})
}

func TestPictureOfHostileTextInTheExplorer(t *testing.T) {
	signedIn(t, func(r *rig) {
		sayEverywhere(r.onMCP(), "\u202egnp.exe\x1b[31m "+arabic+" "+chinese)
		r.openExplorer()
		r.nth(2)
		r.w.win.Resize(fyne.NewSize(1180, 1200))
		r.picture("explorer-hostile", AppearanceLight)
	})
}

func TestPictureOfTheExplorerAtTwiceTheSize(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.onMCP()
		r.openExplorer()
		r.offer("Add a to-do")
		r.tap("Call")
		r.w.Canvas().(interface{ SetScale(float32) }).SetScale(2)
		r.w.win.Resize(fyne.NewSize(820, 700))
		r.picture("explorer-2x", AppearanceDark)
	})
}
