package auth

import (
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
)

// realKeyring is this computer's own Secret Service, unlocked. To run these
// tests without a desktop, with a private HOME, XDG_DATA_HOME and
// XDG_RUNTIME_DIR (mode 0700):
//
//	dbus-run-session -- sh -c 'printf pass |
//	  gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec "$@"' sh \
//	  env WAYBILL_TEST_SECRET_SERVICE=1 go test -run SecretService ./auth
func realKeyring(t *testing.T) (Keyring, string) {
	t.Helper()
	if os.Getenv("WAYBILL_TEST_SECRET_SERVICE") != "1" {
		t.Skip("WAYBILL_TEST_SECRET_SERVICE is not 1: no Secret Service is promised here, and the user's own is left alone")
	}
	return OSKeyring(), "Waybill test " + rand.Text()
}

func TestSecretServiceKeepsReplacesAndForgets(t *testing.T) {
	ring, service := realKeyring(t)
	if _, err := ring.Get(service, "key"); !errors.Is(err, ErrKeyringNotFound) {
		t.Fatalf("before: %v", err)
	}
	for _, value := range []string{"one", "two", strings.Repeat("x", 4096)} {
		if err := ring.Set(service, "key", value); err != nil {
			t.Fatal(err)
		}
		if got, err := ring.Get(service, "key"); err != nil || got != value {
			t.Fatalf("%d bytes come back as %d, %v", len(value), len(got), err)
		}
	}
	if err := ring.Delete(service, "key"); err != nil {
		t.Fatal(err)
	}
	if err := ring.Delete(service, "key"); !errors.Is(err, ErrKeyringNotFound) {
		t.Fatalf("after: %v", err)
	}
}

func TestSecretServiceHoldsAVaultsKeyOverARestart(t *testing.T) {
	ring, service := realKeyring(t)
	o := VaultOptions{Dir: t.TempDir(), Service: service, Keyring: ring}
	v := mustOpenVault(t, o)
	if v.Mode() != VaultKeyring {
		t.Fatalf("mode %v: %s", v.Mode(), v.Reason())
	}
	putText(t, v, "a", "x")
	v = mustOpenVault(t, o)
	wantText(t, v, "a", "x")
	if n, err := v.ring.counter(t.Context(), v.id); err != nil || n != v.seen || n < 2 {
		t.Errorf("counter %d, file %d, %v", n, v.seen, err)
	}
	if err := v.Destroy(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, item := range []string{keyItem(v.id), counterItem(v.id)} {
		if _, err := ring.Get(service, item); !errors.Is(err, ErrKeyringNotFound) {
			t.Errorf("%s is still in the keyring: %v", item, err)
		}
	}
}
