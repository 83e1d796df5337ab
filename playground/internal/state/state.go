// Package state keeps what the playground must not forget: keys, clients,
// users, sessions, refresh tokens, spent assertions and ports, in one file.
//
// Invariant: when Update returns nil, its change is on disk, whole; when it
// fails, neither memory nor disk has any of it. A file that cannot be read is
// set aside under a name that is logged, and never deleted; a file of a newer
// version is not touched.
package state

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"waybill/internal/disk"
)

// version is the form of Data that this program writes and reads.
const version = 1

// FileName is the name of the file inside the folder.
const FileName = "state.json"

// Data is everything that is kept. Secrets that only have to be recognised,
// such as refresh tokens and cookies, are keys by their hash (see Hash).
type Data struct {
	Version      int    `json:"version"`
	Installation string `json:"installation"` // random; tells two installations apart
	FormKey      []byte `json:"form_key"`     // authenticates the sign-in form

	Ports  map[string]int    `json:"ports,omitempty"` // by role
	Demo   map[string]Demo   `json:"demo,omitempty"`  // by role of the resource
	Keys   map[string][]Key  `json:"keys,omitempty"`  // by role, newest last
	Users  map[string]User   `json:"users,omitempty"` // by subject
	Logins map[string]Login  `json:"logins,omitempty"`
	Grants map[string]Grant  `json:"grants,omitempty"`
	People map[string]Person `json:"people,omitempty"` // by subject at the authorization server
	Spent  map[string]int64  `json:"spent,omitempty"`  // by hash of what may be used once: Unix time until when to remember it
}

// Demo is a demo client with its two registrations.
type Demo struct {
	ClientID             string `json:"client_id"`
	ClientSecret         string `json:"client_secret"`
	ResourceClientSecret string `json:"resource_client_secret"`
}

// Key is a signing key.
type Key struct {
	ID      string    `json:"kid"`
	DER     []byte    `json:"pkcs8"` // PKCS #8
	Made    time.Time `json:"made"`
	Retired time.Time `json:"retired,omitzero"` // when a newer one took over; zero: in use
}

// User is a user of the identity provider.
type User struct {
	Email string    `json:"email"` // in lower case; unique
	Name  string    `json:"name"`
	Made  time.Time `json:"made"`
}

// Login is a browser's session at the identity provider, by hash of its cookie.
type Login struct {
	ID      string    `json:"sid"`
	Subject string    `json:"sub"`
	At      time.Time `json:"auth_time"`
	ACR     string    `json:"acr"`
	Expires time.Time `json:"expires"`
}

// Grant is a refresh token, by its hash. A rotated one stays, marked as used,
// until it expires, so that its reuse is noticed (RFC 9700 section 4.14.2).
type Grant struct {
	Family   string    `json:"family"` // all tokens that go back to one sign-in
	ClientID string    `json:"client_id"`
	Subject  string    `json:"sub"`
	LoginID  string    `json:"sid"`
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	ACR      string    `json:"acr"`
	Expires  time.Time `json:"expires"`
	Used     bool      `json:"used,omitempty"`
	Key      string    `json:"jkt,omitempty"` // thumbprint of the key that it is bound to; "": none
}

// Person is what the authorization server remembers of somebody it issued a
// token for.
type Person struct {
	Email string `json:"email,omitempty"`
}

// Store holds a Data and its file. It is safe for concurrent use.
type Store struct {
	path string // empty: memory only
	now  func() time.Time

	mu      sync.RWMutex
	data    Data
	written []byte // the JSON of data as of the last Update that succeeded
}

// MaxFile is the size above which a file is taken for damaged, in bytes.
const MaxFile = 256 << 20

