package tiered_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// TestKeepTTLIsRefusedWithAReason: a Set has no lifetime to keep.
func TestKeepTTLIsRefusedWithAReason(t *testing.T) {
	s, err := tiered.OpenMemory(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Set(context.Background(), "k", nil, tiered.KeepTTL)
	if !errors.Is(err, tiered.ErrTTL) || !strings.Contains(err.Error(), "KeepTTL") {
		t.Errorf("got %v, want ErrTTL that names KeepTTL", err)
	}
	if err := s.Set(context.Background(), "k", nil, -time.Second); !errors.Is(err, tiered.ErrTTL) {
		t.Errorf("got %v, want ErrTTL", err)
	}
}

// TestOpenWantsAName: an empty name is most often a setting that is missing.
func TestOpenWantsAName(t *testing.T) {
	if runtime.GOARCH == "wasm" {
		t.Skip("a store in memory has no directory")
	}
	s, err := tiered.Open("", nil)
	if !errors.Is(err, tiered.ErrUnavailable) || !strings.Contains(err.Error(), "name is empty") {
		t.Errorf("got %v, %v, want ErrUnavailable that says why", s, err)
	}
}
