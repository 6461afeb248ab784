package kv

import "math"

const (
	nsPerMs = 1_000_000
	// wallTolerance is how far the wall clock may differ before it is followed.
	wallTolerance = 2_000 * nsPerMs
	// slewDivisor bounds the following: 1/10 of the time that passes.
	slewDivisor = 10
	// maxTime bounds what the host may say, in milliseconds: some 285 years, the
	// range of nanoseconds.
	maxTime = 9e12
)

// clock is the store's clock (P4), in nanoseconds: wall time at open, carried on
// by boot time.
//
//  1. It never goes back.
//  2. It is by at most 10 % faster or slower than boot time.
type clock struct {
	store int64 // its reading at boot
	boot  int64
	slew  int64 // by how much it is still to be moved
}

// moment is a reading in unix milliseconds: ms is rounded down, for asking
// whether a deadline has come, and msUp rounded up, for making one that is not
// early.
type moment struct{ ms, msUp int64 }

// nanos turns milliseconds from the host into nanoseconds.
func nanos(ms float64) (int64, error) {
	if !(ms >= 0 && ms <= maxTime) {
		return 0, ErrArgument
	}
	whole := math.Floor(ms) // a double has no room for so many nanoseconds
	return int64(whole)*nsPerMs + int64(math.Round((ms-whole)*nsPerMs)), nil
}

// read moves the clock on to boot, milliseconds.
func (c *clock) read(boot float64) (moment, error) {
	at, err := nanos(boot)
	if err != nil {
		return moment{}, err
	}
	if passed := at - c.boot; passed > 0 {
		most := passed / slewDivisor
		step := min(max(c.slew, -most), most)
		c.store += passed + step
		c.slew -= step
		c.boot = at
	}
	return moment{c.store / nsPerMs, (c.store + nsPerMs - 1) / nsPerMs}, nil
}

// look compares with the wall clock.
func (c *clock) look(wall, boot float64) error {
	at, err := nanos(wall)
	if err == nil {
		_, err = c.read(boot)
	}
	if err != nil {
		return err
	}
	if off := at - c.store; abs(off-c.slew) > wallTolerance {
		c.slew = off
	}
	return nil
}

func abs(v int64) int64 { return max(v, -v) }
