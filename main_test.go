package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/fault"
)

// S105: a secret that was read from the environment is not handed on to child
// processes.
func TestS105_SecretsLeaveTheEnvironmentWhenRead(t *testing.T) {
	t.Setenv("WAYBILL_TEST_SECRET", "canary")
	take := takeEnv()
	for range 2 {
		if v, ok := take("WAYBILL_TEST_SECRET"); !ok || v != "canary" {
			t.Fatalf("took %q, %t", v, ok)
		}
	}
	if _, still := os.LookupEnv("WAYBILL_TEST_SECRET"); still {
		t.Error("the variable is still in the environment")
	}
	if _, ok := take("WAYBILL_TEST_UNSET"); ok {
		t.Error("an unset variable was found")
	}
}

func TestHomeDirFollowsTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("WAYBILL_HOME", dir)
	if got, err := homeDir(); err != nil || got != dir {
		t.Errorf("WAYBILL_HOME: %q %v", got, err)
	}
	t.Setenv("WAYBILL_HOME", "")
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("HOME", dir)
	if got, err := homeDir(); err != nil || filepath.Dir(got) == "" || got == dir {
		t.Errorf("without it: %q %v", got, err)
	}
}

func TestPassphraseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passphrase")
	t.Setenv("WAYBILL_PASSPHRASE_FILE", path)
	if _, err := passphraseFile(); !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), path+" could not be read: it is not there") {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.Symlink(path+"-elsewhere", path+"-link"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WAYBILL_PASSPHRASE_FILE", path+"-link")
	if _, err := passphraseFile(); !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), path+"-link is a link") {
		t.Errorf("a link: %v", err)
	}
	t.Setenv("WAYBILL_PASSPHRASE_FILE", path)
	for content, want := range map[string]string{"correct horse\n": "correct horse", "  blanks count  \r\n": "  blanks count  "} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		ask, err := passphraseFile()
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := ask(); !ok || text.Reveal() != want {
			t.Errorf("%q is read as another passphrase", content)
		}
	}
	if err := os.WriteFile(path, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := passphraseFile(); !fault.Is(err, fault.Config) {
		t.Errorf("an empty file: %v", err)
	}
	t.Setenv("WAYBILL_PASSPHRASE_FILE", "")
	if ask, err := passphraseFile(); ask != nil || err != nil {
		t.Errorf("without the variable: %v", err)
	}
}

// S25: what is not a plain web address never reaches the opener.
func TestS25_OnlyWebAddressesAreOpened(t *testing.T) {
	for _, bad := range []string{"file:///etc/passwd", "javascript:alert(1)", "-flag", "http://idp.example/", "https://a b"} {
		if err := openURL(bad); !fault.Is(err, fault.Hostile) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
