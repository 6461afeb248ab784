//go:build !unix && !windows && !wasm

package l3bolt

func isFull(error) bool     { return false }
func isLimit(error) bool    { return false }
func isNoMemory(error) bool { return false }
func fullTexts() []string   { return nil }

func syncDir(string) error { return nil }
