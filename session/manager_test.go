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
		"short":     {tiered.Options{MaxTTL: 2*time.Hour - 1}, session.ErrArgument},
		"just long": {tiered.Options{MaxTTL: 2 * time.Hour}, nil},
	} {
		store, err := tiered.OpenMemory(&c.opts)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		m, err := session.New(store, &session.Options{Lifetime: 2 * time.Hour})
		wantErr(t, name, err, c.want)
		if err != nil {
			continue
		}
		s, err := m.Load(t.Context(), "")
		if err == nil {
			err = s.BindUser("alice")
		}
		if err == nil {
			_, _, err = m.Commit(t.Context(), s)
		}
		if err != nil {
			t.Errorf("%s: a login: %v", name, err)
		}
		m.Close()
	}
}
