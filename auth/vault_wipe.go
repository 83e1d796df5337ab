package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"waybill/fault"
	"waybill/internal/disk"
)

// wipeNote lies on disk from the beginning of a Destroy until its end, so that
// the next start can finish it.
type wipeNote struct {
	Files []string `json:"files"` // ids of the vaults whose files must go
	Keys  []string `json:"keys"`  // ids of the vaults whose keys must go from the keyring
}

// Destroy makes everything that was sealed under this vault's key unreadable,
// copies included, by deleting the key; then it deletes the files, with those
// that were set aside. What it cannot finish, after a crash or because the
// keyring does not answer, the next OpenVault finishes; in the latter case
// Destroy answers with the Fault wipe_pending. The vault is not usable
// afterwards. A vault in VaultMemory only forgets what it holds.
func (v *Vault) Destroy(ctx context.Context) error {
	if v.mode != VaultMemory {
		unlock, err := disk.Lock(ctx, filepath.Join(v.options.Dir, vaultLock))
		if err != nil {
			return fault.As(err)
		}
		defer unlock()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.gone {
		return nil
	}
	if v.mode != VaultMemory {
		note, err := json.Marshal(v.wipeNote())
		if err != nil {
			return err
		}
		if err := disk.Replace(filepath.Join(v.options.Dir, vaultWiping), note); err != nil {
			return err
		}
	}
	v.gone, v.memory = true, nil
	clear(v.key[:])
	if v.mode == VaultMemory {
		return nil
	}
	return v.finishWipe(ctx)
}

// wipeNote names this vault and those that were set aside.
func (v *Vault) wipeNote() wipeNote {
	note := wipeNote{Files: []string{v.id}}
	for _, path := range v.setAside() {
		if header, ok := v.header(path); ok {
			note.Files = append(note.Files, header.ID)
		}
	}
	if v.ring != nil {
		note.Keys = note.Files
	}
	return note
}

// finishWipe does what the note of a Destroy says, if there is one: keys
// first, then files, then the note. The note stays until the keys are gone;
// meanwhile a new vault may be begun, which it does not name. The caller holds
// the lock.
func (v *Vault) finishWipe(ctx context.Context) error {
	path := filepath.Join(v.options.Dir, vaultWiping)
	data, err := disk.Read(path, vaultLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var note wipeNote
	if err := json.Unmarshal(data, &note); err != nil {
		return disk.Remove(path) // never written by Destroy, whose notes are whole
	}
	keyErr := v.wipeKeys(ctx, note.Keys)
	for _, file := range append(v.setAside(), filepath.Join(v.options.Dir, vaultName)) {
		header, ok := v.header(file)
		if ours := ok && slices.Contains(note.Files, header.ID); ours || !ok && v.gone {
			if err := disk.Remove(file); err != nil {
				return err
			}
		}
	}
	switch {
	case keyErr == nil:
		return disk.Remove(path)
	case v.gone:
		return fault.New(fault.StepKeyring, fault.Failed, "wipe_pending", "The saved sign-ins were deleted, but this computer's keyring did not let go of their key.").
			WithRemedy("Waybill deletes it at its next start.").Because(keyErr)
	}
	return nil // tried again at the next start
}

func (v *Vault) wipeKeys(ctx context.Context, ids []string) error {
	if len(ids) > 0 && v.ring == nil {
		return errKeyringUnused
	}
	for _, id := range ids {
		if err := errors.Join(v.ring.delete(ctx, keyItem(id)), v.ring.delete(ctx, counterItem(id))); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) setAside() []string {
	paths, _ := filepath.Glob(filepath.Join(v.options.Dir, vaultName+".damaged-*"))
	return paths
}

func (v *Vault) header(path string) (vaultHeader, bool) {
	data, err := disk.Read(path, vaultLimit)
	if err != nil {
		return vaultHeader{}, false
	}
	file, err := parseVaultFile(data)
	if err != nil {
		return vaultHeader{}, false
	}
	return file.header, true
}
