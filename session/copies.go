package session

import (
	"context"
	"errors"

	"waybill/replica"
)

// copyOf opens the local copy of an account, or takes up the one that closeCopy
// has left open. The turn is held.
func (m *Manager) copyOf(ctx context.Context, account string, key storeKey) (*replica.Replica, error) {
	if kept := m.inMemory[account]; kept != nil {
		delete(m.inMemory, account)
		return kept, nil
	}
	return replica.Open(ctx, replica.Options{Dir: m.storeDir(), Key: key.key, StartFresh: key.fresh, Account: account,
		Settled: m.o.Settled, Log: m.o.Log})
}

// closeCopy closes the local copy of an account that is closed. One that nothing
// is written of and that holds what the server does not have is left open until
// its account is opened again, the user signs out or Waybill closes: a session
// that is over and begun again, or another account in between, must not cost
// what was not sent. The turn is held.
func (m *Manager) closeCopy(a *account) error {
	if m.storeDir() == "" && len(a.replica.Outbox()) > 0 {
		m.inMemory[a.record.Account] = a.replica
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
