//go:build wire1

package host

// What a build of the version before spoke, for tests of a rolling upgrade.
const (
	newest = 1
	oldest = 1
)
