//go:build !wasm

package tiered_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The controls: each takes one guard out of the code and names a test that
// must then fail, or that test proves nothing. They build the code anew each,
// from an overlay: no file of the module is touched.

const controlsEnv = "STRATA_CONTROLS"

// control is the code without one of its guards.
type control struct {
	name  string
	edits []edit
	pkg   string // of test
	test  string // a regular expression; what it names must fail
	tags  string // build tags, if any
}

// edit replaces a text that occurs exactly once.
type edit struct{ file, old, new string }

// Goroutines run as they do, and many a test draws what it does: a control is
// tried until it is caught, so often and so long at most. One that took more than
// surely tries might have been caught by a test that fails by itself now and then:
// the sound code must pass as often.
const (
	controlTries = 100
	controlTime  = 4 * time.Minute
	surely       = 3
)

const (
	inTiered = "./tiered"
	inL3Bolt = "./l3bolt"
)

var mutations = []control{
	// The words.
	{name: "bump before commit only", pkg: inTiered, test: "TestWhatWasReadBesideACommitIsNotTrustedAfterIt", edits: []edit{
		{"tiered/caches.go", "c.control.Begin(bucket)", "c.control.Begin(bucket)\n\t\t\t\tc.control.End(bucket)"},
		{"tiered/caches.go", "b.tag = c.control.End(b.number).Generation()", "b.tag = c.control.Load(b.number).Generation()"},
	}},
	{name: "bump after commit only", pkg: inTiered, test: "TestCopiesAreNotTrustedOnceTheTruthHasMoved", edits: []edit{
		{"tiered/caches.go", "\t\t\t\tc.control.Begin(bucket)\n", ""},
		{"tiered/caches.go", "b.tag = c.control.End(b.number).Generation()", "c.control.Begin(b.number)\n\t\t\tb.tag = c.control.End(b.number).Generation()"},
	}},
	{name: "end without a new generation", pkg: inTiered, test: "TestCopiesAreNotTrustedOnceTheTruthHasMoved", edits: []edit{
		{"l2mmap/control.go", "c.change(bucket, endOf(n))", "c.change(bucket, -n*oneInFlight)"},
	}},
	// The clock.
	{name: "the boot clock is not asked for 10 ms", pkg: inTiered, test: "TestSleepIsCounted", edits: []edit{
		{"tiered/sysclock.go", "recheck = time.Millisecond", "recheck = 10 * time.Millisecond"},
	}},
	{name: "a comparison's age counts from its end", pkg: inTiered, test: "TestBootIsOfItsMoment", edits: []edit{
		{"tiered/sysclock.go", "c.checked.Store(int64(before))", "c.checked.Store(int64(run))"},
	}},
	// What reads share.
	{name: "what reads share outlives an update", pkg: inL3Bolt, test: "TestReadsShareNothingOld", edits: []edit{
		{"l3bolt/base.go", "\tb.unshare()\n\tdefer b.reshare()\n", ""},
	}},
	// Dictionaries.
	{name: "frames name a dictionary before it is kept", pkg: inTiered, test: "TestDictionaryIsKeptBeforeAFrameNamesIt", edits: []edit{
		{"tiered/dictionary_trainer.go", "\tif err := t.store.KeepDictionary(k); err != nil {\n\t\treturn nil, err\n\t}\n", "\tgo func() { _ = t.store.KeepDictionary(k) }()\n"},
	}},
	{name: "frames name a dictionary that could not be kept", pkg: inTiered, test: "TestDictionaryIsKeptBeforeAFrameNamesIt", edits: []edit{
		{"tiered/dictionary_trainer.go", "\tif err := t.store.KeepDictionary(k); err != nil {\n\t\treturn nil, err\n\t}\n", "\t_ = t.store.KeepDictionary(k)\n"},
	}},
	{name: "a kept dictionary is not made known at opening", pkg: inTiered, test: "TestSessionsAreStoredWithADictionary", edits: []edit{
		{"tiered/dictionary_trainer.go", "\tif err := t.recall(); err != nil {\n\t\treturn nil, err\n\t}\n", ""},
	}},
	{name: "a follower does not ask for a dictionary", pkg: inTiered, test: "TestFollowersReadWithDictionaries", edits: []edit{
		{"tiered/read.go", "s.learning.fetch(ctx, key, frame, s.member.dictionary)", "false"},
	}},
	{name: "a dictionary is not written into store.db", pkg: inL3Bolt, test: "TestDictionaryIsDurable", edits: []edit{
		{"l3bolt/dictionary.go", "\treturn b.Put(key, summed(appendDictionary(nil, t)))\n", "\treturn nil\n"},
	}},
	{name: "a dictionary's id is given to another one", pkg: inL3Bolt, test: "TestDictionaryIsRefused", edits: []edit{
		{"l3bolt/dictionary.go", "\t\tcase bytes.Equal(old.Bytes, t.Bytes):\n", "\t\tcase true:\n"},
	}},
	// L2.
	{name: "L2 before L3", pkg: inTiered, test: "TestRefusedCommitLeavesNothingInL2", edits: []edit{
		{"tiered/committer.go", "\tc.caches.committed(g, j.changes, j.now.ms)\n\tfailpoint", "\tfailpoint"},
		{"tiered/committer.go", "\tif err := c.durable.Commit(d); err != nil {", "\tc.caches.committed(g, j.changes, j.now.ms)\n\tif err := c.durable.Commit(d); err != nil {"},
	}},
	{name: "L2 left as it was", pkg: inTiered, test: "TestCopiesAreNotTrustedOnceTheTruthHasMoved", edits: []edit{
		{"tiered/committer.go", "\tc.caches.committed(g, j.changes, j.now.ms)\n", ""},
	}},
	{name: "L2 fill unchecked", pkg: inTiered, test: "TestLateFillOfL2IsRefused", edits: []edit{
		{"l2mmap/write.go", "if c.control.Load(bucket) != w {", "if false {"},
	}},
	{name: "L2 fill checked outside the page lock", pkg: "./l2mmap", test: "TestFillLosesToPut", edits: []edit{
		{"l2mmap/write.go", "\t\tif c.control.Load(bucket) != w {\n\t\t\treturn ErrRefused\n\t\t}\n", ""},
		{"l2mmap/write.go", "\tif !c.fits(key, frame) {\n\t\treturn tier.ErrTooLarge\n\t}\n", "\tif !c.fits(key, frame) {\n\t\treturn tier.ErrTooLarge\n\t}\n\tif c.control.Load(bucket) != w {\n\t\treturn ErrRefused\n\t}\n"},
	}},
	{name: "L2 fill checked by generation only", pkg: inTiered, test: "TestFillBetweenL2AndEndIsRefused", edits: []edit{
		{"l2mmap/write.go", "if c.control.Load(bucket) != w {", "if c.control.Load(bucket).Generation() != w.Generation() {"},
	}},
	{name: "L2 fill while in flight", pkg: inTiered, test: "TestLoadInFlightFillsNothing", edits: []edit{
		{"l2mmap/write.go", "if w.InFlight() != 0 {", "if false {"},
		{"tiered/cached.go", "\t\tif places[i].trusted() {\n\t\t\ts.fillL2", "\t\t{\n\t\t\ts.fillL2"},
	}},
	{name: "L2 not bound to L3", pkg: inTiered, test: "TestL2IsBoundToTheTruth", edits: []edit{
		{"l2mmap/bind.go", "bound.Wiped = c.unexplained(before, truth)", "_ = c.unexplained(before, truth)"},
	}},
	{name: "page file not bound to the control file", pkg: inTiered, test: "TestL2IsBoundToTheTruth", edits: []edit{
		{"l2mmap/bind.go", "(wiped || !pages.inStepWith(before))", "wiped"},
	}},
	{name: "takeover does not repair", pkg: inTiered, test: "TestFailpointKills/committed", tags: "failpoints", edits: []edit{
		{"l2mmap/bind.go", "\tif pages != nil {\n\t\tif err := pages.wipeBucket", "\tif false {\n\t\tif err := pages.wipeBucket"},
	}},
	// L1.
	{name: "untagged L1", pkg: inTiered, test: "TestCopiesAreNotTrustedOnceTheTruthHasMoved|TestTiersAnswerInTurn", edits: []edit{
		{"l1/cache.go", "b != nil && b.tag == tag && b.Key() == key", "b != nil && b.Key() == key"},
	}},
	{name: "L1 without the full key", pkg: "./l1", test: "TestHitNeedsKeyTagAndDeadline|TestEqualHashesShareAPlace", edits: []edit{
		{"l1/cache.go", "b != nil && b.tag == tag && b.Key() == key", "b != nil && b.tag == tag"},
	}},
	{name: "L1 without expiry", pkg: inTiered, test: "TestTiersAnswerInTurn", edits: []edit{
		{"l1/cache.go", "if b.deadline == 0 || b.deadline > now() {", "if true {"},
	}},
	{name: "decoded value of another version", pkg: inTiered, test: "TestSharedIsDecodedOncePerEntry|TestSharedIsNeverStale", edits: []edit{
		{"l1/decoded.go", "d.version == b.version && d.by == by", "d.by == by"},
		{"l1/cache.go", "d != nil && d.version != b.version {", "d != nil && false {"},
	}},
	{name: "decoded value of another codec", pkg: inTiered, test: "TestSharedDoesNotClash", edits: []edit{
		{"l1/decoded.go", "d.version == b.version && d.by == by", "d.version == b.version"},
	}},
	{name: "own fill tagged by a later load of the word", pkg: inTiered, test: "TestOwnFillHasTheTagOfItsOwnEnd", edits: []edit{
		{"tiered/cached.go", "value, hash, res.Tag)", "value, hash, c.place(key).word.Generation())"},
	}},
	{name: "own fill of an op that is not its key's last", pkg: inTiered, test: "TestOnlyTheLastOpOnAKeyIsKeptByItsCaller", edits: []edit{
		{"tiered/caches.go", "_, later := g.met[op.Key]; later", "_, later := g.met[op.Key]; later && false"},
	}},
	{name: "load shared while in flight", pkg: inTiered, test: "TestNobodyJoinsALoadThatBeganInFlight", edits: []edit{
		{"tiered/cached.go", "\tif !p.trusted() {\n\t\treturn s.auth.Load(ctx, key)\n\t}\n\tfor {", "\tfor {"},
	}},
	// Many processes.
	{name: "a follower's writes are not admitted by the owner's limits", pkg: inTiered, test: "TestOwnersLimitsBindAll", edits: []edit{
		{"tiered/judge.go", "\tif r.encode != nil {\n", "\tif false {\n"},
	}},
	{name: "blind resend", pkg: inTiered, test: "TestHostsFailpoints/ended", tags: "failpoints", edits: []edit{
		{"tiered/owner.go", "\tif a.Again {\n", "\tif false {\n"},
	}},
	{name: "a write that was cut off begins anew", pkg: "./host", test: "TestReleaseGoesOnWhereItWasCutOff", edits: []edit{
		{"host/sender.go", " || s.short[0].sent > 0 {", " {"},
	}},
	{name: "a write that goes on shares its ops", pkg: "./host", test: "TestWhatGoesOnKeepsItsOps", edits: []edit{
		{"host/posted.go", "slices.Clone(w.Ops)", "slices.Clip(w.Ops)"},
	}},
	{name: "an outcome that is not durable with its group", pkg: inTiered, test: "TestHostsFailpoints/ended", tags: "failpoints", edits: []edit{
		{"l3bolt/recover.go", "\td.memory.learn(g.memory, g.version)\n", ""},
		{"tiered/owner.go", "o.memory.Forgotten() > a.After", "false"},
	}},
	{name: "next owner does not repair", pkg: inTiered, test: "TestHostsFailpoints/committed", tags: "failpoints", edits: []edit{
		{"l2mmap/bind.go", "\tif pages != nil {\n\t\tif err := pages.wipeBucket", "\tif false {\n\t\tif err := pages.wipeBucket"},
	}},
	{name: "an owner pledges itself to any words", pkg: inTiered, test: "TestPlaceStoppedTrustsOldWords", edits: []edit{
		{"l2mmap/pledge_linux.go", "if named != id || id == noControl {", "if false {"},
	}},
	{name: "an owner whose disk failed refuses its followers' writes", pkg: inTiered, test: "TestHostsFailedSyncOfAnother", edits: []edit{
		{"tiered/owner.go", "if errors.Is(err, tier.ErrUnavailable)", "if false && errors.Is(err, tier.ErrUnavailable)"},
	}},
	// The background.
	{name: "background puts its frame", pkg: inTiered, test: "TestFailpointStoppedHolder", tags: "failpoints", edits: []edit{
		{"tiered/caches.go", "// retryLocked is how long", "var framesLeft sync.Map\n\n// retryLocked is how long"},
		{"tiered/caches.go", "\t\tb.left = append(b.left, ch.Key)\n", "\t\tb.left = append(b.left, ch.Key)\n\t\tframesLeft.Store(ch.Key, ch.Frame)\n"},
		{"tiered/caches.go", "if errors.Is(c.l2.Remove(key, c.hash(key)), l2mmap.ErrLockedPage) {",
			"frame, _ := framesLeft.Load(key)\n\t\tif errors.Is(c.l2.Put(key, c.hash(key), frame.([]byte), 0, 0), l2mmap.ErrLockedPage) {"},
	}},
	{name: "background ends without taking the frame out", pkg: inTiered, test: "TestFailpointStoppedHolder", tags: "failpoints", edits: []edit{
		{"tiered/caches.go", "if errors.Is(c.l2.Remove(key, c.hash(key)), l2mmap.ErrLockedPage) {", "if key == \"\" && false {"},
	}},
	{name: "a locked page ends its bucket all the same", pkg: inTiered, test: "TestFailpointStoppedHolder", tags: "failpoints", edits: []edit{
		{"tiered/caches.go", "if !errors.Is(err, l2mmap.ErrLockedPage) {", "if err == nil || true {"},
	}},
	{name: "the committer waits for a stopped holder", pkg: inTiered, test: "TestFailpointStoppedHolder", tags: "failpoints", edits: []edit{
		{"l2mmap/lock.go", "writeLimit = time.Millisecond", "writeLimit = 10 * time.Second"},
	}},
	// The committer.
	{name: "reviving switched off", pkg: inTiered, test: "TestTouchAcrossTheDeadlineRevivesNothing", edits: []edit{
		{"tiered/reviving.go", "if keys == nil {", "if true {"},
	}},
	{name: "dead flag ignored", pkg: inTiered, test: "TestNothingIsAcknowledgedAfterAnUnknownOutcome", edits: []edit{
		{"tiered/committer.go", "if c.dead.Load() {\n\t\tfail(", "if false {\n\t\tfail("},
	}},
	{name: "brackets of an unknown outcome closed", pkg: inTiered, test: "TestUnknownOutcomeLeavesTheBucketInFlight", edits: []edit{
		{"tiered/committer.go", "if !unknown {\n\t\tc.caches.end", "{\n\t\tc.caches.end"},
	}},
	{name: "requests of callers who gave up used again", pkg: inTiered, test: "TestRequestsOfCallersWhoGaveUpAreNotUsedAgain", edits: []edit{
		{"tiered/queue.go", "\tif err := q.enter(ctx, r); err != nil {\n\t\treturn tier.Result{}, err", "\tif err := q.enter(ctx, r); err != nil {\n\t\tq.requests.put(r)\n\t\treturn tier.Result{}, err"},
	}},
	{name: "refused CAS answered in a failed group", pkg: inTiered, test: "TestRefusedCASOfAFailedGroupTellsNothing", edits: []edit{
		{"tiered/committer.go", "\t\trefused := r.err != nil\n", "\t\trefused := r.err != nil\n\t\tif refused {\n\t\t\tcontinue\n\t\t}\n"},
	}},
	{name: "sweep does not check the deadline again", pkg: inTiered, test: "TestSweepChecksDeadlinesAgain", edits: []edit{
		{"tiered/judge.go", "if cur.Version == 0 || !cur.Expired(j.now.ms) {", "if cur.Version == 0 {"},
	}},
	{name: "versions not restored at reopening", pkg: inTiered, test: "TestVersionsGoOnAfterReopening", edits: []edit{
		{"tiered/committer.go", "version: s.Version, usage: s.Usage", "usage: s.Usage"},
	}},
	{name: "answer before the commit", pkg: inTiered, test: "TestNothingVisibleBeforeItsFsync", edits: []edit{
		{"tiered/queue.go", "\tq.commit(reqs)\n\tfailpoint.Pass(\"tiered-ended\")\n\tq.answer(reqs)\n",
			"\tq.answer(reqs)\n\tq.commit(reqs)\n\tfailpoint.Pass(\"tiered-ended\")\n"},
	}},
	// The journal.
	{name: "answer before the fsync", pkg: inL3Bolt, test: "TestPowerCut$", edits: []edit{
		{"l3bolt/journal.go", "if err := j.cur.file.Datasync(); err != nil {", "if err := error(nil); err != nil {"},
	}},
	{name: "publish before the fsync", pkg: inL3Bolt, test: "TestPowerCut$", edits: []edit{
		{"l3bolt/commit.go", "\tsize, err := d.append(g)\n\tif err != nil {\n\t\treturn err\n\t}\n\tfailpoint.Pass(\"l3bolt-synced\")\n\td.publish(g, size)\n",
			"\tfailpoint.Pass(\"l3bolt-synced\")\n\td.publish(g, 0)\n\tif _, err := d.append(g); err != nil {\n\t\treturn err\n\t}\n"},
	}},
	{name: "a failed fsync is repeated", pkg: inL3Bolt, test: "TestFailedSyncIsNeverRepeated", edits: []edit{
		{"l3bolt/journal.go", "return 0, j.fatal(tier.ErrUnknownOutcome, \"fdatasync\", err)", "err = j.cur.file.Datasync()\n\t\tif err != nil {\n\t\t\treturn 0, j.fatal(tier.ErrUnknownOutcome, \"fdatasync\", err)\n\t\t}"},
	}},
	{name: "segments go before their checkpoint", pkg: inTiered, test: "TestFailpointKills/in_a_checkpoint", tags: "failpoints", edits: []edit{
		{"l3bolt/checkpoint.go", "\tif err := c.write(p, c.keys, c.early); err != nil {\n\t\treturn false, err", "\td.journal.trim(c.frozen.state.sequence)\n\tif err := c.write(p, c.keys, c.early); err != nil {\n\t\treturn false, err"},
	}},
	{name: "what is written beside a compaction is not copied again", pkg: inL3Bolt, test: "TestCompactionModel", edits: []edit{
		{"l3bolt/base.go", "\t\tg.watching = true\n", ""},
	}},
	{name: "compacted and renamed before the sync", pkg: inL3Bolt, test: "TestPowerCutInACompaction", edits: []edit{
		{"l3bolt/compact.go", "\t\t\treturn cannot(\"keep room in\", c.temp, err)\n\t\t}\n\t}\n\treturn c.sync()", "\t\t\treturn cannot(\"keep room in\", c.temp, err)\n\t\t}\n\t}\n\treturn nil"},
	}},
	{name: "checkpoints before a compaction's rename is durable", pkg: inL3Bolt, test: "TestCheckpointsWaitForTheRename", edits: []edit{
		{"l3bolt/exchange.go", "c.disk.SyncDir(c.d.dir)", "error(nil)"},
	}},
	{name: "bbolt does not sync the compacted file", pkg: inL3Bolt, test: "TestCompactionModel", edits: []edit{
		{"l3bolt/exchange.go", "\tc.to.bolt.NoSync, c.to.bolt.NoGrowSync = false, false\n", ""},
	}},
	{name: "the old store.db is closed under its readers", pkg: inL3Bolt, test: "TestReadersBesideCompactions", edits: []edit{
		{"l3bolt/exchange.go", "\told.retired = true\n", ""},
	}},
	{name: "segments go at opening that no checkpoint has reached", pkg: inL3Bolt, test: "TestReplayedSegmentsStay", edits: []edit{
		{"l3bolt/resume.go", "defer j.trim(j.position)", "defer j.trim(j.next)"},
	}},
	{name: "replay without writing the last record again", pkg: inL3Bolt, test: "TestWhatOpeningShowsIsDurable", edits: []edit{
		{"l3bolt/resume.go", "\t_, err := s.file.WriteAt(b, last)\n\treturn err\n", "\treturn nil\n"},
	}},
	{name: "replay leaves the torn tail where it was", pkg: inL3Bolt, test: "TestWhatOpeningReadAsTornStaysTorn", edits: []edit{
		{"l3bolt/resume.go", "min(s.off+recordHeaderSize, size)", "min(s.off, size)"},
	}},
	{name: "a segment does not end where the next one begins", pkg: inL3Bolt, test: "TestSegmentEndsWhereTheNextBegins", edits: []edit{
		{"l3bolt/recover.go", "if sequence < r.next || sequence >= void {", "if sequence < r.next {"},
	}},
	{name: "a segment without records ends the one before", pkg: inL3Bolt, test: "TestRefusedRotationLosesNothing", edits: []edit{
		{"l3bolt/recover.go", "err == nil && seg.first != 0 {", "err == nil {"},
	}},
	// Recycled segments.
	{name: "an old file is written into before its new name is durable", pkg: inL3Bolt, test: "TestPowerCut$|TestRecyclingFailsAnywhere", edits: []edit{
		{"l3bolt/stock.go", "\t\tif err := j.fs.SyncDir(j.dir); err != nil {\n\t\t\treturn false", "\t\tif err := error(nil); err != nil {\n\t\t\treturn false"},
	}},
	{name: "a segment's header is not synced", pkg: inL3Bolt, test: "TestPowerCut$|TestRecyclingFailsAnywhere", edits: []edit{
		{"l3bolt/draft.go", "if err := d.seg.file.Sync(); err != nil {", "if err := error(nil); err != nil {"},
	}},
	{name: "a segment's name is not synced", pkg: inL3Bolt, test: "TestPowerCut$|TestRecyclingFailsAnywhere", edits: []edit{
		{"l3bolt/draft.go", "if err := d.j.fs.SyncDir(d.j.dir); err != nil {", "if err := error(nil); err != nil {"},
	}},
	{name: "segments are made new before their checkpoint", pkg: inL3Bolt, test: "TestSegmentsWaitForTheirCheckpoint", edits: []edit{
		{"l3bolt/stock.go", "j.full[0].last > j.position {", "j.full[0].last > j.position+10 {"},
	}},
	{name: "records are not salted", pkg: inL3Bolt, test: "TestRecycledTail", edits: []edit{
		{"l3bolt/segment.go", "\treturn crc32.Checksum(b[:], castagnoli)\n}\n\n// recordSize", "\treturn 0\n}\n\n// recordSize"},
	}},
	{name: "nothing behind a torn record is looked at", pkg: inL3Bolt, test: "TestRecycledDamage", edits: []edit{
		{"l3bolt/window.go", "return next, end, w.checkTail(seed, end, next)", "return next, end, nil"},
	}},
	{name: "a segment without records keeps its name at opening", pkg: inL3Bolt, test: "TestSegmentReadAsEmptyStaysEmpty", edits: []edit{
		{"l3bolt/resume.go", "j.retireAll(empty)", "j.retireAll(nil)"},
	}},
	{name: "segments are made ahead while the spare is lent", pkg: inL3Bolt, test: "TestFullDiskSpareComesFirst", edits: []edit{
		{"l3bolt/stock.go", " || j.spare.lent() {\n\t\treturn\n", " {\n\t\treturn\n"},
	}},
	{name: "a failed sync ahead is forgotten", pkg: inL3Bolt, test: "TestFailedSyncAheadEndsWriting", edits: []edit{
		{"l3bolt/draft.go", "return nil, d.j.stop(\"sync directory of\", name, err)", "return nil, cannot(\"sync directory of\", name, err)"},
	}},
	// The overlay.
	{name: "timers lose what moves to another slot", pkg: inL3Bolt, test: "TestDueIsExact", edits: []edit{
		{"l3bolt/overlay.go", "!at.timed() || slotOf(at.head.Deadline) != slot", "!at.timed()"},
	}},
	{name: "timers lose a slot's keys when one has left it", pkg: inL3Bolt, test: "TestTimersListAllThatIsDue", edits: []edit{
		{"l3bolt/timers.go", "\t\t\tl.keys = l.keys[:last]\n", "\t\t\tl.keys = l.keys[:last/2]\n"},
	}},
	{name: "scans do not see what changed since the first one", pkg: inL3Bolt, test: "TestModel", edits: []edit{
		{"l3bolt/ordered.go", "t.behind = append(t.behind, key)", "_ = key"},
	}},
	// Blind sets.
	{name: "an overcount is taken off twice", pkg: inL3Bolt, test: "TestBlindChangesAreSettledOnce", edits: []edit{
		{"l3bolt/overcount.go", "o.found = o.found.Plus(more)", "o.found = o.found.Plus(more).Plus(more)"},
	}},
	{name: "a piece's overcount is taken off again after a crash", pkg: inL3Bolt, test: "TestBlindChangesAreSettledOnce", edits: []edit{
		{"l3bolt/overlay.go", "if stored.Version >= e.blind {", "if e.blind == 0 {"},
	}},
	{name: "an overcount is lost in a crash", pkg: inL3Bolt, test: "TestBlindChangesAreSettledOnce", edits: []edit{
		{"l3bolt/overcount.go", "if more == (tier.Usage{}) {", "if true {"},
	}},
	{name: "the journal forgets which changes are blind", pkg: inL3Bolt, test: "TestBlindChangesAreSettledOnce", edits: []edit{
		{"l3bolt/group.go", "\tcase c.Blind:\n\t\tkind = kindBlind\n", ""},
	}},
	{name: "removals by a past deadline are blind", pkg: inTiered, test: "TestPastDeadlineRemovesWhatIsThere", edits: []edit{
		{"tiered/judge.go", "(op.Life.Deadline == 0 || op.Life.Deadline > now.ms)", "true"},
	}},
	{name: "the overcount is never taken off", pkg: inTiered, test: "TestBlindSets", edits: []edit{
		{"l3bolt/open.go", "m.over, told: m.over}", "m.over}"},
	}},
	// The full disk.
	{name: "the reserve is for every write", pkg: inL3Bolt, test: "TestFullDisk$", edits: []edit{
		{"l3bolt/commit.go", "\tif !g.Reserve {\n\t\tif err := d.claim()", "\tif false {\n\t\tif err := d.claim()"},
		{"l3bolt/journal.go", "(!g.Reserve && !j.stale())", "false"},
		{"l3bolt/journal.go", "\tif g.Reserve {\n\t\treturn nil\n\t}\n\treturn j.spare.claim()\n", "\treturn nil\n"},
	}},
	{name: "what found no room is not merged back", pkg: inL3Bolt, test: "TestDeletionsAloneLetWritesRecover", edits: []edit{
		{"l3bolt/squeeze.go", "\td.thaw(c.keys, c.kept)\n", ""},
	}},
	{name: "a checkpoint that finds no room does not go by pieces", pkg: inL3Bolt, test: "TestCheckpointGoesPieceByPiece", edits: []edit{
		{"l3bolt/squeeze.go", "light, heavy, err := c.weigh()", "light, heavy, err := []keyed(nil), c.keys, error(nil)"},
	}},
	// Pieces of checkpoints.
	{name: "the first piece moves the position", pkg: inL3Bolt, test: "TestCrashBetweenPieces", edits: []edit{
		{"l3bolt/piece.go", "return tx.Bucket(bucketMeta).Put(metaNext, encodeState(p.c.frozen.state))", "return putState(tx, p.c.frozen.state)"},
	}},
	{name: "what a piece has leaves memory before the last one", pkg: inL3Bolt, test: "TestReadersSeeWholeGroups|TestModel|TestBlindChangesAreSettledOnce", edits: []edit{
		{"l3bolt/checkpoint.go", "\tc.keys, c.early = c.keys[p.keys:], c.early[p.early:]\n", "\td.drop(c)\n\tc.keys, c.early = c.keys[p.keys:], c.early[p.early:]\n"},
	}},
	{name: "a lost journal behind pieces is not noticed", pkg: inL3Bolt, test: "TestCrashBetweenPieces", edits: []edit{
		{"l3bolt/recount.go", "if next.sequence <= p.sequence {", "if true {"},
	}},
	{name: "pieces do not have the usage counted anew", pkg: inL3Bolt, test: "TestCrashBetweenPieces", edits: []edit{
		{"l3bolt/open.go", "if m.recount || lost {", "if m.recount {"},
	}},
	{name: "a piece forgets that it replaced damage", pkg: inL3Bolt, test: "TestUsageIsRightAfterDamage", edits: []edit{
		{"l3bolt/piece.go", "if d.miscounted || p.uncounted {", "if false {"},
	}},
	{name: "a lost journal behind pieces loses no memory", pkg: inL3Bolt, test: "TestCompactionKeepsWherePiecesGo", edits: []edit{
		{"l3bolt/recount.go", "\td.memory.lose(p.version)\n", ""},
	}},
	{name: "a compaction between pieces loses where they go", pkg: inL3Bolt, test: "TestCompactionKeepsWherePiecesGo", edits: []edit{
		{"l3bolt/exchange.go", "\tfor i, key := range s.keys {\n", "\tfor i, key := range s.keys {\n\t\tif string(key) == string(metaNext) {\n\t\t\tcontinue\n\t\t}\n"},
	}},
	{name: "a compaction does not copy what pieces touch", pkg: inL3Bolt, test: "TestCompactionBetweenPieces", edits: []edit{
		{"l3bolt/base.go", "g.watching = true\n", "g.watching = false\n"},
	}},
	{name: "pieces do not keep the version", pkg: inL3Bolt, test: "TestCrashBetweenPieces", edits: []edit{
		{"l3bolt/recount.go", "p.version, p.stamp = max(p.version, next.version), next.stamp", "p.stamp = next.stamp"},
	}},
	{name: "old segments are removed while the spare is lent", pkg: inL3Bolt, test: "TestFullDisk$|TestFullDiskForEver", edits: []edit{
		{"l3bolt/stock.go", "\t\tcase j.spare.adopt(name):\n", ""},
	}},
	{name: "the new name of the spare's file is not durable", pkg: inL3Bolt, test: "TestPowerCutOnFullDisk", edits: []edit{
		{"l3bolt/spare.go", "\treturn s.fs.SyncDir(s.dir)\n", "\treturn nil\n"},
	}},
	{name: "stamps use up the spare", pkg: inL3Bolt, test: "TestStampsLeaveHalfOfTheSpare", edits: []edit{
		{"l3bolt/journal.go", "s.fixed && len(g.Changes) == 0 &&", "false &&"},
	}},
}

