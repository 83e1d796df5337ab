package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// memoryRing is a keyring in memory whose calls a test can break.
type memoryRing struct {
	mu     sync.Mutex
	items  map[string]string
	before func(call, user string) error   // runs before each call, without the lock
	stored func(user, value string) string // what Set keeps of a value
	calls  map[string]int
}

func newMemoryRing() *memoryRing {
	return &memoryRing{items: map[string]string{}, calls: map[string]int{}}
}

func (r *memoryRing) enter(call, user string) error {
	r.mu.Lock()
	r.calls[call]++
	before := r.before
	r.mu.Unlock()
	if before != nil {
		return before(call, user)
	}
	return nil
}

func (r *memoryRing) Get(service, user string) (string, error) {
	if err := r.enter("get", user); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, found := r.items[service+"/"+user]; found {
		return value, nil
	}
	return "", ErrKeyringNotFound
}

func (r *memoryRing) Set(service, user, value string) error {
	if err := r.enter("set", user); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stored != nil {
		value = r.stored(user, value)
	}
	r.items[service+"/"+user] = value
	return nil
}

func (r *memoryRing) Delete(service, user string) error {
	if err := r.enter("delete", user); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, found := r.items[service+"/"+user]; !found {
		return ErrKeyringNotFound
	}
	delete(r.items, service+"/"+user)
	return nil
}

// change replaces every item whose name starts with prefix.
func (r *memoryRing) change(prefix string, with func(string) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, value := range r.items {
		if strings.HasPrefix(name, "Waybill test/"+prefix) {
			r.items[name] = with(value)
		}
	}
}

func (r *memoryRing) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.items)
}

// storedText is the simplest record.
type storedText struct{ secret.Text }

func text(value string) *storedText { return &storedText{secret.New(value)} }

func (s *storedText) MarshalForVault() ([]byte, error) { return []byte(s.Reveal()), nil }

func (s *storedText) UnmarshalFromVault(data []byte) error {
	s.Text = secret.New(string(data))
	return nil
}

func vaultOptions(dir string, ring Keyring) VaultOptions {
	return VaultOptions{Dir: dir, Service: "Waybill test", Keyring: ring}
}

func mustOpenVault(t *testing.T, o VaultOptions) *Vault {
	t.Helper()
	v, err := OpenVault(t.Context(), o)
	if err != nil {
		t.Fatalf("OpenVault: %v", err)
	}
	return v
}

func wantVaultFault(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got %v, want the fault %s", err, code)
	}
}

