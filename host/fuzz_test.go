//go:build linux || darwin

package host_test

import (
	"bytes"
	"testing"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// P9: whatever comes, it is a message or a fault, and takes no more memory than
// has arrived.
func FuzzReceive(f *testing.F) {
	part := bytes.Repeat([]byte{1}, host.PartBytes)
	f.Add([]byte{})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0})
	f.Add(host.Frame(host.KindLoad, 1, host.LoadBody("key")))
	f.Add(append(host.Frame(host.KindWrite, 1, part, true), host.Frame(host.KindWrite, 1, []byte("end"))...))
	f.Add(append(host.Frame(host.KindWrite, 1, part, true), host.Frame(host.KindLoad, 1, part)...))
	f.Add(host.Frame(host.KindWrite, 1, nil, true))
	f.Fuzz(func(t *testing.T, data []byte) {
		if held := host.Receive(bytes.NewReader(data)); held > int64(len(data)) {
			t.Errorf("%d bytes held of %d", held, len(data))
		}
	})
}

// P9: a body is decoded or refused, and what was decoded is encoded to the same
// meaning.
func FuzzBody(f *testing.F) {
	for _, body := range host.Bodies() {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, again := host.Recode(data)
		for i := range first {
			if !bytes.Equal(first[i], again[i]) {
				t.Errorf("body %d: got %x, want %x", i, again[i], first[i])
			}
		}
	})
}

// An outcome is decoded to what it was made of, or refused.
func FuzzOutcome(f *testing.F) {
	f.Add([]byte{})
	f.Add(host.EncodeOutcome(nil))
	f.Add(host.EncodeOutcome([]tier.Result{{Applied: true, Head: tier.Head{Version: 1, Deadline: 2, RawLen: 3, FrameLen: 4}}, {}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := host.DecodeOutcome(data)
		if err != nil {
			return
		}
		again, err := host.DecodeOutcome(host.EncodeOutcome(results))
		if err != nil || len(again) != len(results) {
			t.Fatalf("got %d results, %v, want %d", len(again), err, len(results))
		}
		for i := range results {
			if again[i].Head != results[i].Head || again[i].Applied != results[i].Applied {
				t.Errorf("got %+v, want %+v", again[i], results[i])
			}
		}
	})
}