func TestControls(t *testing.T) {
	if os.Getenv(controlsEnv) == "" {
		t.Skipf("each control builds the code anew; set %s=1 to run them", controlsEnv)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal(err)
	}
	for _, c := range mutations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			binary := c.program(t)
			begun := time.Now()
			for try := 1; try <= controlTries && time.Since(begun) < controlTime; try++ {
				caught, err := c.run(binary)
				if err != nil {
					t.Fatal(err)
				}
				if caught != "" {
					t.Logf("caught in try %d: %s", try, caught)
					if try > surely {
						c.acquit(t, try)
					}
					return
				}
			}
			t.Errorf("not caught by %s in %s", c.test, c.pkg)
		})
	}
}

// acquit runs the control's test on the code as it is.
func (c control) acquit(t *testing.T, tries int) {
	c.edits = nil
	binary := c.program(t)
	for range tries {
		if failed, err := c.run(binary); err != nil || failed != "" {
			t.Fatalf("the code as it is fails, too: %s, %v", failed, err)
		}
	}
}

// TestControlsFitTheCode: the texts that the controls replace are there.
func TestControlsFitTheCode(t *testing.T) {
	for _, c := range mutations {
		if _, err := c.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// program builds the control, and returns the name of its program.
func (c control) program(t *testing.T) string {
	t.Helper()
	overlay, err := c.overlay(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	binary, err := c.build(overlay)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// overlay writes the edited files and returns the name of the overlay's file.
func (c control) overlay(dir string) (string, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	texts := map[string]string{}
	for _, e := range c.edits {
		path := filepath.Join(root, filepath.FromSlash(e.file))
		text, edited := texts[path]
		if !edited {
			b, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times, want once", e.file, e.old, n)
		}
		texts[path] = strings.Replace(text, e.old, e.new, 1)
	}
	replace := map[string]string{}
	for path, text := range texts {
		edited := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = edited
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, b, 0o600)
}

// unpolished is what a build for one run can do without: it takes half the time.
var unpolished = []string{"-ldflags=-s -w", "-gcflags=github.com/stratakv/strata/...=-N -l -dwarf=0"}

// build returns the name of the program of the tests of the control's package,
// in the overlay's directory.
func (c control) build(overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	binary := filepath.Join(filepath.Dir(overlay), "control.test")
	args := append([]string{"test", "-c", "-o", binary, "-overlay", overlay, "-tags", c.tags}, unpolished...)
	cmd := exec.CommandContext(ctx, "go", append(args, c.pkg)...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the control does not build: %w\n%s", err, out)
	}
	return binary, nil
}

var (
	failedTest = regexp.MustCompile(`(?m)^\s*--- FAIL: \S+|^panic: .*|^fatal error: .*`)
	complaint  = regexp.MustCompile(`(?m)^\s+\w+_test\.go:\d+: .*`)
)

// run returns the first failure of the control's test, "" if there is none.
// What does not end shows nothing.
func (c control) run(binary string) (caught string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.short", "-test.failfast", "-test.timeout=2m", "-test.run", c.test)
	cmd.Dir = filepath.Join("..", c.pkg)
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case err == nil && strings.Contains(text, "no tests to run"):
		return "", fmt.Errorf("no test is named %s", c.test)
	case err == nil:
		return "", nil
	case ctx.Err() != nil, strings.Contains(text, "test timed out"):
		return "", fmt.Errorf("%s did not end:\n%s", c.test, text)
	}
	if caught = failedTest.FindString(text); caught == "" {
		return "", fmt.Errorf("%s does not run: %w\n%s", c.test, err, text)
	}
	if said := complaint.FindAllString(text, -1); said != nil {
		caught += ": " + strings.TrimSpace(said[len(said)-1]) // the last one is not a mere note
	}
	return caught, nil
}
