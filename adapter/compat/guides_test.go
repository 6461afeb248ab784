package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each block of Go in the guides is a part of an example that runs, but for its
// indentation.
func TestGuides(t *testing.T) {
	for guide, examples := range map[string][]string{
		"moving-from-scs-redis.md":         {"example_scs_test.go", "example_scs_moving_test.go"},
		"moving-from-gorilla.md":           {"../gorilla/example_test.go"},
		"moving-from-catalyst-fastmmap.md": {"example_catalyst_test.go"},
	} {
		code := ""
		for _, name := range examples {
			code += lines(read(t, name))
		}
		text := read(t, filepath.Join("../../docs", guide))
		blocks := strings.Split(text, "\n```go\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s: got no Go", guide)
		}
		for _, block := range blocks {
			block, _, closed := strings.Cut(block, "\n```\n")
			if !closed || !strings.Contains(code, lines(block)) {
				t.Errorf("%s: this is in no example:\n%s", guide, block)
			}
		}
		for word := range strings.FieldsSeq(strings.NewReplacer("`", " ", "(", " ", ")", " ", ":", " ", ",", " ").Replace(text)) {
			if strings.HasPrefix(word, "../") {
				if _, err := os.Stat(filepath.Join("../../docs", word)); err != nil {
					t.Errorf("%s: a link leads to nothing: %s", guide, word)
				}
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// lines is text without indentation, each line with its end.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
