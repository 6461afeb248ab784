package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Role says whether a process may own.
type Role uint8

// The roles.
const (
	RoleAuto     Role = iota // own where nobody else does
	RoleFollower             // never own
	RoleOwner                // own or fail
)

// Options are the settings of a Node; Own alone must be set, except for
// RoleFollower.
type Options struct {
	Role Role
	// Own opens the truth in the directory and returns the authority over it,
	// ready to answer. tier.ErrLocked: another process owns. It is called
	// whenever this process may become the owner, by one goroutine, never while
	// an Owned of an earlier call is open. When ctx ends it may give up.
	Own func(ctx context.Context) (Owned, error)
	// Follow is called when an owner has been reached, before any of its answers
	// reaches a caller: there the caches are attached to the mapping that the
	// owner names. An error leaves that owner alone; it is tried again later.
	// nil: nothing is to be done. It must not call the Node.
	Follow func(Hello) error
	// Alone is called when a connection to an owner has ended, before another
	// authority is looked for. nil: nothing is to be done. It must not call the
	// Node.
	Alone  func()
	Limits Limits
	// Logger gets warnings; nil: slog.Default().
	Logger *slog.Logger
}

// Limits bound what peers and waiting calls may hold. Zero fields are defaults.
type Limits struct {
	// Followers is how many processes may be connected to an owner; 0: 256.
	Followers int
	// Requests is how many requests of one follower are in work at once; 0: 1,024.
	// Further calls wait in their process.
	Requests int
	// MessageBytes bounds one request, keys, frames and some 64 bytes for each
	// op; 0: 128 MiB. A larger write is ErrTooLarge.
	MessageBytes int64
	// WindowBytes bounds the requests of one follower that are in work at once,
	// unless a single one is larger; 0: 64 MiB.
	WindowBytes int64
	// QueueBytes bounds the answers that wait for one follower to read them,
	// unless a single one is larger; 0: 16 MiB. Further reads wait. (A write is
	// never held back: the records that refused conditional writes come on top,
	// one for each of Requests at most.)
	QueueBytes int64
	// Answer bounds how long a follower's call waits for its answer, and a Node
	// for an owner; 0: 5 s.
	Answer time.Duration
	// Drop is after how long a peer that does not read is dropped; 0: 10 s.
	Drop time.Duration
}

// minWait and maxWait are how far apart a node without an authority tries.
const (
	minWait = time.Millisecond
	maxWait = 20 * time.Millisecond
)

// withDefaults copies o, fills in defaults and validates, in this order.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Follow == nil {
		c.Follow = func(Hello) error { return nil }
	}
	if c.Alone == nil {
		c.Alone = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Limits.setDefaults()
	return c, c.validate()
}

func (l *Limits) setDefaults() {
	setDefault(&l.Followers, 256)
	setDefault(&l.Requests, 1024)
	setDefault(&l.MessageBytes, 128<<20)
	setDefault(&l.WindowBytes, 64<<20)
	setDefault(&l.QueueBytes, 16<<20)
	setDefault(&l.Answer, 5*time.Second)
	setDefault(&l.Drop, 10*time.Second)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (o *Options) validate() error {
	var faults []error
	if o.Role > RoleOwner {
		faults = append(faults, fmt.Errorf("options: unknown Role %d", o.Role))
	}
	if o.Own == nil && o.Role != RoleFollower {
		faults = append(faults, errors.New("options: Own is missing"))
	}
	l := &o.Limits
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Followers", int64(l.Followers)}, {"Requests", int64(l.Requests)}, {"MessageBytes", l.MessageBytes},
		{"WindowBytes", l.WindowBytes}, {"QueueBytes", l.QueueBytes}, {"Answer", int64(l.Answer)}, {"Drop", int64(l.Drop)},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("options: Limits.%s is negative: %d", f.name, f.value))
		}
	}
	if l.MessageBytes > maxMessage {
		faults = append(faults, fmt.Errorf("options: Limits.MessageBytes is above %d: %d", maxMessage, l.MessageBytes))
	}
	return errors.Join(faults...)
}
