//go:build unix

package l3bolt

// mapsBeyondFile: a mapping may be longer than its file.
const mapsBeyondFile = true

// renamesOverOpen: a file that is open can be replaced by another one.
const renamesOverOpen = true
