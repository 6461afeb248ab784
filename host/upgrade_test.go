//go:build linux || darwin

package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// A rolling upgrade: processes of the build before, and of this one, own and
// follow in turn, and nobody sees an error.
func TestRollingUpgrade(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs the go command: ", err)
	}
	before := filepath.Join(t.TempDir(), "before.test")
	build := exec.Command("go", "test", "-c", "-tags", "wire1", "-o", before, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the build before: %v\n%s", err, out)
	}
	s := toyStore{dir: t.TempDir()}
	now := os.Args[0]
	running := []*child{startChild(t, before, s.dir, ""), startChild(t, before, s.dir, "")}
	o := options(s)
	o.Role = host.RoleFollower
	probe := open(t, s, o)
	versions := map[int]bool{}
	for i, binary := range []string{now, before, now, now, now, before, before, now} {
		running = append(running, startChild(t, binary, s.dir, ""))
		eventually(t, "the probe follows", func() bool { return probe.Status().Role == host.RoleFollower })
		versions[probe.Status().Version] = true
		running[0].end(t)
		running = running[1:]
		if _, err := probe.Write(t.Context(), []tier.Op{set(string(rune('a'+i)), "v")}); err != nil {
			t.Errorf("a write over an upgrade: %v", err)
		}
	}
	for _, c := range running {
		c.end(t)
	}
	if !versions[1] || !versions[2] {
		t.Errorf("got versions %v, want 1 and 2", versions)
	}
	if err := probe.Close(); err != nil {
		t.Error(err)
	}
	v := judge(t, s.dir)
	if v.lost > 0 || v.twice > 0 || v.unknown > 0 || len(v.faults) > 0 || v.acked == 0 {
		t.Errorf("got %+v, want acknowledged ones alone", v)
	}
}
