package auth

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
	"waybill/secret"
)

// VaultMode says where a vault's key comes from, and so how long secrets last.
type VaultMode int

// The modes.
const (
	VaultKeyring    VaultMode = iota // the key lies in the operating system's keyring
	VaultPassphrase                  // the key is derived from a passphrase (Argon2id, RFC 9106)
	VaultMemory                      // nothing is written: secrets last as long as this process
)

// VaultOptions say how to open a vault. Dir and Service are required.
type VaultOptions struct {
	Dir     string  // the folder of the vault's files; made if need be
	Service string  // under which name the key is shown in the keyring
	Keyring Keyring // nil: no keyring is asked

	// Passphrase is asked where the keyring cannot be used, or the vault was
	// made with a passphrase; nil or false: there is none.
	Passphrase func() (secret.Text, bool)

	// Limit is how long one call of the keyring may take; 0: 3 seconds. Give
	// 30 where a prompt to unlock it may be on the screen.
	Limit time.Duration

	// Repair is the user's answer to the Faults vault_damaged,
	// vault_key_missing, vault_key_wrong and vault_rolled_back: an older file
	// is taken as it is; one that cannot be read is renamed, not deleted, and
	// an empty vault begun.
	Repair bool

	// Now is the wall clock; nil: time.Now. It only names renamed files.
	Now func() time.Time
}

// VaultRecord is what a vault keeps: a type that shows its secrets to the vault
// alone, which seals the bytes at once.
type VaultRecord interface {
	MarshalForVault() ([]byte, error)
	UnmarshalFromVault(data []byte) error // refuses what it cannot read whole
}

// Vault keeps secrets, sealed under one key, in one file that is replaced
// atomically. Two processes may have the same vault open: each sees what the
// other has put. It is safe for concurrent use.
type Vault struct {
	options VaultOptions
	mode    VaultMode
	reason  string
	ring    *boundedKeyring // only in VaultKeyring

	mu     sync.Mutex
	id     string
	key    seal.Key
	kdf    *argonCost
	seen   uint64        // newest version of the file seen so far
	memory *vaultContent // only in VaultMemory
	slow   bool          // the keyring hung once: its counter is no longer kept up
	gone   bool          // destroyed
}

// Mode says how long secrets last.
func (v *Vault) Mode() VaultMode { return v.mode }

// Reason is, in VaultMemory, one sentence that says why, else "".
func (v *Vault) Reason() string { return v.reason }

// Get reads the record called name into into, and reports whether there is one.
func (v *Vault) Get(ctx context.Context, name string, into VaultRecord) (bool, error) {
	content, err := v.read(ctx)
	if err != nil {
		return false, err
	}
	data, found := content.Records[name]
	if !found {
		return false, nil
	}
	if err := into.UnmarshalFromVault(data); err != nil {
		return false, vaultDamaged().Because(err)
	}
	return true, nil
}

// Put keeps value under name. When it returns nil, the record survives a crash
// and a power loss, except in VaultMemory.
func (v *Vault) Put(ctx context.Context, name string, value VaultRecord) error {
	data, err := value.MarshalForVault()
	if err != nil {
		return err
	}
	return v.update(ctx, func(c *vaultContent) bool {
		c.Records[name] = data
		return true
	})
}

// Delete forgets the record called name; that there is none is no error.
func (v *Vault) Delete(ctx context.Context, name string) error {
	return v.update(ctx, func(c *vaultContent) bool {
		_, found := c.Records[name]
		delete(c.Records, name)
		return found
	})
}

// Names returns the names of all records, sorted.
func (v *Vault) Names(ctx context.Context) ([]string, error) {
	content, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(content.Records)), nil
}

// read returns the content as it is now. It takes no lock: files are replaced
// whole.
func (v *Vault) read(ctx context.Context) (*vaultContent, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.As(err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	content, err := v.current()
	if err == nil && v.mode == VaultMemory {
		content = &vaultContent{Records: maps.Clone(content.Records)}
	}
	return content, err
}

// current reads the file. The caller holds v.mu.
func (v *Vault) current() (*vaultContent, error) {
	switch {
	case v.gone:
		return nil, vaultGone()
	case v.mode == VaultMemory:
		return v.memory, nil
	}
	file, err := readVaultFile(v.options.Dir)
	switch {
	case err != nil:
		return nil, err
	case file == nil || file.header.ID != v.id:
		return nil, vaultGone()
	case file.header.Counter < v.seen:
		return nil, vaultRolledBack()
	}
	content, err := file.open(v.key)
	if errors.Is(err, errWrongKey) {
		return nil, vaultDamaged().Because(err)
	}
	if err == nil {
		v.seen = file.header.Counter
	}
	return content, err
}

// update changes the content under the lock; change reports whether there is
// anything to write.
func (v *Vault) update(ctx context.Context, change func(*vaultContent) bool) error {
	if v.mode != VaultMemory {
		unlock, err := disk.Lock(ctx, filepath.Join(v.options.Dir, vaultLock))
		if err != nil {
			return fault.As(err)
		}
		defer unlock()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	content, err := v.current()
	if err != nil || !change(content) || v.mode == VaultMemory {
		return err
	}
	return v.write(ctx, content)
}

// write replaces the file by a newer one and tells the keyring its number. The
// caller holds the lock and v.mu.
func (v *Vault) write(ctx context.Context, content *vaultContent) error {
	header := vaultHeader{ID: v.id, Counter: v.seen + 1, KDF: v.kdf}
	if err := writeVaultFile(v.options.Dir, header, v.key, content); err != nil {
		return err
	}
	v.seen = header.Counter
	if v.ring != nil && !v.slow {
		// The file is safe. A counter that lags behind only notices less.
		err := v.ring.setCounter(ctx, v.id, v.seen)
		v.slow = errors.Is(err, errKeyringSlow)
	}
	return nil
}

func vaultGone() *fault.Fault {
	return fault.New(fault.StepKeyring, fault.SignInNeeded, "vault_gone", "The saved sign-ins were deleted.").
		WithRemedy("Sign in again.")
}

func vaultRolledBack() *fault.Fault {
	return fault.New(fault.StepKeyring, fault.Failed, "vault_rolled_back", "The saved sign-ins are older than they were the last time, as after restoring a backup.").
		WithRemedy("Put the newest file back, or go on with the older one; some sign-ins may have to be repeated.")
}
