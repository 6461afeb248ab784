package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/client"
)

// ErrDead: the module was ended by a fault. Its stores are gone.
var ErrDead = errors.New("the module has ended")

// Options configure a Module. nil and zero fields are sound defaults.
type Options struct {
	// MaxMemory bounds the module's whole memory in bytes; 0: 1 GiB. A store that
	// asks for more than there is ends the module.
	MaxMemory int64
	// Cache keeps compiled modules for the next New; nil: none. Compiling takes
	// seconds.
	Cache wazero.CompilationCache
}

const pageSize = 64 << 10

// Module is an instance of the reactor. Its stores share its memory.
type Module struct {
	runtime wazero.Runtime

	// mu guards the instance: a module has one thread.
	mu        sync.Mutex
	module    api.Module
	functions map[string]api.Function
	cells     uint32 // where abi.Cells lie
	buffer    uint32 // where the I/O buffer lies
	capacity  uint32 // and how long it is
	stack     [8]uint64
	dead      error
}

// New compiles and starts the reactor in wasm, which `go run ./wasm/build` made.
func New(ctx context.Context, wasm []byte, o *Options) (*Module, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxMemory <= 0 {
		opts.MaxMemory = 1 << 30
	}
	config := wazero.NewRuntimeConfig().WithMemoryLimitPages(uint32(min(opts.MaxMemory/pageSize, 65536)))
	if opts.Cache != nil {
		config = config.WithCompilationCache(opts.Cache)
	}
	m := &Module{runtime: wazero.NewRuntimeWithConfig(ctx, config), functions: map[string]api.Function{}}
	if err := m.start(ctx, wasm); err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), m.runtime.Close(ctx))
	}
	return m, nil
}

func (m *Module) start(ctx context.Context, wasm []byte) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return err
	}
	compiled, err := m.runtime.CompileModule(ctx, wasm)
	if err != nil {
		return err
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
		WithSysNanotime().WithSysWalltime().WithRandSource(rand.Reader)
	if m.module, err = m.runtime.InstantiateModule(ctx, compiled, config); err != nil {
		return err
	}
	for name := range compiled.ExportedFunctions() {
		m.functions[name] = m.module.ExportedFunction(name)
	}
	version, err := m.call(ctx, "abi_version")
	if err != nil {
		return err
	}
	if version != abi.Version {
		return fmt.Errorf("the module's calls have version %d, this host knows %d", version, abi.Version)
	}
	cells, err := m.call(ctx, "cells")
	m.cells = uint32(cells)
	return err
}

// Close ends the module and all its stores.
func (m *Module) Close(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead == nil {
		m.dead = tiered.ErrClosed
	}
	return m.runtime.Close(ctx)
}

// Open opens a store in the module. Of o, what concerns files and caches has no
// meaning. ErrArgument of package kv: an option is out of range. ErrMemory of
// package abi: the module's stores would be too large together.
func (m *Module) Open(o *tiered.Options) (*client.Store, error) {
	clock := newClock()
	if o != nil && o.Clock != nil {
		clock = o.Clock
	}
	wall, boot := client.Times(clock)
	raw, err := m.OpenRaw(client.Options(o), wall, boot)
	if err != nil {
		return nil, err
	}
	return client.New(raw, clock), nil
}

// MemoryBytes is the module's memory. It never shrinks.
func (m *Module) MemoryBytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(m.module.Memory().Size())
}

// Collect collects the module's garbage and returns how often that was done.
func (m *Module) Collect() (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.call(context.Background(), "collect")
	return int(n), err
}

// call calls an exported function, with mu held or before anybody has m.
func (m *Module) call(ctx context.Context, name string, args ...uint64) (int32, error) {
	if m.dead != nil {
		return 0, m.dead
	}
	f := m.functions[name]
	if f == nil {
		return 0, fmt.Errorf("the module has no function %q", name)
	}
	copy(m.stack[:], args)
	if err := f.CallWithStack(ctx, m.stack[:max(len(args), 1)]); err != nil {
		m.dead = fmt.Errorf("%w: %w", ErrDead, err)
		return 0, m.dead
	}
	return int32(m.stack[0]), nil
}
