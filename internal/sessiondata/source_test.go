package sessiondata_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/stratakv/strata/internal/sessiondata"
)

func TestRecordsAreWhatTheySay(t *testing.T) {
	s, same := sessiondata.New(1), sessiondata.New(1)
	for range 2000 {
		n := s.Size()
		same.Size()
		asJSON, asCBOR := s.JSON(n), s.CBOR(n)
		if !json.Valid(asJSON) || cbor.Wellformed(asCBOR) != nil {
			t.Fatalf("records of %d bytes: JSON valid %t, CBOR %v", n, json.Valid(asJSON), cbor.Wellformed(asCBOR))
		}
		for name, got := range map[string]int{"JSON": len(asJSON), "CBOR": len(asCBOR)} {
			if got < n-110-n/16 || got > n+110+n/16 {
				t.Fatalf("%s: got %d bytes, want about %d", name, got, n)
			}
		}
		if !bytes.Equal(same.JSON(n), asJSON) || !bytes.Equal(same.CBOR(n), asCBOR) {
			t.Fatal("the same seed gave another record")
		}
	}
}
