package session

import (
	"context"
	"errors"

	"waybill/replica"
)

// copyOf opens the local copy of an account. One that nothing is written of is
// kept open until Waybill closes, or the user signs out: a session that is over
// and begun again, or another account in between, must not cost what was not
// sent. The turn is held.
func (m *Manager) copyOf(ctx context.Context, account string, key storeKey) (*replica.Replica, error) {
	if kept := m.inMemory[account]; kept != nil {
		return kept, nil
	}
	local, err := replica.Open(ctx, replica.Options{Dir: m.storeDir(), Key: key.key, StartFresh: key.fresh, Account: account,
		Settled: m.o.Settled, Log: m.o.Log})
	if err == nil && m.storeDir() == "" {
		m.inMemory[account] = local
	}
	return local, err
}

// closeCopy closes the local copy of an account that is closed. The turn is
// held.
func (m *Manager) closeCopy(a *account) error {
	if m.inMemory[a.record.Account] == a.replica {
		return nil
	}
	return a.replica.Close()
}

// dropCopy ends what is kept in memory of an account. The turn is held.
func (m *Manager) dropCopy(account string) error {
	kept := m.inMemory[account]
	if kept == nil {
		return nil
	}
	delete(m.inMemory, account)
	return kept.Close()
}

// dropCopies is dropCopy for all accounts.
func (m *Manager) dropCopies() (err error) {
	for account := range m.inMemory {
		err = errors.Join(err, m.dropCopy(account))
	}
	return err
}
