package tiered_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The state search of DESIGN "The data's way": all interleavings of two
// clients, one committer, readers with private L1s and shared loads, eviction,
// a stopped holder of the page lock, kill -9, power cuts and takeovers.
// The true protocol must pass; each protocol that is wrong in one of the points
// that DESIGN names must be found wrong, with a shortest counter-example.
//
// Which code is which text:
//
//	readWord, look, load   Get: w = load(word); L1; L2; "a load from the authority, shared by callers of the same (key, w)"
//	fill, answer           Get: "fill L2 only if …" under the page lock; "fill L1 tagged w.generation"
//	takeGroup, stepBegin   the committer takes the queue; 1. begin
//	stepCommit … Publish   2. commit: journal, fsync, and only then visible
//	putL2                  3. L2, and the page that cannot be locked within 1 ms
//	stepEnd, acknowledge   4. end; 5. the acknowledgement with generation and "last on its key"
//	receive                the caller's L1 takes the value with that tag
//	background             "removes the group's keys from L2 … and ends each"
//	crash, takeover        §7: replay, rewrite and fsync, repair, serve; exactly once; the boot id
//
// The invariants. A wrong protocol is found by the first two, which are what
// users see; the true one must keep all.
//
//  1. The answers of each key are linearizable (P3, P5).
//  2. A load of each key at this moment could be explained too: what was
//     acknowledged or seen is never lost, crashes included (P1).
//  3. inflight is never below 0.
//  4. While inflight is 0 and the owner serves, what is published is on disk.
//  5. While inflight is 0, an L2 entry has the published value.
//  6. While inflight is 0, an L1 entry tagged with the generation has it too.
//
// What keeps the number of states down without hiding anything: a call begins
// when its first step is taken and an answer is received at the first chance,
// because less overlap is harder to explain; eviction from L1 and L2 is a
// lookup that may miss, because an entry that is still there allows all that
// its absence allows; of the processes that can die only the owner is killed,
// because a dead reader is one that takes no more steps.
// All keys are in one bucket, because words of two buckets share nothing.

// protocol says in what a protocol differs from DESIGN. The zero protocol is
// the true one.
type protocol struct {
	bumpBeforeCommit   bool // generation+1 before the commit, no bracket
	bumpAfterCommit    bool // generation+1 after L2, no bracket
	l2BeforeL3         bool // L2 is put before the commit
	publishBeforeFsync bool // loads see the group before its fsync
	refusedBeforeFsync bool // a refused CAS is answered when it is judged

	trustInFlight           bool // L1 and L2 are read under inflight > 0
	shareInFlight           bool // a load is joined under inflight > 0
	fillUnchecked           bool // L2 is filled whatever the word is
	fillCheckedOutsideLock  bool // the word is checked, then the page is locked
	fillCheckedByGeneration bool // the fill compares generations, not words
	fillInFlight            bool // L2 is filled under inflight > 0 if the word still equals w
	versionsInL2            bool // a fill of L2 asks the entry's version, not the word

	ownFillLaterTag bool // the caller's own fill loads the word for its tag
	ownFillNotLast  bool // an op that is not its key's last fills L1 too

	stoppedPageEnds     bool // a page that cannot be locked is left out, and the group ends
	backgroundPutsFrame bool // the background puts the group's frames into L2
	backgroundZeroes    bool // the background's end sets inflight to 0

	takeoverBeforeFsync     bool // the next owner serves before its fsync
	takeoverWithoutRewrite  bool // it syncs the old segment, whose pages a failed fsync has left clean
	takeoverLeavesWords     bool // buckets in flight stay so for ever: slow, and right
	takeoverKeepsEntries    bool // buckets in flight are ended, their L2 entries stay
	takeoverKeepsGeneration bool // buckets in flight lose their inflight only
	resendAppliesAgain      bool // an op that is resent is not looked up in the exactly-once memory
}

// step is one step of the committer with a group.
type step uint8

const (
	stepBegin   step = iota // inflight+1
	stepCommit              // the group is in the journal, unsynced
	stepFsync               // it is on disk
	stepPublish             // loads see it
	stepL2                  // frames and removals, under the page lock
	stepEnd                 // generation+1 and inflight−1 in one add; acknowledge
	stepBump                // generation+1; no step of the true protocol
	stepAck                 // acknowledge alone; no step of the true protocol
)

// steps gives the order of the committer's steps.
func (p protocol) steps() []step {
	switch {
	case p.bumpBeforeCommit:
		return []step{stepBump, stepCommit, stepFsync, stepPublish, stepL2, stepAck}
	case p.bumpAfterCommit:
		return []step{stepCommit, stepFsync, stepPublish, stepL2, stepBump, stepAck}
	case p.l2BeforeL3:
		return []step{stepBegin, stepL2, stepCommit, stepFsync, stepPublish, stepEnd}
	case p.publishBeforeFsync:
		return []step{stepBegin, stepCommit, stepPublish, stepFsync, stepL2, stepEnd}
	}
	return []step{stepBegin, stepCommit, stepFsync, stepPublish, stepL2, stepEnd}
}

