//go:build !wasm

package l1_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stratakv/strata/l1"
)

// A bubble does not end before its goroutines have.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := l1.New(l1.Options{Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			key := fmt.Sprint(i)
			c.Fill(hashOf(key), entry(key, "v", 1))
		}
		c.Close()
		c.Close()
	})
}

func TestClosedMissesAndKeepsNothing(t *testing.T) {
	c := newCache(t, 1<<20)
	c.Fill(hashOf("k"), entry("k", "v", 1))
	want(t, c, "k", 1, 0, "v")
	before := c.Stats()
	c.Close()
	want(t, c, "k", 1, 0, "")
	c.Fill(hashOf("k"), entry("k", "v", 1))
	c.Drop(hashOf("k"))
	want(t, c, "k", 1, 0, "")
	st := c.Stats()
	if st.Entries != 0 || st.Hits != before.Hits || st.Fills != before.Fills || st.Evictions != 0 {
		t.Errorf("got %+v, want no entry and the counters of %+v", st, before)
	}
}

// The last that Close waits for, because ristretto's Get beside its Close may
// send on a closed channel.
func TestCloseWaitsForGet(t *testing.T) {
	c := newCache(t, 1<<20)
	leave := c.Inside()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Close()
	}()
	for !c.Closing() {
		runtime.Gosched()
	}
	for range 10_000 {
		runtime.Gosched()
	}
	select {
	case <-done:
		t.Error("Close returned while a Get was in ristretto")
	default:
	}
	leave()
	<-done
}

// Ristretto's Close alone fails this: a Set beside it sends on a closed
// channel, a Get beside it is a race.
func TestCloseBesideCalls(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		c := newCache(t, 1<<20)
		var calls sync.WaitGroup
		started := make(chan struct{}, 8)
		stop := make(chan struct{})
		for g := range 4 {
			calls.Go(func() {
				for i := 0; ; i++ {
					if i == 300 {
						started <- struct{}{}
					}
					select {
					case <-stop:
						return
					default:
					}
					if i%16 == 0 {
						runtime.Gosched()
					}
					key := fmt.Sprint((i*7 + g) % 500)
					switch i % 8 {
					case 0, 1:
						e := entry(key, "value", 1)
						e.Deadline = int64(i)
						c.Fill(hashOf(key), e)
					case 2:
						c.Drop(hashOf(key))
					case 3:
						c.Stats()
					default:
						c.Get(hashOf(key), key, 1, at(int64(i-100)))
					}
				}
			})
		}
		for range 4 {
			<-started
		}
		var closes sync.WaitGroup
		for range 2 {
			closes.Go(func() {
				c.Close()
				if st := c.Stats(); st.Entries != 0 {
					t.Errorf("got %d entries after Close, want 0", st.Entries)
				}
			})
		}
		closes.Wait()
		close(stop)
		calls.Wait()
	}
}
