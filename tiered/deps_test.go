//go:build !wasm

package tiered_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// goList returns the packages that pkg needs on goos under wasm.
func goList(t *testing.T, goos, pkg string) []string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs the go command: ", err)
	}
	cmd := exec.Command("go", "list", "-deps", pkg)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=wasm")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", goos, err, out)
	}
	return strings.Fields(string(out))
}

// What needs files must not enter builds that have none (P8).
func TestWasmLinksNothingForFiles(t *testing.T) {
	for _, goos := range []string{"js", "wasip1"} {
		for _, dep := range goList(t, goos, "github.com/stratakv/strata/tiered") {
			for _, never := range []string{"go.etcd.io/bbolt", "mmap-go", "ristretto", "strata/l3bolt"} {
				if strings.Contains(dep, never) {
					t.Errorf("%s: tiered needs %s", goos, dep)
				}
			}
		}
	}
}

// The WebAssembly reactor is built on these: nothing heavy below them.
func TestLeavesStayLight(t *testing.T) {
	for _, pkg := range []string{"tiered/tier", "l3mem"} {
		for _, dep := range goList(t, "wasip1", "github.com/stratakv/strata/"+pkg) {
			if dep == "log/slog" || dep == "encoding/json" || strings.Contains(dep, "cbor") {
				t.Errorf("%s needs %s", pkg, dep)
			}
		}
	}
}
