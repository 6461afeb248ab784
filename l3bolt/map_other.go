//go:build !unix && !wasm

package l3bolt

// mapsBeyondFile: a mapping sizes its file.
const mapsBeyondFile = false

// renamesOverOpen: a file that is open and mapped keeps its name.
const renamesOverOpen = false
