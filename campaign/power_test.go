//go:build linux

package campaign_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
)

var powerLoad = load{Writers: 8, Keys: 25, Bytes: 900}

// TestPower cuts the power of an ext4 under a writing store: what was
// acknowledged is there afterwards (P1). Every third time the power goes again
// while the store recovers.
func TestPower(t *testing.T) {
	rng := newRand(t)
	n := rounds(t, "STRATA_POWER_ROUNDS", 3)
	stores := map[string]*powered{}
	for _, kind := range []string{whole, small} {
		stores[kind] = &powered{v: newVolume(t, 256<<20), kind: kind, book: newLedger()}
	}
	again, cuts, acked, late, later := 0, 0, 0, 0, 0
	enough := n * 5 // a slow disk acknowledges little before a cut
	for round := 0; round < n || acked < enough && round < 10*n; round++ {
		cuts++
		p := stores[[]string{small, whole}[round%2]]
		p.v.mount(fmt.Sprintf("commit=%d", []int{1, 5, 1000}[round%3]))
		if err := p.cutWhileWriting(t, round, rng); err != nil {
			t.Fatalf("round %d, %s: %v", round+1, p.kind, err)
		}
		if round%3 == 2 {
			p.v.mount("commit=5")
			p.cutWhileOpening(t, rng)
			again++
		}
		p.v.mount("commit=5")
		if err := p.judge(); err != nil {
			t.Fatalf("round %d, %s: %v", round+1, p.kind, err)
		}
		p.v.unmount()
		acked, late, later = 0, 0, 0
		for _, p := range stores {
			acked += p.book.ended[ended]
			late += p.book.ended["late"]
			later += p.later
		}
	}
	if acked < enough {
		t.Fatalf("%d acknowledged writes in %d cuts: the campaign tested nothing", acked, cuts)
	}
	t.Logf("%d acknowledged writes, %d more while the power went; %d keys further than acknowledged", acked, late, later)
	report(t, row{
		fault:  "Power cut",
		where:  "ext4 on a loop device, shut down without flushing its log while 8 goroutines write; commit=1, 5, 1000",
		often:  fmt.Sprintf("%d cuts while writing, %d more while recovering", cuts, again),
		result: fmt.Sprintf("%d acknowledged writes, none lost; `Check` clean each time", acked),
		control: fmt.Sprintf("a store that acknowledges before the sync loses writes in cut %d",
			powerControl(t, rng)),
	})
}

// powerControl is the cut after which the judge caught a store whose syncs do
// nothing. The judge must: else it would not catch anything.
func powerControl(t *testing.T, rng *rand.Rand) int {
	t.Helper()
	const tries = 10
	for try := range tries {
		p := &powered{v: newVolume(t, 64<<20), kind: lying, book: newLedger()}
		p.v.mount("commit=1000")
		if err := p.cutWhileWriting(t, 0, rng); err != nil {
			t.Fatal(err)
		}
		p.v.mount("commit=5")
		err := p.judge()
		p.v.unmount()
		if errors.Is(err, errLost) {
			return try + 1
		}
		t.Logf("control: got %v", err)
	}
	t.Fatalf("control: got no loss in %d cuts of a store that does not sync, want one", tries)
	return 0
}

// powered is a store on a volume whose power is cut.
type powered struct {
	v     *volume
	kind  string
	book  *ledger
	load  load
	later int
}

func (p *powered) dir() string { return filepath.Join(p.v.dir, "store") }

// cutWhileWriting leaves the volume unmounted.
func (p *powered) cutWhileWriting(t *testing.T, round int, rng *rand.Rand) error {
	t.Helper()
	p.load = powerLoad
	p.load.First = round*1_000_000 + 1
	life := time.Duration(50+rng.IntN(350)) * time.Millisecond
	c := startChild(t, task{Kind: p.kind, Dir: p.dir(), Load: p.load})
	off := make(chan error, 1)
	_, err := c.follow(p.book, nil, func() {
		time.AfterFunc(life, func() {
			c.cutAt.Store(now())
			off <- p.v.cut()
			c.kill()
		})
	})
	if err == nil {
		err = <-off
	}
	p.v.unmount()
	return err
}

// cutWhileOpening leaves the volume unmounted.
func (p *powered) cutWhileOpening(t *testing.T, rng *rand.Rand) {
	t.Helper()
	idle := p.load
	idle.Writers = 0
	c := startChild(t, task{Kind: p.kind, Dir: p.dir(), Load: idle})
	time.Sleep(time.Duration(rng.IntN(60)) * time.Millisecond) // a moment of its opening
	if err := p.v.cut(); err != nil {
		t.Fatal(err)
	}
	c.kill()
	_ = c.cmd.Wait()
	p.v.unmount()
}

// judge opens the store again.
func (p *powered) judge() error {
	s, err := openSubject(p.kind, p.dir())
	if err != nil {
		return fmt.Errorf("opening after the cut: %w", err)
	}
	later, err := p.book.judge(p.load, s, true)
	p.later += later
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	return checkStore(p.dir())
}