func putText(t *testing.T, v *Vault, name, value string) {
	t.Helper()
	if err := v.Put(t.Context(), name, text(value)); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func wantText(t *testing.T, v *Vault, name, want string) {
	t.Helper()
	var got storedText
	found, err := v.Get(t.Context(), name, &got)
	if err != nil || found != (want != "") || got.Reveal() != want {
		t.Fatalf("%s: %q, %v, %v; want %q", name, got.Reveal(), found, err, want)
	}
}

func TestVaultKeepsEveryKindOfRecordOverARestart(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	v := mustOpenVault(t, o)
	now := time.Now().UTC().Truncate(time.Second)
	session := &Session{
		Identity: Identity{Issuer: "https://idp.example", Subject: "u1", Tenant: "t", Email: "a@b.example", Name: "Ann", AuthTime: now},
		IDToken:  IDToken{secret.New("id-token")}, IDTokenExpiry: now.Add(time.Hour),
		Refresh: RefreshToken{secret.New("refresh-token")}, SignedInAt: now,
	}
	credentials := StoredCredentials{connection.Credentials{IdP: secret.New("one"), Resource: secret.New("two"), IdPKey: secret.New("three"), ResourceKey: secret.New("four")}}
	if err := errors.Join(v.Put(t.Context(), "session", session), v.Put(t.Context(), "clients", &credentials)); err != nil {
		t.Fatal(err)
	}
	putText(t, v, "text", "five")

	v = mustOpenVault(t, o)
	var gotSession Session
	var gotCredentials StoredCredentials
	_, err1 := v.Get(t.Context(), "session", &gotSession)
	_, err2 := v.Get(t.Context(), "clients", &gotCredentials)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if gotSession.Identity != session.Identity || !gotSession.IDToken.Equal(session.IDToken.Text) || !gotSession.Refresh.Equal(session.Refresh.Text) ||
		!gotSession.IDTokenExpiry.Equal(session.IDTokenExpiry) || !gotSession.SignedInAt.Equal(now) || gotSession.Unverified {
		t.Errorf("%+v", gotSession)
	}
	if !gotCredentials.IdP.Equal(credentials.IdP) || !gotCredentials.Resource.Equal(credentials.Resource) ||
		!gotCredentials.IdPKey.Equal(credentials.IdPKey) || !gotCredentials.ResourceKey.Equal(credentials.ResourceKey) {
		t.Errorf("%+v", gotCredentials)
	}
	wantText(t, v, "text", "five")
	if names, err := v.Names(t.Context()); err != nil || fmt.Sprint(names) != "[clients session text]" {
		t.Errorf("%v, %v", names, err)
	}
	if err := errors.Join(v.Delete(t.Context(), "text"), v.Delete(t.Context(), "text")); err != nil {
		t.Error(err)
	}
	wantText(t, v, "text", "")
}

func TestS92_RecordsDoNotPrint(t *testing.T) {
	session := &Session{IDToken: IDToken{secret.New("canary")}, Refresh: RefreshToken{secret.New("canary")}}
	clients := &StoredCredentials{connection.Credentials{IdP: secret.New("canary"), ResourceKey: secret.New("canary")}}
	for _, out := range []string{
		fmt.Sprintf("%v %+v %#v", session, *session, session), fmt.Sprintf("%v %+v %#v", clients, *clients, clients),
	} {
		if strings.Contains(out, "canary") {
			t.Error("prints a secret")
		}
	}
	marshalled, err := json.Marshal([]any{session, clients})
	if err != nil || bytes.Contains(marshalled, []byte("canary")) {
		t.Errorf("marshals a secret: %v", err)
	}
}

func TestVaultRefusesARecordOfAnotherKind(t *testing.T) {
	v := mustOpenVault(t, vaultOptions(t.TempDir(), newMemoryRing()))
	putText(t, v, "a", `{"version":2}`)
	for _, into := range []VaultRecord{&Session{}, &StoredCredentials{}} {
		if _, err := v.Get(t.Context(), "a", into); err == nil {
			t.Errorf("read as %T", into)
		}
	}
}

func TestS97_NothingReadableInTheVaultsFiles(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	v := mustOpenVault(t, o)
	putText(t, v, "name-of-record", "canary-secret")
	paths, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"canary", "name-of-record"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", filepath.Base(path), word)
			}
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path), info.Mode().Perm())
		}
	}
}

func TestS95_KeyringThatCannotBeUsedGivesThisSessionOnly(t *testing.T) {
	cut := func(_, value string) string { return value[:min(len(value), 20)] }
	cases := map[string]struct {
		ring *memoryRing
		want string
	}{
		"absent":                {&memoryRing{items: map[string]string{}, calls: map[string]int{}, before: func(string, string) error { return errors.New("no bus") }}, "cannot be used"},
		"dismissed prompt":      {&memoryRing{items: map[string]string{}, calls: map[string]int{}, before: func(string, string) error { return errors.New("prompt dismissed") }}, "cannot be used"},
		"truncating":            {&memoryRing{items: map[string]string{}, calls: map[string]int{}, stored: cut}, "does not give back"},
		"4096-byte edge: empty": {&memoryRing{items: map[string]string{}, calls: map[string]int{}, stored: func(string, string) string { return "" }}, "does not give back"},
		"fails after storing": {&memoryRing{items: map[string]string{}, calls: map[string]int{}, before: func(call, _ string) error {
			if call == "get" {
				return errors.New("service restarted")
			}
			return nil
		}}, "cannot be used"},
	}
	for name, c := range cases {
		o := vaultOptions(t.TempDir(), c.ring)
		v := mustOpenVault(t, o)
		if v.Mode() != VaultMemory || !strings.Contains(v.Reason(), c.want) || !strings.Contains(v.Reason(), "only until Waybill is closed") {
			t.Errorf("%s: mode %v, reason %q", name, v.Mode(), v.Reason())
		}
		putText(t, v, "x", "value")
		wantText(t, v, "x", "value")
		if _, err := os.Stat(filepath.Join(o.Dir, vaultName)); err == nil {
			t.Errorf("%s: a vault was written", name)
		}
	}
}

