//go:build !failpoints || !unix

package failpoint

// Pass does what the environment asks for at the place name.
func Pass(name string) {}

// Error is Pass, and the place can also fail.
func Error(name string) error { return nil }
