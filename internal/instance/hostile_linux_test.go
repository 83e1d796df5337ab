package instance

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asNobody connects to the socket as another user of this computer and returns
// the connection's number.
func asNobody(path string) (fd int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its user id
		const nobody, keep = 65534, ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, nobody, keep); errno != 0 {
			err = errno
			return
		}
		if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
	}()
	<-done
	return fd, err
}

// R27: another user can neither raise the window nor keep its user from it: the
// folder lets nobody in, and where that was opened by hand, nobody is answered.
func TestR27_AnotherUserCannotRaiseOrBlock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	dir, err := os.MkdirTemp("", "waybill-instance-") // t.TempDir lies below a folder of the owner alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	asked := counting(mustHold(t, dir))
	path := filepath.Join(dir, "window.sock")
	if fd, err := asNobody(path); err == nil {
		t.Error("another user got through to the socket")
		_ = unix.Close(fd)
	}
	for name, mode := range map[string]os.FileMode{dir: 0o777, path: 0o777} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 { // held open, and saying nothing
		fd, err := asNobody(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	fd, err := asNobody(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(fd), "")
	defer theirs.Close()
	_, _ = io.WriteString(theirs, question)
	if got, _ := io.ReadAll(theirs); len(got) != 0 || asked.Load() != 0 {
		t.Errorf("another user raised the window: %q", got)
	}
	if h, err := Claim(t.Context(), dir); h != nil || err != nil || asked.Load() != 1 {
		t.Errorf("its own user could not: %v, %v", h, err)
	}
}

// R27: one that connects and says nothing, or something else, keeps nobody
// else waiting.
func TestR27_OneThatSaysNothingHoldsUpNobody(t *testing.T) {
	dir := t.TempDir()
	asked := counting(mustHold(t, dir))
	for _, words := range []string{"", "GET / HTTP/1.1\r\n\r\n", "waybill: come to the fr"} {
		c, err := net.Dial("unix", filepath.Join(dir, "window.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, words); err != nil {
			t.Fatal(err)
		}
	}
	if h, err := claim(t.Context(), dir, 10*time.Second); h != nil || err != nil || asked.Load() != 1 {
		t.Errorf("not raised: %v, %v, asked %d times", h, err, asked.Load())
	}
}
