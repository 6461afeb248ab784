package tiered_test

import (
	"testing"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func TestMemoryStoreConforms(t *testing.T) {
	storetest.Run(t, storetest.Factory{
		Tier: tiered.TierMemory,
		Open: func(need storetest.Need) (storetest.Subject, error) {
			s, err := tiered.OpenMemory(need.Options())
			return storetest.Subject{Store: s}, err
		},
	})
}