// Open reads the state in dir, or begins a new one. An empty dir keeps
// everything in memory. The caller owns dir.
func Open(dir string, now func() time.Time, log *slog.Logger) (*Store, error) {
	s := &Store{now: now, data: Data{Version: version}}
	if dir == "" {
		return s, s.remember()
	}
	if err := disk.EnsureFolder(dir); err != nil {
		return nil, err
	}
	s.path = filepath.Join(dir, FileName)
	raw, err := disk.Read(s.path, MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.remember()
	}
	if err != nil {
		return nil, err
	}
	data, err := decode(raw)
	if err != nil {
		aside, moved := disk.SetAside(s.path, now())
		if moved != nil {
			return nil, errors.Join(err, moved)
		}
		log.Warn("The playground's state was damaged. It was set aside, and a new one begun.", "file", aside, "reason", err)
		return s, s.remember()
	}
	if data.Version > version {
		return nil, fmt.Errorf("%s was written by a newer version of this program and was left as it is", s.path)
	}
	s.data = data
	return s, s.remember()
}

// decode accepts what Update wrote. The version is looked at by the caller.
func decode(raw []byte) (Data, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Data{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	if head.Version < 1 {
		return Data{}, errors.New("it has no version")
	}
	if head.Version > version {
		return Data{Version: head.Version}, nil
	}
	var data Data
	err := json.Unmarshal(raw, &data)
	return data, err
}

// remember takes data as it is for what is on disk.
func (s *Store) remember() (err error) {
	s.data.fill()
	s.written, err = json.Marshal(s.data)
	return err
}

// fill makes the maps that are missing.
func (d *Data) fill() {
	*d = Data{
		Version: version, Installation: d.Installation, FormKey: d.FormKey,
		Ports: orEmpty(d.Ports), Demo: orEmpty(d.Demo), Keys: orEmpty(d.Keys), Users: orEmpty(d.Users),
		Logins: orEmpty(d.Logins), Grants: orEmpty(d.Grants), People: orEmpty(d.People), Spent: orEmpty(d.Spent),
	}
}

func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

// Hash is the key under which something secret and random is kept, so that the
// file does not hold it.
func Hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Spend marks what, which may be used once, as used, and reports whether it was
// not used before. It is remembered until then. Call it last inside an Update,
// when nothing else can refuse the request any more.
func (d *Data) Spend(what string, until time.Time) bool {
	key := Hash(what)
	if _, used := d.Spent[key]; used {
		return false
	}
	d.Spent[key] = until.Unix()
	return true
}

// View lets read look at the data. What it is given must not be changed or
// kept.
func (s *Store) View(read func(*Data)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	read(&s.data)
}

// Update lets change alter the data and writes it. An error of change, or of
// the disk, undoes everything and is returned.
func (s *Store) Update(change func(*Data) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := change(&s.data)
	if err == nil {
		s.prune()
		err = s.write()
	}
	if err != nil {
		s.data = Data{}
		undone := json.Unmarshal(s.written, &s.data)
		s.data.fill()
		return errors.Join(err, undone)
	}
	return nil
}

func (s *Store) write() error {
	raw, err := json.Marshal(s.data)
	if err != nil {
		return err
	}
	if s.path != "" {
		if err := disk.Replace(s.path, raw); err != nil {
			return err
		}
	}
	s.written = raw
	return nil
}

// Spend is Data.Spend in an Update of its own.
func (s *Store) Spend(what string, until time.Time) (bool, error) {
	err := s.Update(func(d *Data) error {
		if !d.Spend(what, until) {
			return ErrSpent
		}
		return nil
	})
	if errors.Is(err, ErrSpent) {
		return false, nil
	}
	return err == nil, err
}

// ErrSpent is what an Update returns to undo itself when Spend refused.
var ErrSpent = errors.New("it was used before")

// prune forgets what has expired. Keys are pruned by their owner, who knows how
// long tokens live.
func (s *Store) prune() {
	now := s.now()
	maps.DeleteFunc(s.data.Logins, func(_ string, l Login) bool { return now.After(l.Expires) })
	maps.DeleteFunc(s.data.Grants, func(_ string, g Grant) bool { return now.After(g.Expires) })
	maps.DeleteFunc(s.data.Spent, func(_ string, until int64) bool { return now.Unix() > until })
}
