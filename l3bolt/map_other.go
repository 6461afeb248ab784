//go:build !unix && !wasm

package l3bolt

// mapsBeyondFile: a mapping sizes its file.
const mapsBeyondFile = false
