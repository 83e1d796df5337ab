package session

import (
	"encoding/json"

	"waybill/connection"
)

// Accepted reports whether the user has accepted this very file before: the same
// connection, with its secrets from the same places. Another file of the same
// name is another one.
func (m *Manager) Accepted(f connection.File) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.accepted[f.Connection.Name] == fileDigest(f)
}

// KeepAccepted remembers that the user has accepted the file, in the place of
// what was accepted under its name before.
func (m *Manager) KeepAccepted(f connection.File) error {
	return m.changeSettings(func(s *settings) {
		if s.Accepted == nil {
			s.Accepted = map[string]string{}
		}
		s.Accepted[f.Connection.Name] = fileDigest(f)
	})
}

// fileDigest names everything in a connection file but its secrets.
func fileDigest(f connection.File) string {
	said, err := json.Marshal(f.Connection)
	if err != nil {
		return "" // only what never was in a file
	}
	from, err := json.Marshal(f.Origins)
	if err != nil {
		return ""
	}
	return digest(string(said), string(from))
}
