package tiered

import "github.com/stratakv/strata/tiered/tier"

// NowMilli is the store's clock in unix milliseconds.
func (s *Store) NowMilli() int64 { return s.clock.now() }

// WrapAuthority puts wrap's result in the place of s's authority, before s is
// used.
func (s *Store) WrapAuthority(wrap func(tier.Authority) tier.Authority) { s.auth = wrap(s.auth) }

// StoreClock is the store's clock alone.
type StoreClock struct{ c *clock }

// NewStoreClock is the clock of a store whose stamps are kept, or of a memory
// store.
func NewStoreClock(host tier.Clock, stamp tier.Stamp, kept bool) StoreClock {
	c := newClock(host, kept)
	c.carryOn(stamp)
	return StoreClock{c}
}

func (c StoreClock) Now() int64        { return c.c.now() }
func (c StoreClock) Stamp() tier.Stamp { return c.c.stamp() }

func (c StoreClock) Adopt(s tier.Stamp, share func(tier.Stamp)) bool { return c.c.adopt(s, share) }
