package l3mem_test

import (
	"testing"

	"github.com/stratakv/strata/l3mem"
	"github.com/stratakv/strata/tiered/tiertest"
)

func TestConformance(t *testing.T) {
	for name, evict := range map[string]bool{"Full": false, "Evict": true} {
		t.Run(name, func(t *testing.T) {
			tiertest.Run(t, func() (tiertest.Subject, error) {
				s, err := l3mem.New(&l3mem.Options{Evict: evict})
				return tiertest.Subject{Durable: s}, err
			})
		})
	}
}
