//go:build linux || darwin

package host_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
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

// slowError takes until gate to encode, and says that it is being encoded.
type slowError struct {
	encoded *atomic.Int64
	gate    <-chan struct{}
}

func (e slowError) Error() string {
	e.encoded.Add(1)
	<-e.gate
	return "refused"
}

// longRefusal is the outcome of a write of a long answer, which e is part of.
func longRefusal(e error) ([]tier.Result, error) {
	frame := make([]byte, 4*host.PartBytes)
	current := tier.Record{Key: "key", Head: tier.Head{Version: 7, FrameLen: len(frame)}, Frame: frame}
	return []tier.Result{{Err: tier.ErrVersion, Current: current}}, e
}

// refusing is a keeper that has no room for a write of the key "alone", whose long
// answer takes time to encode.
type refusing struct {
	keeper
	err slowError
}

func (r refusing) Post(writes []*host.Posted) int {
	for i, w := range writes {
		if w.Ops[0].Key == "alone" {
			return i
		}
		r.posted <- w
	}
	return len(writes)
}

func (r refusing) WriteOnce(context.Context, host.Attempt, []tier.Op) ([]tier.Result, error) {
	return longRefusal(r.err)
}

// openRefusing opens an owner whose posted writes come to posted.
func openRefusing(t *testing.T, err slowError) (s toyStore, owner *host.Node, posted chan *host.Posted) {
	t.Helper()
	s, posted = toyStore{dir: t.TempDir(), silent: true}, make(chan *host.Posted, 1)
	o := options(s)
	o.Own = func(ctx context.Context) (host.Owned, error) {
		owned, ownErr := s.own(ctx)
		if ownErr != nil {
			return nil, ownErr
		}
		return refusing{keeper{owned.(*toy), posted}, err}, nil
	}
	return s, open(t, s, o), posted
}

// TestLongAnswersOfOneAloneDelayNoWrites: while the answer to a write that no room
// was found for is being encoded, others of its follower are answered.
func TestLongAnswersOfOneAloneDelayNoWrites(t *testing.T) {
	for _, again := range []bool{false, true} { // sent again, it is not posted at all
		t.Run(fmt.Sprint("again ", again), func(t *testing.T) {
			gate := make(chan struct{})
			slow := slowError{new(atomic.Int64), gate}
			s, _, posted := openRefusing(t, slow)
			t.Cleanup(func() { close(gate) })
			r := greeted(t, s.dir, 1)
			body := host.WriteBody(1, set("alone", "v"))
			if again {
				body = host.AgainBody(1, set("alone", "v"))
			}
			send(t, r, host.Frame(host.KindWrite, 1, body))
			eventually(t, "the long answer is being encoded", func() bool { return slow.encoded.Load() > 0 })
			send(t, r, host.Frame(host.KindWrite, 2, host.WriteBody(2, set("other", "v"))))
			select {
			case w := <-posted:
				w.Results = []tier.Result{{Applied: true}}
				go host.Answer([]*host.Posted{w})
			case <-time.After(10 * time.Second):
				t.Error("the other write is not begun")
				go func() { host.Answer([]*host.Posted{<-posted}) }() // Close waits for it
				return
			}
			if k, id, _, err := r.Next(); err != nil || k != host.KindAnswer || id != 2 {
				t.Errorf("got kind %d of %d, %v, want the answer to 2", k, id, err)
			}
		})
	}
}

// TestCancelledWritesAreNotEncoded: a write that was cancelled has its answer, and
// its results go nowhere.
func TestCancelledWritesAreNotEncoded(t *testing.T) {
	gate := make(chan struct{})
	close(gate)
	slow := slowError{new(atomic.Int64), gate}
	s, owner, posted := openRefusing(t, slow)
	r := greeted(t, s.dir, 1)
	send(t, r, host.Frame(host.KindWrite, 1, host.WriteBody(1, set("other", "v"))))
	w := <-posted
	send(t, r, host.Frame(host.KindCancel, 1, nil))
	if k, id, _, err := r.Next(); err != nil || k != host.KindAnswer || id != 1 {
		t.Fatalf("got kind %d of %d, %v, want the answer to 1", k, id, err)
	}
	w.Results, w.Err = longRefusal(slow)
	host.Answer([]*host.Posted{w})
	if err := owner.Close(); err != nil { // it waits for all that is in work
		t.Fatal(err)
	}
	if n := slow.encoded.Load(); n != 0 {
		t.Errorf("got it encoded %d times, want none", n)
	}
}
