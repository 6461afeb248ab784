//go:build linux

package campaign_test

import (
	"bytes"
	"errors"
	"strings"

	"github.com/stratakv/strata/codec"
	"github.com/stratakv/strata/tiered/tier"
)

// victim is one damaged store under examination.
type victim struct {
	dir   string
	harm  harm
	files map[string][]byte
	say   func(string, ...any)
	met   bool // something said ErrCorrupt
}

func (v *victim) wrong(format string, args ...any) { v.say("wrong "+format, args...) }

func (v *victim) examine() {
	s, err := openDamage(v.dir)
	if err != nil {
		if !errors.Is(err, tier.ErrCorrupt) || !strings.Contains(err.Error(), v.dir) {
			v.wrong("open: got %v, want ErrCorrupt with the name of the file", err)
		}
		v.say("refused")
		return
	}
	defer func() {
		if err := s.close(); err != nil && !errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, tier.ErrUnavailable) {
			v.wrong("close: %v", err)
		}
	}()
	seen, failed := v.readAll(s)
	v.scan(s, seen)
	hidden := v.judge(seen, failed)
	v.unchecked(s)
	v.say("check")
	err = s.db.Check()
	if err != nil && !errors.Is(err, tier.ErrCorrupt) {
		v.wrong("check: %v", err)
	}
	if hidden > 0 && err == nil {
		v.wrong("%d records are hidden, and Check says nothing", hidden)
	}
	if err != nil {
		v.say("checked")
	}
}

// readAll is the operation that each key is after, but for those whose reading
// failed.
func (v *victim) readAll(s *single) (seen map[string]int, failed map[string]bool) {
	seen, failed = map[string]int{}, map[string]bool{}
	for key := range damageState(damageOps) {
		n, err := look(damageLoad, s, key)
		switch {
		case err == nil:
			seen[key] = n
		case errors.Is(err, tier.ErrCorrupt) && !errors.Is(err, errInvented):
			v.met, failed[key] = true, true
		default:
			v.wrong("get: %v", err)
		}
	}
	return seen, failed
}

// scan must not contradict what Get said, but for giving what damage above it hides
// from Get.
func (v *victim) scan(s *single, seen map[string]int) {
	recs, _, err := s.db.Scan(tier.Range{Records: 10_000, MaxBytes: 64 << 20})
	if err != nil {
		if !errors.Is(err, tier.ErrCorrupt) {
			v.wrong("scan: %v", err)
		}
		v.met = true
	}
	last := damageState(damageOps)
	for _, rec := range recs {
		value, err := s.codec.Decode(nil, rec.Key, rec.Frame)
		if err != nil {
			if !errors.Is(err, tier.ErrCorrupt) {
				v.wrong("scan: %v", err)
			}
			v.met = true
			continue
		}
		n, err := damageLoad.operation(rec.Key, value)
		want, ok := seen[rec.Key]
		hidden := want == 0 && n == last[rec.Key] && v.harm.file == "store.db"
		if err != nil || ok && n != want && !hidden {
			v.wrong("scan: a record as after operation %d, %v; get said %d", n, err, want)
		}
	}
}

// judge compares with what was written and says the word for it. It returns
// how many records are hidden.
func (v *victim) judge(seen map[string]int, failed map[string]bool) (hidden int) {
	for s := damageOps; s > 0; s-- {
		if !agree(seen, failed, damageState(s)) {
			continue
		}
		if s == damageOps {
			break
		}
		if left := v.soundBehind(s); v.harm.file == "store.db" || left > 0 {
			v.wrong("it is as after operation %d of %d, but group %d is not damaged", s, damageOps, left)
		}
		v.say("cut")
		return 0
	}
	for key, want := range damageState(damageOps) {
		n, ok := seen[key]
		switch {
		case !ok || n == want || n == 0 && gone(want):
		case n == 0 && v.harm.file == "store.db":
			hidden++
		default:
			v.wrong("%s is after operation %d, want %d", key, n, want)
		}
	}
	switch {
	case hidden > 0:
		v.say("hidden")
	case v.met:
		v.say("met")
	default:
		v.say("unharmed")
	}
	return hidden
}

func agree(seen map[string]int, failed map[string]bool, state map[string]int) bool {
	for key := range damageState(damageKeys) {
		n, want := seen[key], state[key]
		if !failed[key] && n != want && !(n == 0 && gone(want)) {
			return false
		}
	}
	return true
}

// soundBehind is a group behind the s-th that the journal holds
// outside of the harm; 0 if there is none. The s-th operation is group s.
func (v *victim) soundBehind(s int) int {
	for _, g := range groups(v.files) {
		if g.number > s && (g.file != v.harm.file || g.to <= v.harm.from || g.from >= v.harm.to) {
			return g.number
		}
	}
	return 0
}

// unchecked is the control: it reads the records' bodies without their
// checksums, and says so if one is wrong.
func (v *victim) unchecked(s *single) {
	if v.harm.file != "store.db" {
		return
	}
	for key, n := range damageState(damageOps) {
		rec, found, err := s.db.Load(key)
		if err != nil || !found || gone(n) || len(rec.Frame) < codec.HeaderSize {
			continue
		}
		if body := rec.Frame[codec.HeaderSize:]; len(body) == rec.RawLen && !bytes.Equal(body, damageLoad.valueOf(key, n)) {
			v.say("unchecked-lied")
			return
		}
	}
}
