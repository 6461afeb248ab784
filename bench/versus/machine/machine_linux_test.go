package machine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/bench/versus/machine"
)

func TestDescribe(t *testing.T) {
	lines := machine.Describe(t.TempDir())
	all := strings.Join(lines, "\n")
	for _, part := range []string{"processor: ", " cores", "kernel: ", "go1.", "file system"} {
		if !strings.Contains(all, part) {
			t.Errorf("there is no %q in\n%s", part, all)
		}
	}
	if strings.Contains(lines[2], "unknown") || strings.Contains(lines[1], "unknown") {
		t.Errorf("kernel and file system are known: %q", all)
	}
}

func TestSyncsAndSizes(t *testing.T) {
	dir := t.TempDir()
	n, err := machine.Syncs(t.Context(), dir, 20*time.Millisecond)
	if err != nil || n <= 0 {
		t.Errorf("got %v, %v, want a rate", n, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := machine.SyncAll(dir); err != nil {
		t.Error(err)
	}
	if err := machine.Forget(dir); err != nil {
		t.Error(err)
	}
	if n, err := machine.DirBytes(dir); err != nil || n < 100_000 || n > 200_000 {
		t.Errorf("got %d bytes, %v, want about 100,000", n, err)
	}
}

func TestPrivateBytes(t *testing.T) {
	before, err := machine.PrivateBytes()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 32<<20)
	for i := range b {
		b[i] = 1
	}
	after, err := machine.PrivateBytes()
	if err != nil || after-before < 30<<20 {
		t.Errorf("got %d more, %v, want 32 MiB more, of which %d are used", after-before, err, b[1])
	}
}
