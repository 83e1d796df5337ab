package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/disk"
)

// settings is what lies in the clear: which connections there are and which
// was used last. It holds no secret and no name of a user.
type settings struct {
	Version     int                     `json:"version"`
	Current     string                  `json:"current,omitempty"`
	Connections []connection.Connection `json:"connections,omitempty"`

	// Approved are the approvals of connections that are not the user's own, by
	// name; those of the user's own are in the connections.
	Approved map[string]approval `json:"approved,omitempty"`

	// Accepted are the connection files that were accepted for being used without
	// being kept: a digest of each, by the connection's name.
	Accepted map[string]string `json:"accepted,omitempty"`
}

// approval is good for the settings that it was given for, and lapses with them.
type approval struct {
	Fingerprint string `json:"fingerprint"`
	connection.Approved
}

const (
	settingsFile    = "connections.json"
	settingsVersion = 1
	maxSettings     = 4 << 20 // bytes
	settingsLimit   = 3 * time.Second
)

func loadSettings(dir string) (settings, error) {
	path := filepath.Join(dir, settingsFile)
	data, err := disk.Read(path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return settings{Version: settingsVersion}, nil
	}
	if err != nil {
		f := fault.As(disk.Explain("read", path, err))
		return settings{}, settingsFault("unreadable", f.Message, err).WithRemedy(f.Remedy)
	}
	var s settings
	if err := json.Unmarshal(data, &s); err != nil {
		return settings{}, settingsFault("damaged", fmt.Sprintf("The file %s is damaged.", fault.Clean(path, 1024)), err).
			WithRemedy("Mend it, or move it away and add the connections again. It was left as it is.")
	}
	if s.Version > settingsVersion {
		return settings{}, settingsFault("newer", fmt.Sprintf("The file %s was written by a newer Waybill.", fault.Clean(path, 1024)), nil).
			WithRemedy("Update Waybill.")
	}
	return s, nil
}

func (s settings) save(dir string) error {
	s.Version = settingsVersion
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = disk.Replace(filepath.Join(dir, settingsFile), append(data, '\n'))
	}
	if err != nil {
		return unwritable(err)
	}
	return nil
}

func unwritable(err error) error {
	return settingsFault("unwritable", "The file connections.json cannot be written.", err).
		WithRemedy("See whether the disk is full or the folder read-only.")
}

func settingsFault(code, message string, cause error) *fault.Fault {
	f := fault.New(fault.StepSetup, fault.Failed, code, message)
	if cause != nil {
		f = f.Because(cause)
	}
	return f
}

// changeSettings loads the file, changes it and writes it again, so that what
// another process added meanwhile is kept.
func (m *Manager) changeSettings(change func(*settings)) error {
	ctx, cancel := context.WithTimeout(context.Background(), settingsLimit)
	defer cancel()
	unlock, err := disk.Lock(ctx, filepath.Join(m.o.Dir, settingsFile+".lock"))
	if err != nil {
		return unwritable(err)
	}
	defer unlock()
	s, err := loadSettings(m.o.Dir)
	if err != nil {
		return err
	}
	change(&s)
	if err := s.save(m.o.Dir); err != nil {
		return err
	}
	m.mu.Lock()
	m.connections, m.approved, m.accepted = s.Connections, s.Approved, s.Accepted
	m.mu.Unlock()
	return nil
}

// put adds c, in the place of one with its name if there is one. An approval
// that came along from settings that are others now has lapsed.
func (s *settings) put(c connection.Connection) {
	delete(s.Approved, c.Name)
	if c.Approved != nil {
		approved := c.Approved.For(c)
		c.Approved = &approved
	}
	if i := s.index(c.Name); i >= 0 {
		old := s.Connections[i]
		if c.Approved != nil && old.Approved != nil && *c.Approved == old.Approved.For(c) && fingerprint(c) != fingerprint(old) {
			c.Approved = nil
		}
		s.Connections[i] = c
		return
	}
	s.Connections = append(s.Connections, c)
}

func (s *settings) remove(name string) {
	delete(s.Approved, name)
	if i := s.index(name); i >= 0 {
		s.Connections = slices.Delete(s.Connections, i, i+1)
	}
	if s.Current == name {
		s.Current = ""
	}
}

func (s *settings) index(name string) int {
	return slices.IndexFunc(s.Connections, func(c connection.Connection) bool { return c.Name == name })
}
