//go:build !nozstd && !wasm

package codec

// TreelessSection is the section of lits by the table of a description, and what
// follows that: nil if it is damaged.
func TreelessSection(description, lits []byte) (section, rest []byte, ok bool) {
	t, rest, err := readHuffTable(description)
	if err != nil {
		return nil, nil, false
	}
	section, ok = t.appendSection(nil, lits)
	return section, rest[:len(rest):len(rest)], ok
}
