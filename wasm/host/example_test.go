package host_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/host"
)

// A program that runs the module, keeps a session in it, and moves it on.
func Example() {
	ctx := context.Background()
	// reactor is what `go run ./wasm/build` made.
	m, err := host.New(ctx, reactor, &host.Options{MaxMemory: 128 << 20, Cache: cache})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close(ctx)
	s, err := m.Open(&tiered.Options{MaxBytes: 32 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Set(ctx, "session:42", []byte("reader"), 30*time.Minute); err != nil {
		fmt.Println(err)
	}
	value, err := s.Get(ctx, "session:42")
	fmt.Println(string(value), err)

	it, err := s.Update(ctx, "hits", func(old tiered.Item, found bool) ([]byte, time.Duration, error) {
		return append(old.Value, '+'), 0, nil
	})
	fmt.Println(string(it.Value), err)

	_, err = s.Get(ctx, "session:43")
	fmt.Println(errors.Is(err, tiered.ErrNotFound))
	// Output:
	// reader <nil>
	// + <nil>
	// true
}