func TestS95_HangingKeyringIsGivenUpAfterItsLimit(t *testing.T) {
	for _, hangAt := range []string{"get", "set"} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			ring, release := newMemoryRing(), make(chan struct{})
			defer close(release)
			ring.before = func(call, _ string) error {
				if call == hangAt {
					<-release
				}
				return nil
			}
			start := time.Now()
			v := mustOpenVault(t, vaultOptions(dir, ring))
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("%s: given up after %v", hangAt, took)
			}
			if v.Mode() != VaultMemory || !strings.Contains(v.Reason(), "did not answer within 3 seconds") {
				t.Errorf("%s: mode %v, reason %q", hangAt, v.Mode(), v.Reason())
			}
		})
	}
}

func TestS95_CancelledWhileTheKeyringHangs(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ring, release := newMemoryRing(), make(chan struct{})
		defer close(release)
		ring.before = func(string, string) error { <-release; return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := OpenVault(ctx, vaultOptions(dir, ring)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// A keyring that works, hangs once the vault is open: the file is written all
// the same, the wait is one limit in all, and nothing is lost.
func TestS95_KeyringThatHangsLaterCostsOneLimitInAll(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ring, release := newMemoryRing(), make(chan struct{})
		o := vaultOptions(dir, ring)
		v := mustOpenVault(t, o)
		ring.mu.Lock()
		ring.before = func(string, string) error { <-release; return nil }
		ring.mu.Unlock()
		start := time.Now()
		putText(t, v, "a", "1")
		putText(t, v, "b", "2")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("two changes took %v", took)
		}
		close(release)
		synctest.Wait()
		v = mustOpenVault(t, o)
		wantText(t, v, "a", "1")
		wantText(t, v, "b", "2")
	})
}

func TestS95_LockedKeyringKeepsTheSavedVaultForLater(t *testing.T) {
	ring := newMemoryRing()
	o := vaultOptions(t.TempDir(), ring)
	putText(t, mustOpenVault(t, o), "a", "saved")
	ring.before = func(string, string) error { return errors.New("locked") }
	v := mustOpenVault(t, o)
	if v.Mode() != VaultMemory || !strings.Contains(v.Reason(), "the saved ones are kept") {
		t.Errorf("mode %v, reason %q", v.Mode(), v.Reason())
	}
	wantText(t, v, "a", "")
	putText(t, v, "a", "this session")
	ring.before = nil
	wantText(t, mustOpenVault(t, o), "a", "saved")
}

func TestS95_WrongTruncatedOrMissingKeyIsSaidAndTheFileIsKept(t *testing.T) {
	changes := map[string]struct {
		code string
		with func(string) string
	}{
		"truncated":     {"vault_key_wrong", func(s string) string { return s[:30] }},
		"empty":         {"vault_key_wrong", func(string) string { return "" }},
		"another's":     {"vault_key_wrong", func(string) string { return strings.Repeat("A", 43) }},
		"not ours":      {"vault_key_wrong", func(string) string { return "hunter2" }},
		"gone entirely": {"vault_key_missing", nil},
	}
	for name, c := range changes {
		ring := newMemoryRing()
		o := vaultOptions(t.TempDir(), ring)
		putText(t, mustOpenVault(t, o), "a", "x")
		before, _ := os.ReadFile(filepath.Join(o.Dir, vaultName))
		if c.with != nil {
			ring.change("key-", c.with)
		} else {
			clear(ring.items)
		}
		_, err := OpenVault(t.Context(), o)
		wantVaultFault(t, err, c.code)
		if after, _ := os.ReadFile(filepath.Join(o.Dir, vaultName)); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
		o.Repair = true
		v := mustOpenVault(t, o)
		wantText(t, v, "a", "")
		kept, _ := filepath.Glob(filepath.Join(o.Dir, "vault.damaged-*"))
		if len(kept) != 1 {
			t.Fatalf("%s: kept %v", name, kept)
		}
		if data, _ := os.ReadFile(kept[0]); !bytes.Equal(data, before) {
			t.Errorf("%s: the kept file is another", name)
		}
		putText(t, v, "a", "new")
		o.Repair = false
		wantText(t, mustOpenVault(t, o), "a", "new")
	}
}

