//go:build unix

package l3bolt

// mapsBeyondFile: a mapping may be longer than its file.
const mapsBeyondFile = true
