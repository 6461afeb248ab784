package tiered_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// TestDamagedSharedPlan: a plan of the clock that stays damaged ends a follower's
// trust in all that lies beside it; its clock goes on, and what it reads is right.
func TestDamagedSharedPlan(t *testing.T) {
	const atClock = 384 // of the control file, l2mmap's layout; the plan follows
	dir := t.TempDir() + "/store"
	owner, follower := openIn(t, dir, tiered.Options{}), openIn(t, dir, tiered.Options{})
	mustSet(t, owner, "k", "v", time.Hour)
	wantValue(t, follower, "k", "v")
	files, err := filepath.Glob(dir + "-shared/*/control*")
	if err != nil || len(files) != 1 {
		t.Fatalf("got control files %q, %v, want one", files, err)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plan := make([]byte, 16)
	if _, err := f.ReadAt(plan, atClock); err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(plan, binary.LittleEndian.Uint64(plan)+2)
	plan[14] ^= 0xff // days away, and the checksum does not fit
	if _, err := f.WriteAt(plan, atClock); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "distrust", func() bool {
		if off := follower.Now().Sub(owner.Now()).Abs(); off > time.Second {
			t.Fatalf("the follower's clock is off by %v", off)
		}
		return strings.Contains(follower.Stats().L1.Detached, "clock")
	})
	if st := follower.Stats(); st.L1.Attached || st.L2.Attached {
		t.Errorf("got L1 %+v, L2 %+v, want neither", st.L1, st.L2)
	}
	mustSet(t, owner, "k", "w", time.Hour)
	wantValue(t, follower, "k", "w")
}
