package tiertest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stratakv/strata/tiered/tiertest"
)

func TestHonestToyPasses(t *testing.T) {
	tiertest.Run(t, toys(""))
	if err := tiertest.Check(toys("")); err != nil {
		t.Errorf("Check: got %v, want nil", err)
	}
}

func TestForgetfulToyPasses(t *testing.T) {
	err := tiertest.Check(func() (tiertest.Subject, error) {
		s, err := toys("")()
		s.Reopen = nil
		return s, err
	})
	if err != nil {
		t.Errorf("Check without Reopen: got %v, want nil", err)
	}
}

// faults names for each way to be broken the cases that must catch it.
var faults = []struct {
	fault string
	cases []string
}{
	{"old state", []string{"Fresh"}},
	{"loses a delete", []string{"SetReplaceRemove", "LastChangeStands", "Model"}},
	{"refuses to remove nothing", []string{"RemoveAbsent"}},
	{"first change stands", []string{"LastChangeStands", "Model"}},
	{"touch loses body", []string{"TouchKeepsBody", "Model"}},
	{"expires by itself", []string{"ExpiredStay"}},
	{"keys end at zero bytes", []string{"Keys", "DueOddKeys"}},
	{"large values cut", []string{"ValueSizes"}},
	{"evicts", []string{"ManyRecords", "ManySurvive"}},
	{"heads left as they were", []string{"Heads", "Model"}},
	{"versions of its own", []string{"Versions", "LastChangeStands"}},
	{"state moves", []string{"StateIsOfOpening", "CallsBesideCommit"}},
	{"usage forgets", []string{"Usage"}},
	{"leaves out any head", []string{"BlindChanges"}},
	{"blind changes are not settled", []string{"BlindChanges"}},
	{"overcount out of nothing", []string{"BlindChanges"}},
	{"unsorted scan", []string{"ScanOrder", "ManyRecords"}},
	{"sorts by length", []string{"ScanOrder"}},
	{"prefix bound wraps", []string{"ScanPrefix"}},
	{"ignores From", []string{"ScanFrom", "ScanLimits"}},
	{"scan ignores MaxBytes", []string{"ScanLimits"}},
	{"more ends early", []string{"ScanMore", "ScanLimits"}},
	{"stale scan index", []string{"ScanAfterChanges"}},
	{"scan stops at removed", []string{"ScanOverRemoved"}},
	{"aliases", []string{"FramesStay"}},
	{"refuses empty groups", []string{"EmptyGroup"}},
	{"cuts groups at 1000", []string{"LargeGroup"}},
	{"publishes half a group", []string{"ReadersMeetWholeGroups", "PublishedAtOnce"}},
	{"half a chunk", []string{"ReadersMeetWholeGroups"}},
	{"publishes late", []string{"ReadYourGroup", "SetReplaceRemove"}},
	{"forgets a key in Due", []string{"DueExact", "DueLimited", "Model"}},
	{"due in whole seconds", []string{"DueExact"}},
	{"due misses the last millisecond", []string{"DueExact"}},
	{"the immortal are due", []string{"DueExact"}},
	{"due consumes", []string{"DueRepeats"}},
	{"due ignores touch", []string{"DueFollowsChanges", "Model"}},
	{"at most 100 due", []string{"DueLimited"}},
	{"due skips the empty key", []string{"DueOddKeys"}},
	{"never timed", []string{"Timed"}},
	{"drops version at reopening", []string{"StateSurvives", "Model"}},
	{"empty groups leave no stamp", []string{"EmptyGroupSurvives"}},
	{"reopen revives", []string{"RecordsSurvive", "Model"}},
	{"due index lost at reopening", []string{"DueSurvives"}},
	{"replays 64 groups", []string{"ManySurvive"}},
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
		if tiertest.CheckCase(name, toys(fault)) != nil {
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
	for _, name := range tiertest.CaseNames() {
		if !proven[name] {
			t.Errorf("case %s: no broken toy proves that it can fail", name)
		}
	}
}

func TestCheckNamesCaseAndReason(t *testing.T) {
	err := tiertest.Check(toys("usage forgets"))
	if err == nil {
		t.Fatal("Check of a broken toy: got nil, want an error")
	}
	for _, want := range []string{"Usage (Stats counts what is stored now", "Model (", "with seed 0x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check: got an error without %q", want)
		}
	}
	if names := tiertest.CaseNames(); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("CaseNames: got a name twice in %q", names)
	}
}
