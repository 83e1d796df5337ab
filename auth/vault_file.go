package auth

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

// The files of a vault in its folder.
const (
	vaultName    = "vault"        // header in the open, content sealed
	vaultLock    = "vault.lock"   // held while the vault is changed
	vaultWiping  = "vault.wiping" // there while Destroy is not finished: the ids whose keys must go
	vaultVersion = 1
	vaultLimit   = 4 << 20 // bytes that a vault can have
	headerLimit  = 4 << 10
)

// vaultHeader is the first line of the file. It is not secret, but sealed to
// the content as associated data, so that nobody can change it.
type vaultHeader struct {
	Version int        `json:"waybill_vault"`
	ID      string     `json:"id"`      // names the key in the keyring
	Counter uint64     `json:"counter"` // grows with every change
	Check   string     `json:"check"`   // tells a wrong key from a damaged file
	KDF     *argonCost `json:"argon2id,omitempty"`
}

// vaultContent is what is sealed.
type vaultContent struct {
	Records map[string][]byte `json:"records"`
}

func newVaultContent() *vaultContent {
	return &vaultContent{Records: map[string][]byte{}}
}

// vaultFile is a vault as it lies on disk.
type vaultFile struct {
	header vaultHeader
	line   []byte // the header's bytes, without the line end
	sealed []byte
}

// readVaultFile returns nil if there is no vault.
func readVaultFile(folder string) (*vaultFile, error) {
	data, err := disk.Read(filepath.Join(folder, vaultName), vaultLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseVaultFile(data)
}

func parseVaultFile(data []byte) (*vaultFile, error) {
	line, sealed, found := bytes.Cut(data, []byte("\n"))
	var f vaultFile
	if !found || len(line) > headerLimit || json.Unmarshal(line, &f.header) != nil {
		return nil, vaultDamaged()
	}
	switch h := f.header; {
	case h.Version > vaultVersion:
		return nil, fault.New(fault.StepKeyring, fault.Config, "vault_newer", fmt.Sprintf("The saved sign-ins were written by a newer Waybill (format %d).", h.Version)).
			WithRemedy("Update Waybill; the file is left as it is.")
	case h.Version < 1 || h.ID == "" || h.Counter == 0 || (h.KDF != nil && !h.KDF.sane()):
		return nil, vaultDamaged()
	}
	f.line, f.sealed = line, sealed
	return &f, nil
}

// open decrypts the content.
func (f *vaultFile) open(key seal.Key) (*vaultContent, error) {
	if f.header.Check != keyCheck(key) {
		return nil, errWrongKey
	}
	plain, err := contentBox(key).Open(vaultName, string(f.line), f.header.Counter, f.sealed)
	if err != nil {
		return nil, vaultDamaged().Because(err)
	}
	content := newVaultContent()
	if err := json.Unmarshal(plain, content); err != nil || content.Records == nil {
		return nil, vaultDamaged()
	}
	return content, nil
}

// writeVaultFile replaces the vault. The caller holds the lock.
func writeVaultFile(folder string, header vaultHeader, key seal.Key, content *vaultContent) error {
	header.Version, header.Check = vaultVersion, keyCheck(key)
	line, err := json.Marshal(header)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(content)
	if err != nil {
		return err
	}
	defer clear(plain)
	if len(line)+len(plain)+seal.Overhead+1 > vaultLimit {
		return fault.New(fault.StepKeyring, fault.Failed, "vault_full", "There is no more room for saved sign-ins.").
			WithRemedy("Remove connections that you no longer use.")
	}
	sealed := contentBox(key).Seal(vaultName, string(line), header.Counter, plain)
	return disk.Replace(filepath.Join(folder, vaultName), append(append(line, '\n'), sealed...))
}

// errWrongKey means that the key is not this file's.
var errWrongKey = errors.New("auth: another key than the vault's")

func vaultDamaged() *fault.Fault {
	return fault.New(fault.StepKeyring, fault.Failed, "vault_damaged", "The saved sign-ins on this computer are damaged and cannot be read.").
		WithRemedy("Start afresh and sign in again; the damaged file is kept.")
}

// contentBox seals the vault's content under a key of its own.
func contentBox(key seal.Key) *seal.Box { return seal.New(key.Subkey(nil, "vault content")) }

// keyCheck is the same for the same key, and says nothing about it.
func keyCheck(key seal.Key) string {
	check := key.Subkey(nil, "vault key check")
	return hex.EncodeToString(check[:8])
}
