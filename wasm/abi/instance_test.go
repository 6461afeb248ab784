package abi_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/abi/abitest"
	"github.com/stratakv/strata/wasm/kv"
)

// call makes a call that must not be refused by the caller.
func (n *native) call(t *testing.T, name string, args ...float64) int32 {
	t.Helper()
	code, err := n.Call(name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (n *native) open(t *testing.T, maxBytes float64) int32 {
	t.Helper()
	n.call(t, "buffer", 4096)
	n.Put(abitest.OpenOptions(maxBytes, 0, 0, 1.8e12, 0))
	return n.call(t, "open", 80)
}

// A fault of the module ends the store that it met, gives its memory back, and
// leaves the others alone.
func TestFaultEndsOneStore(t *testing.T) {
	for name, args := range map[string][]float64{
		"get": {1, 0}, "has": {1, 0}, "scan": {0, 0, 0, 0, 0, 0}, "stats": {}, "clear": {},
	} {
		t.Run(name, func(t *testing.T) {
			n := new(native)
			faulty, sound := n.open(t, abi.MaxMemory-(1<<20)), n.open(t, 1<<20)
			if faulty <= 0 || sound <= 0 {
				t.Fatalf("open: got %d, %d", faulty, sound)
			}
			n.Break(faulty)
			call := func() int32 { return n.call(t, name, append([]float64{float64(faulty)}, args...)...) }
			if got := call(); got != abi.CodeBroken {
				t.Fatalf("got %d, want %d", got, abi.CodeBroken)
			}
			if got := call(); got != abi.CodeClosed {
				t.Errorf("a call after it: got %d, want %d", got, abi.CodeClosed)
			}
			if got := n.call(t, "set", float64(sound), 1, 1, 1, 0, 0); got != abi.CodeOK {
				t.Errorf("another store: got %d, want 0", got)
			}
			if got := n.open(t, 1<<20); got <= 0 {
				t.Errorf("a store in the memory of the faulty one: got %d, want a handle", got)
			}
		})
	}
}

func TestEachErrorHasItsCode(t *testing.T) {
	for code := int32(-1); code >= -13; code-- {
		err := abi.Err(code)
		if got := abi.Code(fmt.Errorf("wrapped: %w", err)); got != code {
			t.Errorf("code %d: got %d back", code, got)
		}
	}
	if abi.Code(nil) != 0 || abi.Err(0) != nil || abi.Err(5) != nil {
		t.Error("success is an error")
	}
	if got := abi.Code(errors.New("unknown")); got != abi.CodeBroken {
		t.Errorf("an unknown error: got %d, want %d", got, abi.CodeBroken)
	}
	if !errors.Is(abi.Err(-5), tier.ErrFull) || !errors.Is(abi.Err(-11), kv.ErrArgument) || !errors.Is(abi.Err(-99), abi.ErrBroken) {
		t.Error("a code gives another error")
	}
}

// The buffer is kept for what is usual, and given back after what is not.
func TestBufferIsBounded(t *testing.T) {
	n := new(native)
	h := float64(n.open(t, 32<<20))
	for _, tt := range []struct{ ask, want int }{{0, 4096}, {5000, 5000}, {10, 5000}, {3 << 20, 3 << 20}, {2 << 20, 3 << 20}, {100, 4096}} {
		if code := n.call(t, "buffer", float64(tt.ask)); code != abi.CodeOK || len(n.buffer) != tt.want {
			t.Errorf("buffer of %d: got %d bytes, code %d, want %d", tt.ask, len(n.buffer), code, tt.want)
		}
	}
	if got := n.call(t, "buffer", 64<<20); got != abi.CodeTooLarge {
		t.Errorf("more than any store can use: got %d, want %d", got, abi.CodeTooLarge)
	}
	n.call(t, "close", h)
	if got := n.call(t, "buffer", 2<<20); got != abi.CodeTooLarge {
		t.Errorf("without a store: got %d, want %d", got, abi.CodeTooLarge)
	}
}
