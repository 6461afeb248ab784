//go:build failpoints && linux

package tiered_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// hostsFailpoints are the places at which children of the campaign of many
// processes kill themselves: at the n-th time that they come there, n up to most.
var hostsFailpoints = []struct {
	name     string
	point    string
	most     int
	takeover bool // only who takes over comes there
}{
	{"begun, not appended", "tiered-begun", 200, false},
	{"appended, not synced", "l3bolt-appended", 200, false},
	{"synced, not published", "l3bolt-synced", 200, false},
	{"committed, not in L2", "tiered-committed", 200, false},
	{"in L2, not ended", "tiered-cached", 200, false},
	{"ended, not acknowledged", "tiered-ended", 200, false},
	{"page locked", "l2mmap-locked", 300, false},
	{"sequence odd", "l2mmap-changing", 300, false},
	{"in replay", "l3bolt-replay", 20, true},
	{"replayed", "l3bolt-replayed", 1, true},
	{"bound, no socket", "tiered-bound", 1, true},
}

// TestHostsFailpoints: the campaign with kills at named places.
//
//	STRATA_HOSTS_ROUNDS=50 go test -tags failpoints ./tiered -run TestHostsFailpoints -timeout 60m -v
//
// goes on at each place until so many processes were killed there.
func TestHostsFailpoints(t *testing.T) {
	want := hostsRounds(t, 2)
	for _, p := range hostsFailpoints {
		t.Run(p.name, func(t *testing.T) {
			hits, events, takeovers := 0, 0, 0
			for begun := time.Now(); hits < want; {
				if time.Since(begun) > time.Duration(want)*time.Minute {
					t.Fatalf("killed %d times, want %d", hits, want)
				}
				seed := rand.Uint64()
				r := newHostsRun(t, seed)
				hits += r.failpointRound(p.point, p.most, p.takeover, want-hits)
				if err := r.finish(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				events += len(r.history.ops)
				takeovers += r.openings()
			}
			t.Logf("%d killed, %d events, %d takeovers", hits, events, takeovers)
			if events < 10*hits {
				t.Errorf("%d events beside %d kills: too little was done to be lost", events, hits)
			}
		})
	}
}

// failpointRound goes on for a while, or until so many children have killed
// themselves, and returns how many. One child has no failpoint.
func (r *hostsRun) failpointRound(point string, most int, takeover bool, want int) (hits int) {
	armed := func() (env []string) {
		if takeover && r.rng.IntN(2) == 0 {
			return nil // or nobody would come to work between the takeovers
		}
		return []string{fmt.Sprintf("%s=%s=kill@%d", failpointEnv, point, 1+r.rng.IntN(most))}
	}
	r.start()
	time.Sleep(100 * time.Millisecond)
	for range hostsChildren - 1 {
		r.start(armed()...)
	}
	for until := monotonic() + int64(3*time.Second); hits < want && monotonic() < until; {
		time.Sleep(100 * time.Millisecond)
		for _, c := range r.gone() {
			if ws := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() && ws.Signal() == syscall.SIGKILL {
				hits++
			}
			r.end(c, syscall.SIGKILL)
			r.start(armed()...)
		}
		if takeover {
			r.awaitWrites(100)
			c := r.victim()
			r.end(c, syscall.SIGKILL)
			r.start(armed()...)
		}
		if len(r.children) > 0 && !takeover && r.rng.IntN(5) == 0 {
			// Who owns is to change, so that all come to the owner's places.
			r.end(r.victim(), syscall.SIGTERM)
			r.start(armed()...)
		}
	}
	return hits
}

// openings is how many owners there were after the first.
func (r *hostsRun) openings() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(len(r.epochs)-1, 0)
}

// awaitWrites waits until so many more writes are acknowledged, or for a second
// where nobody owns that could.
func (r *hostsRun) awaitWrites(n int) {
	r.mu.Lock()
	n += len(r.acked)
	r.mu.Unlock()
	for begun := time.Now(); time.Since(begun) < time.Second; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		there := len(r.acked) >= n
		r.mu.Unlock()
		if there {
			return
		}
	}
}

// gone are the children that have ended by themselves.
func (r *hostsRun) gone() (all []*hostsChild) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.children {
		select {
		case <-c.done:
			all = append(all, c)
		default:
		}
	}
	return all
}
