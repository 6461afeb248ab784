//go:build !wasm && !race

package l1_test

import (
	"testing"

	"github.com/stratakv/strata/l1"
)

// What an entry counts is not below the allocator's rounding, nor more than what
// is left at the end of its pages above it. The allocator's own sizes change with
// its version: then so must ours.
func TestClasses(t *testing.T) {
	for n := int64(16); n < 70_000; n++ {
		rounded := int64(cap(append([]byte(nil), make([]byte, n)...)))
		takes := l1.HeapBytes(n)
		if takes < rounded || takes > rounded+rounded/7 || n > 32<<10 && takes != rounded {
			t.Fatalf("%d bytes: got %d, want those that the allocator rounds it to, %d, and at most an eighth of pages more", n, takes, rounded)
		}
	}
}
