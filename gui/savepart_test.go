package gui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/explore"
)

func TestANameForAFileOfAServerIsHarmless(t *testing.T) {
	for _, c := range []struct{ address, kind, want string }{
		{"https://api.example/files/logo.png?size=2", "image/png", "logo.png"},
		{"todo0://attachments/7", "image/jpeg; q=1", "7.jpg"},
		{"https://api.example/..%2f..%2fetc%2fpasswd", "", "passwd.bin"},
		{"https://api.example/.bashrc", "", "bashrc.bin"},
		{"https://api.example/a\u202egnp.exe", "", "a-gnp.exe"},
		{"https://api.example/C:%5Cx%00y", "audio/mpeg", "C--x-y.mp3"},
		{"file:report.pdf", "", "report.pdf"},
		{"", "application/pdf", "answer.pdf"},
		{"://", "", "answer.bin"},
		{"https://api.example/买牛奶", "", "买牛奶.bin"},
	} {
		if got := nameFrom(c.address, c.kind); got != c.want {
			t.Errorf("%q of %q is offered as %q, want %q", c.address, c.kind, got, c.want)
		}
	}
	if n := len([]rune(nameFrom("https://api.example/"+strings.Repeat("x", 5000)+".png", ""))); n > nameLong {
		t.Errorf("a name of %d characters is offered", n)
	}
}

// What is no text is saved byte for byte, and no other file is replaced unasked.
func TestWhatIsNoTextCanBeSaved(t *testing.T) {
	signedIn(t, func(r *rig) {
		folder := filepath.Join(r.TempDir(), "Documents")
		if err := os.Mkdir(folder, 0o700); err != nil {
			r.Fatal(err)
		}
		data := "RIFF\x00\xff\n"
		f := r.onMCP()
		f.result.Parts = append(f.result.Parts, explore.Part{Kind: explore.AudioPart, MIMEType: "audio/wav", URI: "todo0://sounds/done", Data: []byte(data)})
		r.openExplorer()
		r.offer("List to-dos")
		r.tap("Call")
		r.tap("Save to a file")
		if name := r.focusedField().Text; name != "done.wav" {
			r.Errorf("the name offered is %q", name)
		}
		path := filepath.Join(folder, "done.wav")
		r.name(path)
		if got, err := os.ReadFile(path); err != nil || string(got) != data {
			r.Fatalf("saved is %q, %v", got, err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			r.Fatal(err)
		}
		r.tap("Save to a file")
		r.name(path)
		if got, _ := os.ReadFile(path); string(got) != "mine" {
			r.Fatalf("it was replaced without a question: %q", got)
		}
		r.tap("Replace it")
		if got, _ := os.ReadFile(path); string(got) != data {
			r.Errorf("after Replace it is %q", got)
		}
	})
}
