package session_test

import (
	"cmp"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// storeEnv is a session.Store over a tiered store whose clock is moved by hand.
type storeEnv struct {
	*session.Store
	t      *testing.T
	clock  *storetest.Clock
	tiered *tiered.Store
	files  bool // whether it keeps them in files
}

// storeConfigs are the tiers that a Store is tested over. Under WebAssembly all
// are in memory.
var storeConfigs = map[string]tiered.Options{
	"all tiers":    {L1Bytes: 1 << 20, L2Bytes: 4 << 20},
	"without L1":   {L1Bytes: -1, L2Bytes: 4 << 20},
	"without L2":   {L1Bytes: 1 << 20, L2Bytes: -1},
	"L3 alone":     {L1Bytes: -1, L2Bytes: -1},
	inMemory:       {},
	evictsInMemory: {Evict: true, MaxBytes: 16 << 20},
}

const (
	inMemory       = "memory"
	evictsInMemory = "memory that evicts"
)

// eachStore runs f over each of the configurations.
func eachStore(t *testing.T, opts *session.StoreOptions, f func(t *testing.T, e *storeEnv)) {
	for name := range storeConfigs {
		t.Run(name, func(t *testing.T) { f(t, openStore(t, name, t.TempDir(), opts)) })
	}
}

// openMemoryStore is a Store in memory.
func openMemoryStore(t *testing.T, opts *session.StoreOptions) *storeEnv {
	t.Helper()
	return openStore(t, inMemory, "", opts)
}

// openStore opens dir with the configuration of that name.
func openStore(t *testing.T, config, dir string, opts *session.StoreOptions) *storeEnv {
	t.Helper()
	o := storeConfigs[config]
	e := &storeEnv{t: t, clock: storetest.NewClock()}
	o.Clock, o.SweepEvery, o.SharedDir = e.clock, time.Hour, dir
	return e.open(config, dir, o, opts)
}

func (e *storeEnv) open(config, dir string, o tiered.Options, opts *session.StoreOptions) *storeEnv {
	e.t.Helper()
	var err error
	e.files = config != inMemory && config != evictsInMemory && runtime.GOARCH != "wasm"
	if !e.files {
		o.SharedDir, o.MaxBytes = "", cmp.Or(o.MaxBytes, 16<<20) // many are open at once
		e.tiered, err = tiered.OpenMemory(&o)
	} else {
		e.tiered, err = tiered.Open(dir, &o)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { e.tiered.Close() })
	e.Store = session.NewStore(e.tiered, opts)
	return e
}

func (e *storeEnv) put(key string, value any) {
	e.t.Helper()
	if err := e.Put(e.t.Context(), key, value); err != nil {
		e.t.Fatalf("Put %s: %v", key, err)
	}
}

func (e *storeEnv) delete(key string) {
	e.t.Helper()
	if err := e.Delete(e.t.Context(), key); err != nil {
		e.t.Fatalf("Delete %s: %v", key, err)
	}
}

// want checks what is under key.
func (e *storeEnv) want(when, key string, want any) {
	e.t.Helper()
	got, found, err := e.Get(e.t.Context(), key)
	if err != nil || !found || !reflect.DeepEqual(got, want) {
		e.t.Errorf("%s: %s: got %#v, %v, %v, want %#v", when, key, got, found, err, want)
	}
}

func (e *storeEnv) wantAbsent(when string, keys ...string) {
	e.t.Helper()
	for _, key := range keys {
		got, found, err := e.Get(e.t.Context(), key)
		if err != nil || found || got != nil {
			e.t.Errorf("%s: %s: got %#v, %v, %v, want nothing", when, key, got, found, err)
		}
	}
}

// in is the store's time in so many seconds, as an expires.
func (e *storeEnv) in(seconds int64) int64 { return e.tiered.Now().Unix() + seconds }
