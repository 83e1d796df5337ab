package session

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"time"

	"waybill/explore"
	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
	"waybill/replica"
)

const (
	historyTable = "explorer"
	historyLimit = 32 << 20 // bytes of the file
)

// sealedHistory is the content of the file.
type sealedHistory struct {
	Version int `json:"version"`
	explore.History
}

// History is what the user of the open account called at its resource, REST and
// MCP alike, newest first, and the favourites. It lies sealed beside the local
// copy, under a key made of that one's: signing out destroys both. Without a
// lasting key it lasts as long as this process.
func (m *Manager) History(ctx context.Context) (*explore.History, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	h := &explore.History{}
	err = a.withHistory(ctx, func(kept *explore.History) (bool, error) {
		*h = *kept
		return false, nil
	})
	return h, err
}

// ChangeHistory changes the History and keeps it; where change returns an error
// nothing is changed. Window and terminal may do so at once.
func (m *Manager) ChangeHistory(ctx context.Context, change func(*explore.History) error) error {
	a, err := m.needAccount()
	if err != nil {
		return err
	}
	return a.changeHistory(ctx, change)
}

func (a *account) changeHistory(ctx context.Context, change func(*explore.History) error) error {
	return a.withHistory(ctx, func(h *explore.History) (bool, error) { return true, change(h) })
}

// Remember adds a call to the History of the open account. That it cannot be kept
// is logged and no error: the call has been made.
func (m *Manager) Remember(ctx context.Context, c explore.Call) {
	if a := m.current(); a != nil {
		a.remember(ctx, c)
	}
}

func (a *account) remember(ctx context.Context, c explore.Call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settingsLimit)
	defer cancel()
	err := a.changeHistory(ctx, func(h *explore.History) error {
		h.Add(c)
		return nil
	})
	if err != nil {
		a.m.o.Log.Warn("a call was not kept in the history", "fault", fault.As(err).Code)
	}
}

// recall keeps how tools are described, and returns how they were.
func (a *account) recall(ctx context.Context, now map[explore.Said]string) (before map[explore.Said]string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settingsLimit)
	defer cancel()
	err := a.withHistory(ctx, func(h *explore.History) (bool, error) {
		before = maps.Clone(h.Tools)
		return h.Listed(now), nil
	})
	if err != nil {
		a.m.o.Log.Warn("how tools are described was not kept", "fault", fault.As(err).Code)
	}
	return before
}

// withHistory hands f the History, and keeps it afterwards if f says so.
func (a *account) withHistory(ctx context.Context, f func(*explore.History) (keep bool, err error)) error {
	path := replica.Beside(replica.Options{Dir: a.m.storeDir(), Account: a.record.Account}, historyTable)
	if path == "" {
		return a.m.historyInMemory(a.record.Account, f)
	}
	unlock, err := disk.Lock(ctx, path+".lock")
	if err != nil {
		return fault.As(err)
	}
	defer unlock()
	key, err := a.historyKey(ctx)
	if err != nil {
		return err
	}
	h, err := a.readHistory(path, key)
	if err != nil {
		return err
	}
	keep, err := f(&h.History)
	if err != nil || !keep {
		return err
	}
	if err := a.writeHistory(path, key, h); err != nil {
		return err
	}
	if _, err = a.historyKey(ctx); err != nil {
		return errors.Join(err, disk.Remove(path)) // signed out meanwhile: nothing stays
	}
	return nil
}

// historyKey is the key of the History, as long as nobody has signed out, here or
// in another process.
func (a *account) historyKey(ctx context.Context) (seal.Key, error) {
	var key storeKey
	found, err := a.m.vault.Get(ctx, storeRecord(a.record.Account), &key)
	if err == nil && !found {
		err = errSignedOut
	}
	return seal.Key(key.key).Subkey(nil, historyTable), err
}

// readHistory reads the file. One that does not open is set aside: it can be of no
// earlier life of the account alone, whose key is gone.
func (a *account) readHistory(path string, key seal.Key) (h sealedHistory, err error) {
	data, err := disk.Read(path, historyLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return sealedHistory{}, nil
	}
	if err != nil {
		return h, disk.Explain("read", path, err)
	}
	plain, err := seal.New(key).Open(historyTable, a.record.Account, 1, data)
	if err == nil {
		err = json.Unmarshal(plain, &h)
	}
	if err == nil && h.Version > 1 {
		return h, fault.New(fault.StepStore, fault.Failed, "newer", "The history of calls was written by a newer Waybill.").WithRemedy("Update Waybill.")
	}
	if err != nil {
		a.m.o.Log.Warn("the history of calls cannot be read and was set aside")
		if _, err := disk.SetAside(path, time.Now()); err != nil {
			return sealedHistory{}, err
		}
		return sealedHistory{}, nil
	}
	return h, nil
}

func (a *account) writeHistory(path string, key seal.Key, h sealedHistory) error {
	h.Version = 1
	plain, err := json.Marshal(h)
	if err == nil {
		err = disk.Replace(path, seal.New(key).Seal(historyTable, a.record.Account, 1, plain))
	}
	if err != nil {
		return disk.Explain("write", path, err)
	}
	return nil
}

// historyInMemory is withHistory where nothing is written.
func (m *Manager) historyInMemory(account string, f func(*explore.History) (keep bool, err error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := copyHistory(m.histories[account])
	keep, err := f(&h)
	if err == nil && keep {
		m.histories[account] = h
	}
	return err
}

// copyHistory is a copy of which the lists may be changed.
func copyHistory(h explore.History) explore.History {
	return explore.History{Calls: append([]explore.Call(nil), h.Calls...), Favourites: append([]explore.Call(nil), h.Favourites...), Tools: maps.Clone(h.Tools)}
}
