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
			opts := client.Options(need.Options())
			opts.MaxBytes = max(opts.MaxBytes, 0)
			if opts.MaxBytes == 0 {
				opts.MaxBytes = 64 << 20
			}
			if opts.BatchOps == 0 {
				opts.BatchOps = 10_000 // what the suite takes for the default
			}
			wall, boot := client.Times(need.Clock)
			raw, err := kv.Open(opts, wall, boot)
			if err != nil {
				return storetest.Subject{}, err
			}
			return storetest.Subject{Store: client.New(raw, need.Clock)}, nil
		},
	})
}
