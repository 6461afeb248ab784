package storetest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stratakv/strata/storetest"
)

func TestHonestToyPasses(t *testing.T) {
	storetest.Run(t, toys(""))
	if err := storetest.Check(toys("")); err != nil {
		t.Errorf("Check: got %v, want nil", err)
	}
}

func TestForgetfulToyPasses(t *testing.T) {
	f := toys("")
	open := f.Open
	f.Open = func(need storetest.Need) (storetest.Subject, error) {
		s, err := open(need)
		s.Reopen = nil
		return s, err
	}
	if err := storetest.Check(f); err != nil {
		t.Errorf("Check without Reopen: got %v, want nil", err)
	}
}

// faults names for each way to be broken the cases that must catch it.
var faults = []struct {
	fault string
	cases []string
}{
	{"absent is empty", []string{"Absent", "Delete", "Model"}},
	{"keys end at zero bytes", []string{"Keys", "Scan"}},
	{"empty is absent", []string{"ValueSizes"}},
	{"view swallows errors", []string{"ViewReturnsFnsError"}},
	{"overwrites in place", []string{"ViewMayCallTheStore", "BytesStay"}},
	{"256 keys at most", []string{"GetMany"}},
	{"quota counts values", []string{"Stats", "QuotaIsExact"}},
	{"caches for ever", []string{"ReadYourWrites", "LastOfTwoSets", "Model"}},
	{"first of two sets", []string{"LastOfTwoSets"}},
	{"stale reads", []string{"ReadYourWrites", "Linearizable", "Model"}},
	{"loses a delete", []string{"Delete", "Batch", "UpdateRemove", "Model"}},
	{"versions repeat", []string{"VersionsGrow", "ABA", "Linearizable", "Model"}},
	{"versions for nothing", []string{"OneVersionPerOp"}},
	{"deadlines in whole seconds", []string{"ItemFields", "Model"}},
	{"SetItem tells the version given", []string{"SetItem"}},
	{"keeps what is past", []string{"SetItemInThePast", "Model"}},
	{"rounds down", []string{"SetItemRoundsUp", "RoundsUp"}},
	{"deadlines overflow", []string{"SetItemFarAhead", "HugeTTL"}},
	{"writes tell no deadline", []string{"WriteResults", "Model"}},
	{"ignores expiry", []string{"ExpiryIsExact", "ScanExpired", "Model"}},
	{"expires 1 ms late", []string{"ExpiryIsExact", "Model"}},
	{"expires 1 ms early", []string{"ExpiryIsExact", "Model"}},
	{"expires after 30 days", []string{"ImmortalStays"}},
	{"Touch only lengthens", []string{"Touch", "Model"}},
	{"Touch revives", []string{"NothingRevives", "Model"}},
	{"the first deadline stays", []string{"SetReplacesTheDeadline", "Model"}},
	{"KeepTTL is no deadline", []string{"KeepTTL", "Model"}},
	{"negative ttl accepted", []string{"NegativeTTL"}},
	{"MaxTTL ignored", []string{"MaxTTL"}},
	{"follows the wall clock", []string{"WallStepsForward", "WallStepsBack", "ClockOfTheSameBoot"}},
	{"clock starts anew", []string{"ClockOfTheSameBoot", "ClockOfAnotherBoot"}},
	{"CAS to absence always works", []string{"CompareAndSet", "Model"}},
	{"ErrVersion without Item", []string{"CompareAndSet", "CompareAndSetReplaces", "Model"}},
	{"CompareAndDelete deletes", []string{"CompareAndDelete", "Model"}},
	{"CAS tells the old version", []string{"CompareAndSetReplaces", "WriteResults"}},
	{"CAS not atomic", []string{"OneWinner", "UpdateLosesNothing"}},
	{"Update finds nothing", []string{"Update", "Model"}},
	{"Keep writes", []string{"UpdateKeep", "Model"}},
	{"Remove stores nothing", []string{"UpdateRemove", "Model"}},
	{"fn's error is ignored", []string{"UpdateError"}},
	{"Update not atomic", []string{"UpdateLosesNothing", "UpdateOfManyKinds"}},
	{"batch in reverse", []string{"Batch", "Model"}},
	{"half a refused batch stays", []string{"BatchAllOrNothing", "RefusedNeverShows", "Model"}},
	{"batch before its checks", []string{"RefusedNeverShows"}},
	{"checks before the batch", []string{"BatchCheck", "MoneyIsKept"}},
	{"Check sees what was before", []string{"BatchCheck", "Model"}},
	{"Touch of nothing is nothing", []string{"BatchTouch", "NothingRevives", "Model"}},
	{"Write empties the batch", []string{"BatchAgain"}},
	{"batches lose values", []string{"BatchCopies", "Batch", "Model"}},
	{"batches of 1000", []string{"BatchLarge"}},
	{"publishes half a batch", []string{"BatchShowsAtOnce"}},
	{"limits ignored", []string{"BatchLimits", "KeyTooLong", "ValueTooLarge"}},
	{"unsorted scan", []string{"Scan", "Model"}},
	{"empty scan is an error", []string{"ScanEmpty"}},
	{"scan skips at the border", []string{"ScanManyRecords", "ScanMayWrite"}},
	{"scan cuts values", []string{"ScanLargeValues"}},
	{"scans only once", []string{"ScanBreak"}},
	{"scan shows the expired", []string{"ScanExpired", "Model"}},
	{"scan is one snapshot", []string{"ScanDeletedAhead", "ScanExpired", "CancelledInScan"}},
	{"scan by position", []string{"ScanMayWrite", "ScanBesideWriters"}},
	{"prefix bound wraps", []string{"Scan", "DeletePrefixOddKeys"}},
	{"DeletePrefix ends early", []string{"DeletePrefix"}},
	{"DeleteExpired counts wrong", []string{"DeleteExpired"}},
	{"sweeps by the first deadline", []string{"DeleteExpiredLooksAgain", "Model"}},
	{"evicts", []string{"QuotaKeepsTheOld"}},
	{"full for all", []string{"QuotaFreesRoom"}},
	{"sweeps only when asked", []string{"QuotaSweepsFirst"}},
	{"keeps the caller's bytes", []string{"BytesIn"}},
	{"gives its own bytes", []string{"BytesOut", "OldIsTheCallersOwn"}},
	{"errors name keys", []string{"SilentErrors"}},
	{"ignores contexts", []string{"CancelledBefore", "TooLateBefore", "CancelledInScan"}},
	{"open when closed", []string{"ErrClosed"}},
	{"second Close fails", []string{"CloseTwice"}},
	{"closed is unavailable", []string{"ErrClosed", "CloseBesideCalls"}},
	{"acknowledges when closed", []string{"CloseKeepsWhatWasAcknowledged", "ErrClosed"}},
	{"fills late", []string{"DeletedStaysDeleted"}},
	{"reopened without deadlines", []string{"Reopen", "ReopenExpires", "Model"}},
	{"reopened without the last version", []string{"ReopenVersions"}},
	{"reopened with 500 records", []string{"ReopenMany"}},
}

