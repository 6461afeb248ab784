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
			s, err := m.Open(need.Options())
			return storetest.Subject{Store: s}, err
		},
	})
}
