package session_test

import (
	"testing"
	"time"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

// New takes no store that would lose index entries, or refuse every session.
func TestUnfitStoresAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		opts tiered.Options
		want error
	}{
		"keeps all": {tiered.Options{}, nil},
		"evicts":    {tiered.Options{Evict: true}, session.ErrArgument},
	} {
		store, err := tiered.OpenMemory(&c.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		m, err := session.New(store, &session.Options{Lifetime: 2 * time.Hour})
		wantErr(t, name, err, c.want)
		if err == nil {
			m.Close()
		}
	}
}
