package auth

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"waybill/internal/seal"
	"waybill/secret"
)

func passphrase(text string) func() (secret.Text, bool) {
	return func() (secret.Text, bool) { return secret.New(text), text != "" }
}

func TestS96_PassphraseWhereThereIsNoKeyring(t *testing.T) {
	o := vaultOptions(t.TempDir(), nil)
	o.Passphrase = passphrase("correct horse battery staple\n")
	v := mustOpenVault(t, o)
	if v.Mode() != VaultPassphrase || v.Reason() != "" {
		t.Fatalf("mode %v, reason %q", v.Mode(), v.Reason())
	}
	putText(t, v, "a", "x")

	o.Passphrase = passphrase("correct horse battery staple\r\n")
	wantText(t, mustOpenVault(t, o), "a", "x")

	o.Passphrase = passphrase("wrong")
	o.Repair = true // a wrong passphrase is no damage
	_, err := OpenVault(t.Context(), o)
	wantVaultFault(t, err, "passphrase_wrong")

	o.Passphrase = passphrase("")
	locked := mustOpenVault(t, o)
	if locked.Mode() != VaultMemory || !strings.Contains(locked.Reason(), "passphrase") {
		t.Errorf("mode %v, reason %q", locked.Mode(), locked.Reason())
	}
	wantText(t, locked, "a", "")
}

func TestS96_WeakOrRuinousCostsInTheHeaderAreRefused(t *testing.T) {
	salt := bytes.Repeat([]byte{1}, 16)
	if !newArgonCost().sane() {
		t.Error("the costs in use are refused")
	}
	if newArgonCost().Memory < 64<<10 {
		t.Error("less than 64 MiB")
	}
	for _, c := range []argonCost{
		{Time: 3, Memory: 8 << 10, Threads: 4, Salt: salt}, {Time: 1, Memory: 64 << 10, Threads: 4, Salt: salt},
		{Time: 3, Memory: 4 << 20, Threads: 4, Salt: salt}, {Time: 1000, Memory: 64 << 10, Threads: 4, Salt: salt},
		{Time: 3, Memory: 64 << 10, Threads: 0, Salt: salt}, {Time: 3, Memory: 64 << 10, Threads: 4, Salt: salt[:8]},
	} {
		if c.sane() {
			t.Errorf("%+v is taken", c)
		}
	}
}

