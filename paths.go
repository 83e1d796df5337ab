package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/secret"
)

// homeDir is the folder for all data: WAYBILL_HOME, or the platform's place
// for an app's data.
func homeDir() (string, error) {
	if dir := os.Getenv("WAYBILL_HOME"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", noHome(err)
		}
		return abs, nil
	}
	if runtime.GOOS == "linux" || strings.HasSuffix(runtime.GOOS, "bsd") {
		if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "waybill"), nil
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return "", noHome(err)
		}
		return filepath.Join(home, ".local", "share", "waybill"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", noHome(err)
	}
	return filepath.Join(dir, "Waybill"), nil
}

func noHome(err error) error {
	return fault.New(fault.StepSetup, fault.Failed, "no_home", "Waybill finds no folder for its data.").
		WithRemedy("Set WAYBILL_HOME to a folder of yours.").Because(err)
}

// maxPassphrase bounds the passphrase file, in bytes.
const maxPassphrase = 4 << 10

// passphraseFile returns what asks for the passphrase: the content of the file
// that WAYBILL_PASSPHRASE_FILE names, without its line end; nil if there is
// none.
func passphraseFile() (func() (secret.Text, bool), error) {
	path := os.Getenv("WAYBILL_PASSPHRASE_FILE")
	if path == "" {
		return nil, nil
	}
	data, err := disk.Read(path, maxPassphrase)
	if err != nil {
		f := fault.As(disk.Explain("read", path, err))
		return nil, fault.New(fault.StepKeyring, fault.Config, "passphrase_file", "There is no passphrase: "+f.Message).
			WithRemedy("Let WAYBILL_PASSPHRASE_FILE name a plain file of yours.").Because(err)
	}
	text := secret.New(strings.TrimRight(string(data), "\r\n"))
	if text.Empty() {
		return nil, fault.New(fault.StepKeyring, fault.Config, "passphrase_file",
			"The file that WAYBILL_PASSPHRASE_FILE names is empty.")
	}
	return func() (secret.Text, bool) { return text, true }, nil
}

// takeEnv looks an environment variable up for a secret, and takes it out of
// the environment, so that no program that is started later, the browser for
// one, inherits it (S105). Asking again gives the same answer.
func takeEnv() func(name string) (string, bool) {
	taken := map[string]string{}
	return func(name string) (string, bool) {
		if v, ok := taken[name]; ok {
			return v, true
		}
		v, ok := os.LookupEnv(name)
		if ok {
			taken[name] = v
			_ = os.Unsetenv(name)
		}
		return v, ok
	}
}
