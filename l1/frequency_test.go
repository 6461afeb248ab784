//go:build !wasm && !race

package l1_test

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// What is often asked for stays while much passes by that is asked for once,
// although the policy hears of one call in eight only. (Under the race detector it
// hears of none: sync.Pool loses ristretto's read buffers then.)
func TestFrequentStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hot = 500
		c := newCache(t, 4<<20)
		fillSettled(c, "hot", hot, 200)
		ask := func() (hits int) {
			for i := range hot {
				if i%64 == 0 {
					synctest.Wait() // ristretto forgets what its goroutine has no time for
				}
				key := fmt.Sprintf("hot:%016x", i)
				if _, hit := c.Get(hashOf(key), key, 1, at(0)); hit {
					hits++
				}
			}
			return hits
		}
		for range 40 {
			ask()
		}
		fillSettled(c, "passing", 50_000, 200)
		if got := ask(); got < hot*9/10 {
			t.Errorf("got %d of %d still there", got, hot)
		}
		if st := c.Stats(); st.Evictions+st.Refused < 30_000 {
			t.Errorf("got %+v, want most of 50000 to give way", st)
		}
	})
}
