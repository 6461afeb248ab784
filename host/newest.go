//go:build !wire1

package host

// The versions of the wire that this build speaks: the newest one, and the one
// before for a rolling upgrade. The tag wire1 builds what came before.
const (
	newest = 2
	oldest = 1
)