func TestBrokenToysAreCaught(t *testing.T) {
	for _, f := range faults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			for _, name := range f.cases {
				if !caught(name, f.fault) {
					t.Errorf("case %s: got nil, want a fault", name)
				}
			}
		})
	}
}

// caught gives a case some tries: the random ones and those that race with
// readers may look away once.
func caught(name, fault string) bool {
	for range 5 {
		if storetest.CheckCase(name, toys(fault)) != nil {
			return true
		}
	}
	return false
}

func TestEachCaseCanFail(t *testing.T) {
	proven := map[string]bool{}
	for _, f := range faults {
		for _, name := range f.cases {
			proven[name] = true
		}
	}
	for _, name := range storetest.CaseNames() {
		if !proven[name] {
			t.Errorf("case %s: no broken toy proves that it can fail", name)
		}
	}
}

func TestCheckNamesCaseAndReason(t *testing.T) {
	err := storetest.Check(toys("deadlines in whole seconds"))
	if err == nil {
		t.Fatal("Check of a broken toy: got nil, want an error")
	}
	for _, want := range []string{"ItemFields (an Item says key", "Model (", "with seed 0x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got an error without %q", want)
		}
	}
	if names := storetest.CaseNames(); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("CaseNames: got a name twice in %q", names)
	}
}
