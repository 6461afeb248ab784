package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/stratakv/strata/wasm/host"
)

// reactor is the module under test, and cache its compiled form: both are made
// once for all tests.
var (
	reactor []byte
	cache   = wazero.NewCompilationCache()
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "strata-host")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "strata.wasm")
	build := exec.Command("go", "run", "github.com/stratakv/strata/wasm/build", "-o", file)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	if reactor, err = os.ReadFile(file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cache.Close(context.Background())
	return m.Run()
}

func newModule(tb testing.TB) *host.Module {
	tb.Helper()
	m, err := host.New(context.Background(), reactor, &host.Options{Cache: cache})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}
