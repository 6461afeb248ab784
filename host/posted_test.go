//go:build linux || darwin

package host_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// keeper is a toy that gives its test the writes that were posted.
type keeper struct {
	*toy
	posted chan *host.Posted
}

func (k keeper) Post(writes []*host.Posted) int {
	for _, w := range writes {
		k.posted <- w
	}
	return len(writes)
}

func (k keeper) Withdraw(*host.Posted) {}

// TestLongAnswersDelayNoWrites: whoever calls Answer does not encode the record
// that refused a write.
func TestLongAnswersDelayNoWrites(t *testing.T) {
	s := toyStore{dir: t.TempDir(), silent: true}
	posted := make(chan *host.Posted, 1)
	o := options(s)
	o.Own = func(ctx context.Context) (host.Owned, error) {
		owned, err := s.own(ctx)
		if err != nil {
			return nil, err
		}
		return keeper{owned.(*toy), posted}, nil
	}
	open(t, s, o)
	follower := open(t, s, options(s))
	frame := bytes.Repeat([]byte("frame"), 8<<20)
	answer := make([]byte, 0, len(frame))
	copying, answering := time.Hour, time.Hour // the shortest of some
	for range 5 {
		begun := time.Now()
		answer = append(answer[:0], frame...)
		copying = min(copying, time.Since(begun))
		got := make(chan []tier.Result)
		go func() {
			results, _ := follower.Write(t.Context(), []tier.Op{{Kind: tier.OpDelete, Key: "key", If: true, Expect: 1}})
			got <- results
		}()
		w := <-posted
		current := tier.Record{Key: "key", Head: tier.Head{Version: 7, FrameLen: len(frame)}, Frame: frame}
		results := []tier.Result{{Err: tier.ErrVersion, Current: current}}
		w.Results, w.Err = results, tier.ErrVersion
		begun = time.Now()
		host.Answer([]*host.Posted{w})
		answering = min(answering, time.Since(begun))
		clear(results) // they are the Owned's again
		if r := <-got; len(r) != 1 || r[0].Current.Version != 7 || !bytes.Equal(r[0].Current.Frame, answer) {
			t.Fatal("the record that refused did not come as it was")
		}
	}
	if answering > copying/2 {
		t.Errorf("Answer took %v, where copying the record takes %v", answering, copying)
	}
}
