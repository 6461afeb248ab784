//go:build !wasm

package tiered

// TrainDictionaries trains whatever is ready, as the goroutine does when its
// turn comes.
func (s *Store) TrainDictionaries() {
	l := s.learning
	ready := func() bool {
		for _, c := range *l.classes.Load() {
			if c.isReady() {
				return true
			}
		}
		return false
	}
	for ready() {
		l.trainer.Load().work()
	}
}

// Gathering is how many classes take samples, Classes how many there are.
func (s *Store) Gathering() (gathering, classes int) {
	all := *s.learning.classes.Load()
	for _, c := range all {
		if c.gathering.Load() {
			gathering++
		}
	}
	return gathering, len(all)
}

// PutL2 puts a frame into L2, as the committer does.
func (s *Store) PutL2(key string, frame []byte, now int64) error {
	return s.caches.Load().l2.Put(key, s.caches.Load().hash(key), frame, 0, now)
}

// L2Hits is how many reads L2 answered, L2Faults how many frames it gave that
// were of no use.
func (s *Store) L2Hits() uint64 { return s.Stats().L2.Hits }

func (s *Store) L2Faults() uint64 { return s.caches.Load().faults.Load() }

// The bounds of learning.
const (
	MaxClasses  = maxClasses
	MaxOfPrefix = maxOfPrefix
	MaxKept     = maxKept
	Window      = window
)
