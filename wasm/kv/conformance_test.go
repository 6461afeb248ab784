package kv_test

import (
	"testing"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/wasm/client"
	"github.com/stratakv/strata/wasm/kv"
)

func TestStoreConforms(t *testing.T) {
	storetest.Run(t, storetest.Factory{
		Tier: tiered.TierMemory,
		Open: func(need storetest.Need) (storetest.Subject, error) {
			wall, boot := client.Times(need.Clock)
			raw, err := kv.Open(client.Options(need.Options()), wall, boot)
			if err != nil {
				return storetest.Subject{}, err
			}
			return storetest.Subject{Store: client.New(raw, need.Clock)}, nil
		},
	})
}
