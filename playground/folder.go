package playground

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"waybill/internal/disk"
)

// maxEndpoints is how large the file of the endpoints may be, in bytes.
const maxEndpoints = 64 << 10

// ErrRunning is in the chain of Start's and New's error if another playground
// owns Options.Dir. After Start, Attach gives its endpoints.
var ErrRunning = errors.New("the built-in playground is already running")

// Names in the folder, beside those of package state.
const (
	lockName      = "lock"
	endpointsName = "endpoints.json"
)

// folder is the ownership of Options.Dir. The operating system ends it with the
// process.
type folder struct {
	dir  string // empty: there is none
	lock *flock.Flock
}

// takeFolder makes the folder and becomes its owner, or fails with ErrRunning.
func takeFolder(dir string) (*folder, error) {
	if dir == "" {
		return &folder{}, nil
	}
	if err := disk.EnsureFolder(dir); err != nil {
		return nil, fmt.Errorf("the playground's folder cannot be used: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	owned, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the playground's folder cannot be locked: %w", err)
	case !owned:
		_ = lock.Close()
		return nil, fmt.Errorf("%w in another window or terminal, with its state in %s", ErrRunning, dir)
	}
	return &folder{dir, lock}, nil
}

func (f *folder) release() {
	if f.lock != nil {
		_ = f.lock.Close()
	}
}

// announcement is the contents of the endpoints file.
type announcement struct {
	Instance  string    `json:"instance"`
	Endpoints Endpoints `json:"endpoints"`
}

// announce tells other processes where this one serves.
func (f *folder) announce(instance string, e Endpoints) error {
	if f.dir == "" {
		return nil
	}
	raw, err := json.Marshal(announcement{instance, e})
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(f.dir, endpointsName), raw)
}

func (f *folder) withdraw() error {
	if f.dir == "" {
		return nil
	}
	err := os.Remove(filepath.Join(f.dir, endpointsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// attachLimit is how long Attach waits for an answer.
const attachLimit = 2 * time.Second

// Attach finds the playground that another process runs on dir, and reports
// whether it is that one which answers. It changes nothing and takes at most
// two seconds.
func Attach(dir string) (Endpoints, bool) {
	raw, err := disk.Read(filepath.Join(dir, endpointsName), maxEndpoints)
	if err != nil {
		return Endpoints{}, false
	}
	var known announcement
	if json.Unmarshal(raw, &known) != nil || known.Instance == "" {
		return Endpoints{}, false
	}
	if answers(known) {
		return known.Endpoints, true
	}
	return Endpoints{}, false
}

// answers asks the identity provider for its instance: another program may have
// the port by now.
func answers(known announcement) bool {
	u, err := url.Parse(known.Endpoints.IdP)
	if err != nil || u.Scheme != "http" {
		return false
	}
	client := &http.Client{
		Timeout:       attachLimit,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Get(known.Endpoints.IdP + probePath)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1024))
	return err == nil && answer.StatusCode == http.StatusOK && string(body) == known.Instance
}
