//go:build linux

package campaign_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
)

// load says which operations a child does.
type load struct {
	Writers int
	Keys    int // of each writer
	First   int // number of the first operation on each key
	Ops     int // on each key; 0: without end
	Bytes   int // about the largest value
}

func (l load) key(writer, i int) string { return fmt.Sprintf("w%d/%d", writer, i) }

func (l load) keys() []string {
	var keys []string
	for w := range l.Writers {
		for i := range l.Keys {
			keys = append(keys, l.key(w, i))
		}
	}
	return keys
}

// gone says whether a key is absent after its n-th operation; 0 is before the
// first.
func gone(n int) bool { return n == 0 || n%7 == 0 }

// valueOf is what the n-th operation on key sets: the number, and noise that
// does not compress.
func (l load) valueOf(key string, n int) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	rng := rand.New(rand.NewPCG(h.Sum64(), uint64(n)))
	value := fmt.Appendf(nil, "%d ", n)
	for range rng.IntN(l.Bytes) {
		value = append(value, byte(rng.Uint32()))
	}
	return value
}

// operation is which operation on key set value.
func (l load) operation(key string, value []byte) (int, error) {
	head, _, _ := bytes.Cut(value, []byte(" "))
	n, err := strconv.Atoi(string(head))
	if err != nil || !bytes.Equal(value, l.valueOf(key, n)) {
		return 0, fmt.Errorf("%w: %s: %.40q", errInvented, key, value)
	}
	return n, nil
}

// What the judge finds.
var (
	errLost     = errors.New("an acknowledged write is lost, or a refused one shows")
	errInvented = errors.New("a value that nobody wrote")
)

// ledger is what is known of a store's keys from what children said.
type ledger struct {
	settled map[string]int   // the operation that the key was after at the last judgement
	acked   map[string]int   // since then: the last acknowledged one
	unknown map[string][]int // since then: those whose outcome is unknown
	tried   map[string]int   // since then: the last one that ended in any way
	broken  map[string]bool  // since then: a later one of this writer may not be acknowledged
	ended   map[string]int   // how many operations ended in which way, ever
}

func newLedger() *ledger {
	l := &ledger{settled: map[string]int{}, ended: map[string]int{}}
	l.begin()
	return l
}

// begin forgets what was settled by a judgement.
func (l *ledger) begin() {
	l.acked, l.tried = map[string]int{}, map[string]int{}
	l.unknown, l.broken = map[string][]int{}, map[string]bool{}
}

// note takes in that the n-th operation on key ended so.
func (l *ledger) note(how, key string, n int) error {
	l.ended[how]++
	l.tried[key] = n
	writer, _, _ := bytes.Cut([]byte(key), []byte("/"))
	switch how {
	case ended:
		if l.broken[string(writer)] {
			return fmt.Errorf("%s: operation %d acknowledged after one of unknown outcome", key, n)
		}
		l.acked[key] = n
		l.unknown[key] = nil
	case unknown:
		l.unknown[key] = append(l.unknown[key], n)
		l.broken[string(writer)] = true
	}
	return nil
}

// late takes in that the n-th operation on key was acknowledged when the power
// was already going.
func (l *ledger) late(key string, n int) {
	l.ended["late"]++
	l.tried[key] = n
	l.unknown[key] = append(l.unknown[key], n)
}

// possible is the operations that key may be after. killed: the child may have
// had one under way.
func (l *ledger) possible(ld load, key string, killed bool) []int {
	base, acked := l.acked[key]
	if !acked {
		base = l.settled[key]
	}
	p := append([]int{base}, l.unknown[key]...)
	if killed {
		next := ld.First
		if n, ok := l.tried[key]; ok {
			next = n + 1
		}
		p = append(p, next)
	}
	return p
}

// judge compares s with the ledger and settles it. It returns how many keys
// were further than acknowledged.
func (l *ledger) judge(ld load, s subject, killed bool) (later int, err error) {
	var faults []error
	for _, key := range ld.keys() {
		p := l.possible(ld, key, killed)
		n, err := look(ld, s, key)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		at := slices.IndexFunc(p, func(c int) bool { return c == n || n == 0 && gone(c) })
		if at < 0 {
			faults = append(faults, fmt.Errorf("%w: %s is after operation %d (0: absent), want one of %d", errLost, key, n, p))
			continue
		}
		l.settled[key] = p[at]
		if at > 0 {
			later++
		}
	}
	l.begin()
	return later, errors.Join(faults...)
}

// look is the operation that key is after, 0 if it is absent.
func look(ld load, s subject, key string) (int, error) {
	value, found, err := s.get(key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	if !found {
		return 0, nil
	}
	return ld.operation(key, value)
}
