package host

import (
	"context"
	"errors"
	"time"
)

// errSilent: no owner has answered in time.
var errSilent = errors.New("no answer from an owner in time")

// patience is how long one call waits: until its context ends, or until there
// was no sign of its answer for limit. One goroutine uses it.
type patience struct {
	ctx    context.Context
	timer  *time.Timer
	limit  time.Duration
	listen bool      // anything that the owner says is a sign
	last   time.Time // the beginning, or the last sign
}

func newPatience(ctx context.Context, limit time.Duration, listen bool) *patience {
	p := &patience{ctx: ctx, limit: limit, listen: listen, last: time.Now()}
	p.timer = time.NewTimer(p.period())
	return p
}

// period is how long the timer runs at most: who listens has to ask twice
// within limit.
func (p *patience) period() time.Duration {
	if p.listen {
		return p.limit / 2
	}
	return p.limit
}

func (p *patience) sign(at time.Time) {
	if at.After(p.last) {
		p.last = at
	}
}

// goOn decides, when the timer has come, whether to wait on.
func (p *patience) goOn() bool {
	quiet := time.Since(p.last)
	if quiet >= p.limit {
		return false
	}
	p.timer.Reset(min(p.limit-quiet, p.period()))
	return true
}

// spent is the error of a call that ends without an answer; sent says that it
// is a write that may have been done.
func (p *patience) spent(sent bool) error {
	cause := errSilent
	if err := p.ctx.Err(); err != nil {
		if !sent {
			return err
		}
		cause = err
	}
	if sent {
		return unknown(cause)
	}
	return unavailable(cause)
}
