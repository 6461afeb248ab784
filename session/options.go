package session

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
	"unicode/utf8"
)

// Options are the settings of a Manager. A nil *Options and the zero value of
// each field are sound defaults. New copies them.
type Options struct {
	// Prefix is what the manager's keys in the store begin with; "": "web:". Two
	// managers on one store need different ones, neither the beginning of the
	// other.
	Prefix string
	// Idle is how long a session lives without being used; 0: 30 min.
	Idle time.Duration
	// Lifetime is how long a session lives from login or creation on, however
	// much it is used; 0: 24 h, or Idle if that is longer.
	Lifetime time.Duration
	// FirstLifetime is how long a new session lives until a client has come back
	// with it or a user is bound; 0: 10 min, or Idle if that is shorter;
	// negative: Idle.
	FirstLifetime time.Duration
	// Touch is how old the last record of a session's use may be before a
	// request that uses it writes a new one; 0: a 20th of Idle; negative: every
	// such request writes. It is also how much later than Idle a session may
	// end. A session with an idle time of its own has it in proportion.
	Touch time.Duration
	// Transport carries ids between client and server; nil: Cookie{}.
	Transport Transport
	// Mode says what becomes of a key that two requests change at once.
	Mode Mode
	// Binding ties sessions to properties of the client.
	Binding Binding
	// MaxBytes bounds the encoded record of a session; 0: 1 MiB. A session that
	// would be larger is not saved: tiered.ErrTooLarge. One that is larger from
	// before can be read, used and ended.
	MaxBytes int
	// Timeout bounds each write to the store, and Destroy's load; 0: 10 s. They do
	// not end with the request's context: a client that goes away cannot undo its
	// logout.
	Timeout time.Duration
	// WatchEvery is how often sessions with a Done channel are looked at; 0: 5 s;
	// negative: never, so that only what this process ends is noticed.
	WatchEvery time.Duration
	// ErrorHandler answers a request whose session could not be loaded (Require)
	// or saved; nil: plain text with the codes of the package documentation. If
	// the headers have been sent, what it writes is dropped. If it writes
	// nothing, the answer is 503.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// Logger gets warnings; nil: slog.Default().
	Logger *slog.Logger
}

// Binding ties a session to properties of the client that it was begun with.
// A session is checked only against what was recorded when its id was made, so
// turning a check on ends no session that is without it. A client that does not
// match has no session, and the session itself stays as it is.
type Binding struct {
	// Agent records the user agent and checks it.
	Agent bool
	// IPv4Bits and IPv6Bits are how many leading bits of the client's address are
	// recorded and checked; 0: none. With one of them alone, a session that was
	// begun over that version of IP has no match over the other, so that a client
	// that changes between them has to begin anew.
	IPv4Bits, IPv6Bits int
	// Address gives the client's address; nil: that of the connection. Behind a
	// proxy it has to be read from what the proxy adds. The zero Addr stands for
	// "unknown": nothing is recorded, and no session with a recorded prefix
	// matches. It must not call the session that it is asked for.
	Address func(*http.Request) netip.Addr
}

// Mode says what becomes of a key that two requests of a session change at
// once, to different values.
type Mode uint8

// The modes.
const (
	Merge  Mode = iota // the later writer wins
	Strict             // the later writer gets ErrConflict, and nothing of its request is saved
)

const (
	defaultIdle     = 30 * time.Minute
	defaultLifetime = 24 * time.Hour
	defaultFirst    = 10 * time.Minute
	touchDivisor    = 20
	// maxLifetime bounds all lifetimes, so that sums of them stay in range.
	maxLifetime = 100 * 365 * 24 * time.Hour
	// maxPrefixBytes leaves room for the rest of a key.
	maxPrefixBytes = 1024
)

// withDefaults copies, completes and checks opts.
func withDefaults(opts *Options) (*Options, error) {
	o := new(Options)
	if opts != nil {
		*o = *opts
	}
	if o.Prefix == "" {
		o.Prefix = "web:"
	}
	setDefault(&o.Idle, defaultIdle)
	setDefault(&o.Lifetime, max(defaultLifetime, o.Idle))
	setDefault(&o.FirstLifetime, min(defaultFirst, o.Idle))
	if o.FirstLifetime < 0 {
		o.FirstLifetime = o.Idle
	}
	setDefault(&o.Touch, o.Idle/touchDivisor)
	o.Touch = max(o.Touch, 0)
	setDefault(&o.MaxBytes, 1<<20)
	setDefault(&o.Timeout, 10*time.Second)
	setDefault(&o.WatchEvery, 5*time.Second)
	if o.Transport == nil {
		o.Transport = Cookie{}
	}
	if o.Binding.Address == nil {
		o.Binding.Address = remoteAddress
	}
	if o.ErrorHandler == nil {
		o.ErrorHandler = answerError
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, o.validate()
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate names every fault.
func (o *Options) validate() error {
	var faults []error
	fault := func(wrong bool, reason string) {
		if wrong {
			faults = append(faults, argument("options", reason))
		}
	}
	fault(len(o.Prefix) > maxPrefixBytes || !utf8.ValidString(o.Prefix), "Prefix is over 1024 bytes or not UTF-8")
	fault(o.Idle < time.Millisecond || o.Idle > maxLifetime, "Idle is below 1 ms or above 100 years")
	fault(o.Lifetime < o.Idle || o.Lifetime > maxLifetime, "Lifetime is below Idle or above 100 years")
	fault(o.FirstLifetime < time.Millisecond || o.FirstLifetime > o.Idle, "FirstLifetime is below 1 ms or above Idle")
	fault(o.Touch > o.Idle, "Touch is above Idle")
	fault(o.Mode > Strict, "Mode is unknown")
	fault(o.Binding.IPv4Bits < 0 || o.Binding.IPv4Bits > 32, "Binding.IPv4Bits is not 0 to 32")
	fault(o.Binding.IPv6Bits < 0 || o.Binding.IPv6Bits > 128, "Binding.IPv6Bits is not 0 to 128")
	fault(o.MaxBytes < 0, "MaxBytes is negative")
	fault(o.Timeout < 0, "Timeout is negative")
	if t, checked := o.Transport.(interface{ validate() error }); checked {
		faults = append(faults, t.validate())
	}
	return errors.Join(faults...)
}