func TestS96_WithoutKeyringAndPassphraseNothingIsWritten(t *testing.T) {
	o := vaultOptions(t.TempDir(), nil)
	v := mustOpenVault(t, o)
	if v.Mode() != VaultMemory || v.Reason() == "" {
		t.Fatalf("mode %v, reason %q", v.Mode(), v.Reason())
	}
	putText(t, v, "a", "canary")
	paths, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	for _, path := range paths {
		if data, _ := os.ReadFile(path); len(data) != 0 {
			t.Errorf("%s holds %d bytes", path, len(data))
		}
	}
	if err := v.Destroy(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := v.Get(t.Context(), "a", &storedText{}); err == nil {
		t.Error("a destroyed vault answers")
	}
}

func TestVaultKeepsTheModeItWasBegunWith(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	putText(t, mustOpenVault(t, o), "a", "x")
	o.Passphrase = passphrase("phrase")
	if v := mustOpenVault(t, o); v.Mode() != VaultKeyring {
		t.Errorf("mode %v", v.Mode())
	}
	o.Keyring = nil
	if v := mustOpenVault(t, o); v.Mode() != VaultMemory {
		t.Errorf("without its keyring: mode %v", v.Mode())
	}
}

func TestR27_TwoProcessesShareAVaultAndLoseNothing(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	vaults := []*Vault{mustOpenVault(t, o), mustOpenVault(t, o), mustOpenVault(t, o)}
	const each = 20
	var wg sync.WaitGroup
	for i, v := range vaults {
		wg.Go(func() {
			for n := range each {
				if err := v.Put(t.Context(), fmt.Sprintf("%d-%d", i, n), text("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i, v := range vaults {
		if names, err := v.Names(t.Context()); err != nil || len(names) != len(vaults)*each {
			t.Errorf("vault %d sees %d records, %v", i, len(names), err)
		}
	}
}

func TestS100_DestroyTakesTheKeyFirstThenTheFiles(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	v := mustOpenVault(t, o)
	putText(t, v, "a", "x")
	path := filepath.Join(o.Dir, vaultName)
	ring.before = func(call, _ string) error {
		if _, err := os.Stat(path); call == "delete" && err != nil {
			t.Error("the file went before the key")
		}
		return nil
	}
	if err := errors.Join(v.Destroy(t.Context()), v.Destroy(t.Context())); err != nil {
		t.Fatal(err)
	}
	if ring.size() != 0 {
		t.Errorf("left in the keyring: %v", ring.items)
	}
	left, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	if len(left) != 1 || filepath.Base(left[0]) != vaultLock {
		t.Errorf("left on disk: %v", left)
	}
	wantText(t, mustOpenVault(t, o), "a", "")
}

func TestS101_CopyOfADestroyedVaultStaysShut(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	v := mustOpenVault(t, o)
	other := mustOpenVault(t, o) // another process, still running
	putText(t, v, "a", "x")
	path := filepath.Join(o.Dir, vaultName)
	copied, _ := os.ReadFile(path)
	if err := v.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantVaultFault(t, other.Put(t.Context(), "b", text("y")), "vault_gone")
	if _, err := os.Stat(path); err == nil {
		t.Error("another process brought the vault back")
	}
	if err := os.WriteFile(path, copied, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenVault(t.Context(), o)
	wantVaultFault(t, err, "vault_key_missing")
}

func TestS100_WipeIsFinishedAtTheNextStart(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	v := mustOpenVault(t, o)
	putText(t, v, "a", "x")
	ring.before = func(call, _ string) error {
		if call == "delete" {
			return errors.New("locked")
		}
		return nil
	}
	wantVaultFault(t, v.Destroy(t.Context()), "wipe_pending")
	if _, err := os.Stat(filepath.Join(o.Dir, vaultName)); err == nil {
		t.Error("the file is still there")
	}
	// Still locked: a new vault is begun, and not wiped with the old one.
	putText(t, mustOpenVault(t, o), "b", "new")
	wantText(t, mustOpenVault(t, o), "b", "new")
	ring.before = nil
	v = mustOpenVault(t, o)
	wantText(t, v, "b", "new")
	if ring.size() != 2 { // key and counter of the new one
		t.Errorf("left in the keyring: %d items", ring.size())
	}
	if _, err := os.Stat(filepath.Join(o.Dir, vaultWiping)); err == nil {
		t.Error("the note is still there")
	}
}

func TestS100_DestroyTakesFilesThatWereSetAside(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	v := mustOpenVault(t, o)
	putText(t, v, "a", "x")
	path := filepath.Join(o.Dir, vaultName)
	data, _ := os.ReadFile(path)
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Repair = true
	if err := mustOpenVault(t, o).Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "vault.damaged-*")); len(left) != 0 || ring.size() != 0 {
		t.Errorf("left: %v, %d items in the keyring", left, ring.size())
	}
}

// FuzzVaultFile: what opens is what was sealed. The key is fixed, since the
// fuzzer's processes hand files to one another.
func FuzzVaultFile(f *testing.F) {
	key := seal.Key{7}
	dir := f.TempDir()
	content := newVaultContent()
	content.Records["a"] = []byte("x")
	if err := writeVaultFile(dir, vaultHeader{ID: "id", Counter: 3}, key, content); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, vaultName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:40])
	f.Add([]byte(`{"waybill_vault":1,"id":"id","counter":3,"check":"","argon2id":{"time":3,"memory_kib":4294967295,"threads":1,"salt":""}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parseVaultFile(data)
		if err != nil {
			return
		}
		content, err := file.open(key)
		if err == nil && (len(content.Records) != 1 || string(content.Records["a"]) != "x" || file.header.ID != "id" || file.header.Counter != 3) {
			t.Fatalf("opened a forged vault: %q", data)
		}
	})
}
