package records_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stratakv/strata/bench/versus/records"
)

func TestKeysDiffer(t *testing.T) {
	met := map[string]bool{}
	for i := range 100_000 {
		k := records.Key(i)
		if met[k] || len(k) != 24 {
			t.Fatalf("record %d: got %q, want 24 bytes that no other record has", i, k)
		}
		met[k] = true
	}
}

func TestValues(t *testing.T) {
	v, again := records.NewValues(4096), records.NewValues(4096)
	met := map[string]bool{}
	for i := range 4096 {
		b := v.At(i)
		if !json.Valid(b) || len(b) < 140 || len(b) > 2100 {
			t.Fatalf("record %d: got %d bytes, valid %t, want JSON of 150 to 2,000", i, len(b), json.Valid(b))
		}
		if !bytes.Equal(b, again.At(i)) {
			t.Fatal("another run has other values")
		}
		met[string(b)] = true
	}
	if len(met) < 2500 {
		t.Errorf("4096 records have %d values, want most to differ", len(met))
	}
	if mean := v.MeanBytes(); mean < 600 || mean > 850 {
		t.Errorf("got %d bytes on average, want about 715", mean)
	}
}
