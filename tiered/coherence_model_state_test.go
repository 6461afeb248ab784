package tiered_test

import "fmt"

// The model's bounds. A state packs into four words with them.
const (
	modelKeys    = 2
	modelClients = 2
	modelCalls   = 2
	modelOps     = modelClients * modelCalls
	modelReaders = 3
	modelDebts   = 2

	modelHistories = 1<<17 - 1
)

// modelOp is one write of a client's script. All keys are in one bucket.
type modelOp struct {
	kind modelOpKind
	key  uint8
}

type modelOpKind uint8

const (
	noOp  modelOpKind = iota
	opSet             // a value of its own
	opDel
	opCAS // a value of its own, if the key still has the version that it started with
)

// effect is what op i makes of a register that holds v; takes is false if it
// is refused.
func (op modelOp) effect(i int, v modelValue) (after modelValue, takes bool) {
	switch op.kind {
	case opSet:
		return valueOf(i), true
	case opDel:
		return noValue, true
	case opCAS:
		return valueOf(i), v == oldValue
	}
	return v, false
}

// writes is what op i leaves in its register if it is applied.
func (op modelOp) writes(i int) modelValue {
	v, _ := op.effect(i, oldValue)
	return v
}

func (op modelOp) text(i int) string {
	switch op.kind {
	case opDel:
		return fmt.Sprintf("del k%d", op.key)
	case opCAS:
		return fmt.Sprintf("cas k%d old→%v", op.key, valueOf(i))
	}
	return fmt.Sprintf("set k%d=%v", op.key, valueOf(i))
}

// Op i is call i%modelCalls of client i/modelCalls.
func clientOf(op int) int { return op / modelCalls }

func opOf(client int, call uint8) int { return client*modelCalls + int(call) }

// modelState is one state of the whole: what the host shares, what the disk
// has, the owner, the clients and the readers, the crashes left, and what the
// oracle knows of each key's history.
type modelState struct {
	// In the shared mapping; it outlives processes, not a boot.
	generation, inflight uint8
	l2                   [modelKeys]modelValue // noValue: no entry

	// In L3, each with the exactly-once memory of the ops in it, by bit.
	disk       [modelKeys]modelValue // what a power cut cannot take away
	diskOps    uint8
	journal    [modelKeys]modelValue // disk and the journal's unsynced tail
	journalOps uint8
	published  [modelKeys]modelValue // what loads see
	failed     bool                  // an fsync of the tail has failed; kept for takeoverWithoutRewrite only

	// The owner.
	owner            ownerState
	step             uint8            // how many steps of its order the group in commit has done; 0: no group
	group            [2]uint8         // the group's ops in order, op+1; 0: none
	debts            [modelDebts]debt // buckets left in flight, for the background to end
	rank             [modelOps]uint8  // each op's place in the commit order; kept for versionsInL2 only
	kills, powerCuts uint8            // that may still happen

	clients [modelClients]clientState
	readers [modelReaders]readerState

	history [modelKeys]uint32 // by the oracle's numbers
}

// ownerState says how far the owner, or who takes over from it, has come.
type ownerState uint8

const (
	ownerServes   ownerState = iota
	ownerReplayed            // the owner died; another has the lock and has read the journal
	ownerRewrote             // the tail is in a segment of its own, and synced
	ownerWiped               // the entries of the bucket in flight are gone from L2
)

// debt is a bucket that was left in flight because its page could not be
// locked.
type debt struct {
	keys    uint8                 // to be removed from L2, by bit
	count   uint8                 // what it holds of the word's inflight; 0: no debt
	removed bool                  // the keys are out of L2, the end is due
	frames  [modelKeys]modelValue // kept for backgroundPutsFrame only
}

type clientStatus uint8

const (
	clientIdle       clientStatus = iota
	clientInGroup                 // in the group in commit
	clientAnswered                // the acknowledgement is on its way
	clientRemembered              // the owner died, the next finds the result in L3
	clientResends                 // the owner died, the next does not know the op
)

type clientState struct {
	call   uint8 // calls done
	status clientStatus
	// refused is, for a CAS that was refused, the current value + 1.
	refused uint8
	// tag is the generation + 1 that the acknowledgement carries for the
	// caller's own fill; 0: none.
	tag uint8
}

type readerStatus uint8

const (
	readerAway    readerStatus = iota
	readerLooks                // the word is loaded
	readerLoaded               // the authority has answered; others may join until this is received
	readerChecked              // fillCheckedOutsideLock only: the check passed, the page is not locked yet
	readerLocks                // holds the page lock, the check passed, the entry is not written yet
)

// readerState is a reader with the L1 of its process. Client i lives in the
// process of reader i.
type readerState struct {
	call                 uint8 // Gets done
	status               readerStatus
	generation, inflight uint8 // the word as this Get has loaded it
	value                modelValue
	l1                   [modelKeys]modelEntry
}

// modelEntry is an entry of L1; value noValue: no entry.
type modelEntry struct {
	value modelValue
	tag   uint8
}
