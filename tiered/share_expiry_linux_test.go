package tiered_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// TestDeleteExpiredCountsWhatACloseCutsOff: the group in which an owner is when it
// closes is part of its follower's count, and nothing is counted twice.
func TestDeleteExpiredCountsWhatACloseCutsOff(t *testing.T) {
	const records = 3100 // more than three groups
	dir, ctx := filepath.Join(t.TempDir(), "store"), t.Context()
	clock, disk := storetest.NewClock(), new(commandedDisk)
	open := func() *tiered.Store {
		s, err := tiered.OpenOn(ctx, dir, &tiered.Options{SharedDir: dir + "-shared", Clock: clock, SweepEvery: time.Hour}, disk)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	owner, follower := open(), open()
	for at := 0; at < records; {
		var b tiered.Batch
		for range min(records-at, 1000) {
			b.Set(fmt.Sprint("key", at), nil, time.Minute)
			at++
		}
		if err := owner.Write(ctx, &b); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(time.Hour)
	mustSet(t, owner, "another", "", 0) // with it the clock's stamp is new, and asks for no group
	disk.command("stall")
	t.Cleanup(func() { disk.command("heal") })
	counted := make(chan error, 1)
	go func() {
		n, err := follower.DeleteExpired(ctx)
		if err == nil && n != records {
			err = fmt.Errorf("got %d, want %d", n, records)
		}
		counted <- err
	}()
	inGroup := func() bool {
		if disk.stalled() == 0 {
			return false
		}
		for i := range records {
			if owner.InFlight(fmt.Sprint("key", i)) > 0 {
				return true
			}
		}
		disk.command("heal") // for the group that is held: it was a stamp all the same
		disk.command("stall")
		return false
	}
	waitFor(t, "group of removals", inGroup)
	closed := make(chan error, 1)
	go func() { closed <- owner.Close() }()
	waitFor(t, "end of the socket", func() bool {
		_, err := os.Stat(filepath.Join(dir, "sock"))
		return errors.Is(err, os.ErrNotExist)
	})
	<-time.After(100 * time.Millisecond) // the calls of followers are cut off just after
	disk.command("heal")
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-counted; err != nil {
		t.Errorf("delete expired: %v", err)
	}
}

// TestDeleteExpiredWaitsForACloseAlone: who is cut off by a closing owner learns
// what the group in work removes; who gives up by himself does not wait for it.
func TestDeleteExpiredWaitsForACloseAlone(t *testing.T) {
	for _, c := range []struct {
		name         string
		cause, fault error // of the end, and of the group
		waits        bool
		want         int
	}{
		{name: "closed", cause: tier.ErrClosed, waits: true, want: 1},
		{name: "closed, and the group fails", cause: tier.ErrClosed, fault: tier.ErrFull, waits: true},
		{name: "given up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, clock, gate := newToyDurable(), storetest.NewClock(), make(chan struct{})
				s, err := tiered.OpenOver(d, "", &tiered.Options{Clock: clock, SweepEvery: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				mustSet(t, s, "k", "v", time.Minute)
				clock.Advance(time.Hour)
				d.commitHook = func(g *tier.Group) error {
					if len(g.Changes) == 0 {
						return nil
					}
					<-gate
					return c.fault
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				var n int
				var left error // nil: it waits
				go func() { n, left = s.DeleteExpired(ctx) }()
				synctest.Wait()
				cancel(c.cause)
				synctest.Wait()
				if (left == nil) != c.waits {
					t.Errorf("before the group's end: got %v, want that it waits %v", left, c.waits)
				}
				close(gate)
				synctest.Wait()
				if n != c.want || !errors.Is(left, tier.ErrUnknownOutcome) || !errors.Is(left, context.Canceled) {
					t.Errorf("got %d, %v, want %d and ErrUnknownOutcome of the context", n, left, c.want)
				}
			})
		})
	}
}
