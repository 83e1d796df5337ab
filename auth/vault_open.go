package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

const defaultKeyringLimit = 3 * time.Second

// OpenVault opens the vault in a folder, or begins one.
//
// A keyring that is absent, locked or does not answer in time is no error: the
// vault is then VaultPassphrase if there is a passphrase and no vault of the
// keyring's yet, else VaultMemory with a Reason, and the files are left alone.
// A vault keeps the mode that it was begun with.
//
// An error is a Fault: vault_damaged, vault_key_missing, vault_key_wrong,
// vault_rolled_back (see VaultOptions.Repair), vault_newer, passphrase_wrong,
// or one of the disk's. The file is kept in every case.
func OpenVault(ctx context.Context, o VaultOptions) (*Vault, error) {
	if o.Limit <= 0 {
		o.Limit = defaultKeyringLimit
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := disk.EnsureFolder(o.Dir); err != nil {
		return nil, err
	}
	unlock, err := disk.Lock(ctx, filepath.Join(o.Dir, vaultLock))
	if err != nil {
		return nil, fault.As(err)
	}
	defer unlock()
	v := &Vault{options: o}
	if o.Keyring != nil {
		v.ring = newBoundedKeyring(o.Keyring, o.Service, o.Limit)
	}
	if err := v.finishWipe(ctx); err != nil {
		return nil, err
	}
	file, err := readVaultFile(o.Dir)
	if err == nil && file != nil {
		err = v.openFile(ctx, file)
	} else if err == nil {
		err = v.create(ctx)
	}
	if repairable(err) && o.Repair {
		err = v.startAfresh(ctx)
	}
	if ctx.Err() != nil {
		return nil, fault.As(ctx.Err())
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// openFile opens a vault that is there.
func (v *Vault) openFile(ctx context.Context, file *vaultFile) error {
	v.id, v.kdf, v.seen = file.header.ID, file.header.KDF, file.header.Counter
	if v.kdf != nil {
		return v.openWithPassphrase(file)
	}
	if v.ring == nil {
		v.useMemory("This computer's keyring is not in use, so sign-ins last only until Waybill is closed; the saved ones are kept.")
		return nil
	}
	key, err := v.ring.loadKey(ctx, v.id)
	switch {
	case errors.Is(err, ErrKeyringNotFound), errors.Is(err, errWrongKey):
		return keyFault(err)
	case err != nil:
		v.useMemory(v.unusable(err) + "; the saved ones are kept.")
		return nil
	}
	if _, err := file.open(key); errors.Is(err, errWrongKey) {
		return keyFault(err)
	} else if err != nil {
		return err
	}
	v.mode, v.key = VaultKeyring, key
	counter, err := v.ring.counter(ctx, v.id)
	v.slow = errors.Is(err, errKeyringSlow)
	if counter > v.seen && !v.options.Repair {
		return vaultRolledBack()
	}
	if counter > v.seen {
		// Accepted: written once more, above every number used before.
		content, err := file.open(key)
		if err != nil {
			return err
		}
		v.seen = counter
		return v.write(ctx, content)
	}
	return nil
}

func (v *Vault) openWithPassphrase(file *vaultFile) error {
	v.ring = nil
	passphrase, given := v.options.passphrase()
	if !given {
		v.useMemory("The saved sign-ins are locked with a passphrase that was not given, so new ones last only until Waybill is closed; the saved ones are kept.")
		return nil
	}
	key := v.kdf.key(passphrase)
	if _, err := file.open(key); errors.Is(err, errWrongKey) {
		return fault.New(fault.StepKeyring, fault.Config, "passphrase_wrong", "The passphrase does not open the saved sign-ins.").
			WithRemedy("Check the file that WAYBILL_PASSPHRASE_FILE names.")
	} else if err != nil {
		return err
	}
	v.mode, v.key = VaultPassphrase, key
	return nil
}

// create begins an empty vault with the best key that there is.
func (v *Vault) create(ctx context.Context) error {
	v.id, v.key, v.kdf, v.seen = strings.ToLower(rand.Text()), seal.NewKey(), nil, 0
	why := "This computer's keyring is not in use, so sign-ins last only until Waybill is closed."
	if v.ring != nil {
		err := v.ring.storeKey(ctx, v.id, v.key)
		if err == nil {
			v.mode = VaultKeyring
			return v.write(ctx, newVaultContent())
		}
		why = v.unusable(err) + "."
		if errors.Is(err, errKeyringReadBack) {
			_ = v.ring.delete(ctx, keyItem(v.id))
		}
	}
	v.ring = nil
	if passphrase, given := v.options.passphrase(); given {
		v.mode, v.kdf = VaultPassphrase, newArgonCost()
		v.key = v.kdf.key(passphrase)
		return v.write(ctx, newVaultContent())
	}
	v.useMemory(why)
	return nil
}

// useMemory makes this a vault that writes nothing.
func (v *Vault) useMemory(reason string) {
	v.mode, v.reason, v.ring = VaultMemory, reason, nil
	v.key, v.memory = seal.NewKey(), newVaultContent()
}

// unusable says why the keyring cannot be used, without its final full stop.
func (v *Vault) unusable(err error) string {
	why := "cannot be used"
	switch {
	case errors.Is(err, errKeyringSlow):
		why = fmt.Sprintf("did not answer within %s and may be locked", seconds(v.options.Limit))
	case errors.Is(err, errKeyringReadBack):
		why = "does not give back what it is given"
	}
	return "This computer's keyring " + why + ", so sign-ins last only until Waybill is closed"
}

func seconds(d time.Duration) string {
	if d == time.Second {
		return "1 second"
	}
	return fmt.Sprintf("%g seconds", d.Seconds())
}

// repairable reports whether VaultOptions.Repair can help.
func repairable(err error) bool {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return false
	}
	switch f.Code {
	case "vault_damaged", "vault_key_missing", "vault_key_wrong":
		return true
	}
	return false
}

// startAfresh renames the file that cannot be read and begins a new vault.
func (v *Vault) startAfresh(ctx context.Context) error {
	if _, err := disk.SetAside(filepath.Join(v.options.Dir, vaultName), v.options.Now()); err != nil {
		return err
	}
	return v.create(ctx)
}