// scenario bounds a search.
type scenario struct {
	clients          [modelClients][]modelOp // what each client writes, one call after the other
	readers          [][]uint8               // the keys that each reader Gets, likewise
	kills, powerCuts uint8                   // how many there may be at most
	evict            bool                    // L2 evicts for itself; only versionsInL2 sees a difference
}

func (sc scenario) String() string {
	var b strings.Builder
	for c, script := range sc.clients {
		for i, op := range script {
			fmt.Fprintf(&b, "c%d:%s ", c, op.text(opOf(c, uint8(i))))
		}
	}
	fmt.Fprintf(&b, "gets:%v kills:%d cuts:%d", sc.readers, sc.kills, sc.powerCuts)
	return b.String()
}

var (
	set0, set1 = modelOp{opSet, 0}, modelOp{opSet, 1}
	del0, cas0 = modelOp{opDel, 0}, modelOp{opCAS, 0}
)

func ops(list ...modelOp) []modelOp { return list }

func gets(keys ...uint8) []uint8 { return keys }

// The smallest scenarios in which the controls are found.
var (
	oneSetOneGet       = scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0)}}
	oneSetTwoGets      = scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0, 0)}}
	oneSetTwoReaders   = scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0)}}
	oneSetEviction     = scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0, 0)}, evict: true}
	oneSetKill         = scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0)}, kills: 1}
	oneSetKillPowerCut = scenario{clients: [2][]modelOp{ops(set0)}, kills: 1, powerCuts: 1}
	twoSetsOneGet      = scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0)}}
	twoSetsTwoGets     = scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0)}}
	twoKeysTwoGets     = scenario{clients: [2][]modelOp{ops(set0), ops(set1)}, readers: [][]uint8{gets(0, 0)}}
	twoSetsTwoKills    = scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0)}, kills: 2}
	setAndCAS          = scenario{clients: [2][]modelOp{ops(set0), ops(cas0)}}
	setAndCASKill      = scenario{clients: [2][]modelOp{ops(set0), ops(cas0)}, kills: 1}
)

// controls are the protocols that must be found wrong, each with the smallest
// scenario that shows it.
var controls = []struct {
	name string
	protocol
	scenario
}{
	{"bump before commit only", protocol{bumpBeforeCommit: true}, oneSetTwoGets},
	{"bump after commit only", protocol{bumpAfterCommit: true}, oneSetTwoGets},
	{"L2 before L3", protocol{l2BeforeL3: true}, oneSetOneGet},
	{"publish before fsync", protocol{publishBeforeFsync: true}, oneSetKill},
	{"refused CAS before fsync", protocol{refusedBeforeFsync: true}, setAndCAS},
	{"L1 and L2 trusted in flight", protocol{trustInFlight: true}, oneSetTwoGets},
	{"load shared in flight", protocol{shareInFlight: true}, oneSetTwoReaders},
	{"L2 fill unchecked", protocol{fillUnchecked: true}, oneSetTwoGets},
	{"L2 fill checked outside the page lock", protocol{fillCheckedOutsideLock: true}, oneSetTwoGets},
	{"L2 fill checked by generation only", protocol{fillCheckedByGeneration: true}, oneSetTwoGets},
	{"L2 fill in flight", protocol{fillInFlight: true}, oneSetTwoGets},
	{"versions in L2, which eviction forgets", protocol{versionsInL2: true}, oneSetEviction},
	{"own fill tagged by a later load of the word", protocol{ownFillLaterTag: true}, twoSetsOneGet},
	{"own fill of an op that is not its key's last", protocol{ownFillNotLast: true}, twoSetsOneGet},
	{"stopped page lock, ended at once", protocol{stoppedPageEnds: true}, oneSetTwoGets},
	{"background puts its frame", protocol{backgroundPutsFrame: true}, twoSetsTwoGets},
	{"background sets inflight to 0", protocol{backgroundZeroes: true}, twoKeysTwoGets},
	{"takeover answers before fsync", protocol{takeoverBeforeFsync: true}, oneSetKillPowerCut},
	{"takeover syncs without rewriting", protocol{takeoverWithoutRewrite: true}, oneSetKillPowerCut},
	{"takeover does not repair: ends, L2 entries stay", protocol{takeoverKeepsEntries: true}, oneSetKill},
	{"takeover repairs without generation+1", protocol{takeoverKeepsGeneration: true}, oneSetKill},
	{"resent op is applied again", protocol{resendAppliesAgain: true}, setAndCASKill},
}

// How large a search may be in each form of the test, in states: under the race
// detector, which has nothing to find here; with -short; in a plain go test; and
// with STRATA_MODEL=long.
const (
	raceStates  = 30_000
	shortStates = 100_000
	testStates  = 600_000
	longStates  = 20_000_000
)

