package host_test

import (
	"testing"
	"time"

	"github.com/stratakv/strata/wasm/host"
)

func TestSleepIsTimePassed(t *testing.T) {
	wall, run := time.UnixMilli(1_800_000_000_000), time.Hour
	c := host.NewClockOf(func() (time.Time, time.Duration) { return wall, run })
	last := c.Boot()
	for _, step := range []struct {
		name            string
		wall, run, want time.Duration
	}{
		{"an hour awake", time.Hour, time.Hour, time.Hour},
		{"eight hours asleep", 8 * time.Hour, 0, 8 * time.Hour},
		{"awake again", time.Second, time.Second, time.Second},
		{"a wall clock that is corrected by a second", time.Second, 0, 0},
		{"set back", -3 * time.Hour, time.Minute, time.Minute},
		{"asleep after that, for less than it was set back", time.Hour, 0, 0},
	} {
		wall, run = wall.Add(step.wall), run+step.run
		now := c.Boot()
		if got := now - last; got != step.want {
			t.Errorf("%s: got %v passed, want %v", step.name, got, step.want)
		}
		last = now
	}
}
