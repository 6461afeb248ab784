package host_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/abi/abitest"
	"github.com/stratakv/strata/wasm/host"
)

// Random calls of the module: no trap, and the store beside the map stays right.
func FuzzModule(f *testing.F) {
	m := newModule(f)
	for i := range uint64(6) {
		src := rand.NewChaCha8([32]byte{byte(i)})
		b := make([]byte, 2000)
		_, _ = src.Read(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if err := abitest.Drive(host.Calls{Module: m}, in); err != nil {
			t.Fatal(err)
		}
		if got, most := m.MemoryBytes(), int64(64<<20); got > most {
			t.Fatalf("memory: got %d bytes, want at most %d", got, most)
		}
	})
}

// 20,000 random calls and more than two collections in one module.
func TestRandomCalls(t *testing.T) {
	m := newModule(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c := &counting{Caller: host.Calls{Module: m}}
	for c.n < 20_000 {
		in := make([]byte, 4000)
		for i := range in {
			in[i] = byte(rng.Uint32())
		}
		if err := abitest.Drive(c, in); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := m.Collect(); err != nil || n < 2 {
		t.Errorf("collections: got %d, %v, want at least 2", n, err)
	}
}

type counting struct {
	abitest.Caller
	n int
}

func (c *counting) Call(name string, args ...float64) (int32, error) {
	c.n++
	return c.Caller.Call(name, args...)
}

// The module has the functions that the description names, with their types.
func TestExports(t *testing.T) {
	exports := newModule(t).Exports()
	delete(exports, "_initialize")
	for name, want := range abitest.Signatures {
		f := exports[name]
		if f == nil {
			t.Errorf("no function %q", name)
			continue
		}
		var got strings.Builder
		for _, p := range f.ParamTypes() {
			got.WriteByte(map[api.ValueType]byte{api.ValueTypeI32: 'i', api.ValueTypeF64: 'd'}[p])
		}
		if got.String() != want || len(f.ResultTypes()) != 1 {
			t.Errorf("%s: got %q, want %q", name, got.String(), want)
		}
		delete(exports, name)
	}
	delete(exports, "cells")
	for name := range exports {
		t.Errorf("function %q is not described", name)
	}
}

// Handles and lengths that no sound host would pass are errors, and the module
// goes on.
func TestHostileNumbers(t *testing.T) {
	m := newModule(t)
	c := host.Calls{Module: m}
	call := func(name string, args ...float64) int32 {
		t.Helper()
		code, err := c.Call(name, args...)
		if err != nil {
			t.Fatalf("%s%v: %v", name, args, err)
		}
		return code
	}
	open := func() int32 {
		call("buffer", 4096)
		c.Put(abitest.OpenOptions(1<<20, 0, 0, 1.8e12, 0))
		return call("open", 80)
	}
	h := float64(open())
	if h <= 0 {
		t.Fatalf("open: got %v, want a handle", h)
	}
	for _, bad := range []float64{0, -1, 1, 255, h + 1, h + 256, math.MaxInt32, math.MinInt32} {
		for name, sig := range abitest.Signatures {
			if !strings.HasPrefix(sig, "i") || name == "buffer" || name == "open" {
				continue
			}
			args := make([]float64, len(sig))
			args[0] = bad
			if got := call(name, args...); got != abi.CodeClosed {
				t.Errorf("%s of handle %v: got %d, want %d", name, bad, got, abi.CodeClosed)
			}
		}
	}
	for _, length := range []float64{-1, 4097, math.MaxInt32, math.MinInt32} {
		for _, name := range []string{"get", "has", "delete", "write", "get_many", "import_next"} {
			if name == "import_next" {
				call("import_begin", h, 0)
			}
			if got := call(name, h, length, 0); got != abi.CodeArgument {
				t.Errorf("%s of length %v: got %d, want %d", name, length, got, abi.CodeArgument)
			}
		}
		if got := call("set", h, 1, length, 1, 0, 0); got != abi.CodeArgument {
			t.Errorf("set of length %v: got %d, want %d", length, got, abi.CodeArgument)
		}
	}
	for _, length := range []float64{-1, math.MaxInt32, math.MinInt32, 1 << 30} {
		if got := call("buffer", length); got != abi.CodeTooLarge && got != abi.CodeArgument {
			t.Errorf("buffer of %v: got %d, want an error", length, got)
		}
	}
	for _, boot := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300} {
		if got := call("get", h, 1, boot); got != abi.CodeArgument {
			t.Errorf("get at boot %v: got %d, want %d", boot, got, abi.CodeArgument)
		}
	}
	for _, ttl := range []float64{math.NaN(), math.Inf(1), -1} {
		if got := call("set", h, 1, 1, 1, ttl, 0); got != abi.CodeTTL {
			t.Errorf("set with ttl %v: got %d, want %d", ttl, got, abi.CodeTTL)
		}
	}
	for i := range 300 { // more stores than there may be
		got := open()
		if i < 255 && got <= 0 || i >= 255 && got != abi.CodeMemory {
			t.Fatalf("store %d: got %d", i+2, got)
		}
	}
	if got := call("set", h, 1, 1, 1, 0, 0); got != abi.CodeOK {
		t.Errorf("a sound call after all that: got %d, want 0", got)
	}
}

// A closed store's handle meets no store that comes after it.
func TestStaleHandle(t *testing.T) {
	c := host.Calls{Module: newModule(t)}
	seen := map[int32]bool{}
	for range 20 {
		if _, err := c.Call("buffer", 4096); err != nil {
			t.Fatal(err)
		}
		c.Put(abitest.OpenOptions(1<<20, 0, 0, 1.8e12, 0))
		h, err := c.Call("open", 80)
		if err != nil || h <= 0 || seen[h] {
			t.Fatalf("open: got %d, %v, want a new handle", h, err)
		}
		for old := range seen {
			if code, _ := c.Call("has", float64(old), 0, 0); code != abi.CodeClosed {
				t.Fatalf("has of an old handle: got %d, want %d", code, abi.CodeClosed)
			}
		}
		seen[h] = true
		if code, _ := c.Call("close", float64(h)); code != 0 {
			t.Fatalf("close: got %d, want 0", code)
		}
	}
}

// A module without memory ends; the program goes on and is told.
func TestDeadModuleIsAnError(t *testing.T) {
	m, err := host.New(context.Background(), reactor, &host.Options{Cache: cache, MaxMemory: 24 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(context.Background())
	if _, err := m.Open(nil); err == nil {
		t.Error("64 MiB in a module of 24: got nil, want an error")
	}
	if _, err := m.Collect(); err == nil {
		t.Error("a call after that: got nil, want ErrDead")
	}
}
