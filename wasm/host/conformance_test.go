package host_test

import (
	"testing"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

// The suite of all stores, over the module's calls.
func TestReactorConforms(t *testing.T) {
	m := newModule(t)
	storetest.Run(t, storetest.Factory{
		Tier: tiered.TierMemory,
		Open: func(need storetest.Need) (storetest.Subject, error) {
			opts := need.Options()
			if opts.MaxBytes == 0 {
				opts.MaxBytes = 64 << 20
			}
			if opts.Limits.BatchOps == 0 {
				opts.Limits.BatchOps = 10_000 // what the suite takes for the default
			}
			s, err := m.Open(opts)
			return storetest.Subject{Store: s}, err
		},
	})
}
