package desktop

import (
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// xConnection is a connection to the session's X server.
type xConnection struct{ *xgb.Conn }

// connect opens a connection to the screen that is closed with the test.
func (d *Desktop) connect() *xConnection {
	d.t.Helper()
	c, err := xgb.NewConnDisplay(d.screen)
	if err != nil {
		d.t.Fatalf("no connection to the screen: %v", err)
	}
	d.t.Cleanup(c.Close)
	return &xConnection{c}
}

func (w *Window) drawable() xproto.Window {
	w.d.t.Helper()
	id, err := strconv.ParseUint(w.id, 10, 32)
	if err != nil {
		w.d.t.Fatalf("%q is no window", w.id)
	}
	return xproto.Window(id)
}

// Size is the window's size in pixels.
func (w *Window) Size() image.Point {
	w.d.t.Helper()
	g, err := xproto.GetGeometry(w.x.Conn, xproto.Drawable(w.drawable())).Reply()
	if err != nil {
		w.d.t.Fatalf("the window is gone: %v", err)
	}
	return image.Pt(int(g.Width), int(g.Height))
}

// Picture takes a picture of the whole window as it is on the screen.
func (w *Window) Picture() *image.RGBA {
	w.d.t.Helper()
	return w.Part(image.Rectangle{Max: w.Size()})
}

// Part takes a picture of a part of the window. It costs little enough to be
// taken hundreds of times a second.
func (w *Window) Part(r image.Rectangle) *image.RGBA {
	w.d.t.Helper()
	picture, err := w.x.grab(w.drawable(), r)
	if err != nil {
		w.d.t.Fatalf("no picture of the window: %v", err)
	}
	return picture
}

// grab reads pixels of a window; the server gives 32 bits for each, in the order
// blue, green, red.
func (c *xConnection) grab(window xproto.Window, r image.Rectangle) (*image.RGBA, error) {
	reply, err := xproto.GetImage(c.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(window),
		int16(r.Min.X), int16(r.Min.Y), uint16(r.Dx()), uint16(r.Dy()), 0xffffffff).Reply()
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	for i := 0; i+3 < len(reply.Data) && i+3 < len(picture.Pix); i += 4 {
		picture.Pix[i], picture.Pix[i+1], picture.Pix[i+2], picture.Pix[i+3] = reply.Data[i+2], reply.Data[i+1], reply.Data[i], 0xff
	}
	return picture, nil
}

// Save writes a picture of the window as a PNG file.
func (w *Window) Save(path string) {
	w.d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.d.t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		w.d.t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, w.Picture()); err != nil {
		w.d.t.Fatal(err)
	}
}

// Close asks the window to close, as its close button does (ICCCM section
// 4.2.8.1).
func (w *Window) Close() {
	w.d.t.Helper()
	protocols, deletion := w.atom("WM_PROTOCOLS"), w.atom("WM_DELETE_WINDOW")
	message := xproto.ClientMessageEvent{Format: 32, Window: w.drawable(), Type: protocols,
		Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(deletion), xproto.TimeCurrentTime, 0, 0, 0})}
	if err := xproto.SendEventChecked(w.x.Conn, false, w.drawable(), xproto.EventMaskNoEvent, string(message.Bytes())).Check(); err != nil {
		w.d.t.Fatalf("the window cannot be closed: %v", err)
	}
}

func (w *Window) atom(name string) xproto.Atom {
	w.d.t.Helper()
	reply, err := xproto.InternAtom(w.x.Conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		w.d.t.Fatal(err)
	}
	return reply.Atom
}

// Screen watches for a window from the moment before it exists.
type Screen struct {
	x      *xConnection
	root   xproto.Window
	window xproto.Window
}

// Watch opens a connection to the screen for watching a program start.
func (d *Desktop) Watch() *Screen {
	d.t.Helper()
	x := d.connect()
	return &Screen{x: x, root: xproto.Setup(x.Conn).DefaultScreen(x.Conn).Root}
}

// Part returns the pixels of a part of the window with this title, or nil while
// there is no such window or it is not so large yet.
func (s *Screen) Part(title string, r image.Rectangle) []byte {
	if s.window == 0 {
		s.find(title)
		return nil
	}
	picture, err := s.x.grab(s.window, r)
	if err != nil {
		s.window = 0 // it was replaced or is not shown yet
		return nil
	}
	return picture.Pix
}

func (s *Screen) find(title string) {
	tree, err := xproto.QueryTree(s.x.Conn, s.root).Reply()
	if err != nil {
		return
	}
	for _, window := range tree.Children {
		name, err := xproto.GetProperty(s.x.Conn, false, window, xproto.AtomWmName, xproto.GetPropertyTypeAny, 0, 64).Reply()
		if err == nil && string(name.Value) == title {
			s.window = window
			return
		}
	}
}