func TestS98_EveryFlippedByteAndEveryCutIsNoticedAndTheFileKept(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	v := mustOpenVault(t, o)
	putText(t, v, "a", "x")
	path := filepath.Join(o.Dir, vaultName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := func(what string, bad []byte) {
		t.Helper()
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var got storedText
		if found, err := v.Get(t.Context(), "a", &got); err == nil {
			t.Fatalf("%s: read %v %q", what, found, got.Reveal())
		}
		if _, err := OpenVault(t.Context(), o); err == nil {
			t.Fatalf("%s: opened", what)
		}
		if err := v.Put(t.Context(), "a", text("y")); err == nil {
			t.Fatalf("%s: written over", what)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, bad) {
			t.Fatalf("%s: the file was changed", what)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x20
		broken(fmt.Sprintf("byte %d flipped", i), bad)
	}
	for n := range good {
		broken(fmt.Sprintf("cut to %d bytes", n), good[:n])
	}
	broken("bytes after the end", append(bytes.Clone(good), 'x'))
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	wantText(t, v, "a", "x")
}

func TestS98_OlderCopyOfTheWholeFileIsNoticed(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	path := filepath.Join(o.Dir, vaultName)
	v := mustOpenVault(t, o)
	putText(t, v, "a", "old")
	old, _ := os.ReadFile(path)
	putText(t, v, "a", "new")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	var got storedText
	_, err := v.Get(t.Context(), "a", &got)
	wantVaultFault(t, err, "vault_rolled_back") // by the running process
	_, err = OpenVault(t.Context(), o)
	wantVaultFault(t, err, "vault_rolled_back") // by the counter beside the key
	if now, _ := os.ReadFile(path); !bytes.Equal(now, old) {
		t.Error("the file was changed")
	}
	o.Repair = true
	wantText(t, mustOpenVault(t, o), "a", "old")
	o.Repair = false
	wantText(t, mustOpenVault(t, o), "a", "old")
	if kept, _ := filepath.Glob(filepath.Join(o.Dir, "vault.damaged-*")); len(kept) != 0 {
		t.Errorf("an older file was set aside: %v", kept)
	}
}

func TestR26_NewerFormatIsLeftAlone(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	o.Repair = true
	path := filepath.Join(o.Dir, vaultName)
	future := []byte(`{"waybill_vault":2,"id":"x"}` + "\nwhatever")
	if err := os.WriteFile(path, future, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := OpenVault(t.Context(), o)
	wantVaultFault(t, err, "vault_newer")
	if now, _ := os.ReadFile(path); !bytes.Equal(now, future) {
		t.Error("the file was changed")
	}
}

func TestS94_LinkedVaultIsRefused(t *testing.T) {
	o := vaultOptions(t.TempDir(), newMemoryRing())
	putText(t, mustOpenVault(t, o), "a", "x")
	path := filepath.Join(o.Dir, vaultName)
	if err := errors.Join(os.Rename(path, path+"-moved"), os.Symlink(path+"-moved", path)); err != nil {
		t.Skip("no links here: ", err)
	}
	_, err := OpenVault(t.Context(), o)
	wantVaultFault(t, err, "unsafe_file")
}