// searches are the scenarios of the true protocol beside those of the controls.
// Each has no more states than the form of the test that it belongs to allows.
var searches = []struct {
	most int
	scenario
}{
	{shortStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0)}}},
	{shortStates, scenario{clients: [2][]modelOp{ops(set0), ops(set1)}, readers: [][]uint8{gets(0, 1), gets(1, 0)}}},
	{shortStates, scenario{clients: [2][]modelOp{ops(set0, del0), ops(cas0, set0)}, readers: [][]uint8{gets(0, 0)}}},
	{raceStates, scenario{clients: [2][]modelOp{ops(set0, del0), ops(cas0, set0)}, kills: 1, powerCuts: 1}},
	{raceStates, scenario{clients: [2][]modelOp{ops(set0, del0), ops(cas0, set0)}, kills: 2}},
	{raceStates, twoSetsTwoKills},
	{shortStates, scenario{clients: [2][]modelOp{ops(set0)}, readers: [][]uint8{gets(0), gets(0), gets(0)}, kills: 1}},

	{testStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0, 0)}}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0), gets(0), gets(0)}}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0), ops(cas0)}, readers: [][]uint8{gets(0, 0), gets(0)}, kills: 1}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0), ops(del0)}, readers: [][]uint8{gets(0), gets(0)}, kills: 1, powerCuts: 1}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0), ops(set1)}, readers: [][]uint8{gets(0, 1), gets(0)}, kills: 1}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0, set0), ops(set0)}, readers: [][]uint8{gets(0, 0)}, kills: 1}},
	{testStates, scenario{clients: [2][]modelOp{ops(set0, set1), ops(set1, set0)}, readers: [][]uint8{gets(0, 1)}, kills: 1}},

	{longStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0)}, kills: 1, powerCuts: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0, 0)}, kills: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0, 0), gets(0), gets(0)}}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0), gets(0), gets(0)}, kills: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0, del0), ops(cas0, set0)}, readers: [][]uint8{gets(0, 0)}, kills: 1, powerCuts: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0, del0), ops(cas0, set0)}, readers: [][]uint8{gets(0, 0), gets(0)}}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0, set1), ops(set0, del0)}, readers: [][]uint8{gets(0), gets(0)}, kills: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0, set1), ops(set1, set0)}, readers: [][]uint8{gets(0, 1), gets(1)}, kills: 1}},
	{longStates, scenario{clients: [2][]modelOp{ops(set0), ops(set0)}, readers: [][]uint8{gets(0), gets(0)}, kills: 2, powerCuts: 1}},
}

func TestCoherenceModel(t *testing.T) {
	most := testStates
	switch {
	case raceDetector:
		most = raceStates
	case testing.Short():
		most = shortStates
	case os.Getenv("STRATA_MODEL") == "long":
		most = longStates
	}
	total := 0
	pass := func(name string, p protocol, sc scenario, bound int) {
		if bound > most {
			t.Logf("%-20s not in this form of the test: %v", name, sc)
			return
		}
		c, first := newCoherence(p, sc)
		got := c.search(first, bound)
		total += got.states
		t.Logf("%-20s %9d states, %4d histories: %v", name, got.states, len(c.known), sc)
		if got.wrong != "" {
			t.Fatalf("%s is wrong, in %v:\n%v", name, sc, got)
		}
	}
	met := map[string]bool{}
	for _, ctl := range controls {
		if name := ctl.scenario.String(); !met[name] {
			met[name] = true
			pass("true protocol", protocol{}, ctl.scenario, raceStates)
		}
	}
	for _, s := range searches {
		pass("true protocol", protocol{}, s.scenario, s.most)
	}
	pass("versions, no evict", protocol{versionsInL2: true}, oneSetTwoGets, raceStates)
	pass("words left in flight", protocol{takeoverLeavesWords: true}, twoSetsTwoKills, raceStates)
	t.Logf("%d states in all", total)
}

func TestCoherenceControls(t *testing.T) {
	for _, ctl := range controls {
		t.Run(ctl.name, func(t *testing.T) {
			c, first := newCoherence(ctl.protocol, ctl.scenario)
			got := c.search(first, raceStates)
			if len(got.trace) == 0 {
				t.Fatalf("not found wrong in %d states of %v", got.states, ctl.scenario)
			}
			t.Logf("%d states of %v\n%v", got.states, ctl.scenario, got)
		})
	}
}

// TestCoherenceInnerInvariants shows that the invariants that no control needs
// are checked: the true protocol's first state keeps them, and each of these
// breaks the one that it names.
func TestCoherenceInnerInvariants(t *testing.T) {
	_, first := newCoherence(protocol{}, oneSetTwoGets)
	for _, tc := range []struct {
		want  string
		spoil func(s *modelState)
	}{
		{"", func(*modelState) {}},
		{"", func(s *modelState) { s.inflight, s.published[0], s.l2[0] = 1, noValue, firstOp }},
		{"invariant 3", func(s *modelState) { s.inflight-- }},
		{"invariant 4", func(s *modelState) { s.published[0] = firstOp }},
		{"invariant 4", func(s *modelState) { s.journal[1] = noValue }},
		{"invariant 5", func(s *modelState) { s.l2[0] = firstOp }},
		{"invariant 6", func(s *modelState) { s.readers[0].l1[0] = modelEntry{firstOp, s.generation} }},
	} {
		s := first
		tc.spoil(&s)
		if got := s.checkInner(); !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
