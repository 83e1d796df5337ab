package harden

// Process does nothing on Windows.
func Process() error { return nil }
