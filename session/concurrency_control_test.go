package session_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
)

// forgiving is a store that lets conditions of a batch pass which do not hold:
// over it a manager is one without what the condition is for.
type forgiving struct {
	*spy
	pass func(there bool) bool // whether a condition on a record that is there passes
}

func (f forgiving) Write(ctx context.Context, b *tiered.Batch) error {
	var rest tiered.Batch
	for op := range b.Ops() {
		switch op.Kind {
		case tier.OpCheck:
			_, err := f.whole.GetItem(ctx, op.Key)
			if err != nil && !errors.Is(err, tiered.ErrNotFound) {
				return err
			}
			if !f.pass(err == nil) {
				rest.Check(op.Key, op.Version)
			}
		case tier.OpDelete:
			rest.Delete(op.Key)
		case tier.OpSet:
			if !op.Until {
				panic("a batch with a ttl: forgiving does not know it")
			}
			rest.SetItem(tiered.Item{Key: op.Key, Value: op.Value, Expires: op.Expires})
		default:
			panic("an operation that forgiving does not know")
		}
	}
	return f.spy.Write(ctx, &rest)
}

// The interleavings tell a manager without one of its guards from a whole one.
func TestInterleavingsCatchAManagerWithout(t *testing.T) {
	controls := []struct {
		name   string
		pass   func(there bool) bool
		caught map[string]bool // pairs of deeds that must tell, and some that cannot
	}{
		{"nothing", func(bool) bool { return false }, map[string]bool{"set k, set own": false, "set k, destroy": false, "touch, destroy": false, "set k, renew": false}},
		{"the fence", func(there bool) bool { return !there }, map[string]bool{"set k, set own": false, "set k, destroy": true, "touch, destroy": true, "set k, renew": true}},
		{"the merge", func(there bool) bool { return there }, map[string]bool{"set k, set own": true, "set k, destroy": false, "touch, destroy": false, "set k, renew": true}},
		{"compare-and-set", func(bool) bool { return true }, map[string]bool{"set k, set own": true, "set k, destroy": true, "touch, destroy": true, "set k, renew": true}},
	}
	for _, control := range controls {
		for _, user := range []string{"", alice} {
			c := newContest(t, session.Merge, user, func(r session.Records) session.Records {
				return forgiving{r.(*spy), control.pass}
			})
			for pair, want := range control.caught {
				a, b, _ := strings.Cut(pair, ", ")
				some := append(deedsNamed(a), deedsNamed(b)...)
				_, err := everyOrder(func(choose func(int) int) error { return c.run(choose, some...) })
				if (err != nil) != want {
					t.Errorf("without %s, user %q: %s: got %v, want a fault: %v", control.name, user, pair, err, want)
				}
			}
		}
	}
}

// saysOf is what the phrases of the documentation's table say of the end of A
// and B, who both loaded the session before either saved.
var saysOf = map[string]func(w *world, a, b *request) bool{
	"B's k": func(w *world, _, b *request) bool { return w.sole().values["k"] == b.name },
	"A's k": func(w *world, a, _ *request) bool { return w.sole().values["k"] == a.name },
	"no k":  func(w *world, _, _ *request) bool { return w.sole().values["k"] == "" },
	"j":     func(w *world, _, b *request) bool { return w.sole().values[b.name] == b.name },
	"both": func(w *world, a, b *request) bool {
		v := w.sole().values
		return v["k"] == a.name && v[b.name] == b.name
	},
	"new id":     func(w *world, _, _ *request) bool { return w.live[original] == nil && w.sole().lineage == original },
	"one touch":  func(w *world, _, b *request) bool { return w.live[original].seen.Equal(b.at) },
	"gone":       func(w *world, _, _ *request) bool { return len(w.live) == 0 },
	"no error":   func(*world, *request, *request) bool { return true }, // as everywhere, but for
	"ErrRevoked": func(w *world, _, b *request) bool { return w.outcomes[b.name].err == session.ErrRevoked },
}

// sole gives the one session that there is, one without anything otherwise.
func (w *world) sole() *record {
	if len(w.live) == 1 {
		for _, rec := range w.live {
			return rec
		}
	}
	return &record{}
}

// The table of the package documentation and the oracle say the same.
func TestConcurrencyTableAgreesWithTheOracle(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(doc), "//\tA \\ B ")
	if !found {
		t.Fatal("doc.go has no table of concurrent requests")
	}
	table, _, _ = strings.Cut(table, "\n//\n")
	gap := regexp.MustCompile(`\s{2,}`)
	lines := strings.Split(table, "\n//\t")
	columns, cells := gap.Split(strings.TrimSpace(lines[0]), -1), 0
	for _, line := range lines[1:] {
		row := gap.Split(strings.TrimSpace(line), -1)
		if len(row) != len(columns)+1 {
			t.Fatalf("got %q in columns %q", row, columns)
		}
		for i, cell := range row[1:] {
			cells++
			for _, user := range []string{"", alice} {
				if text, bound := strings.CutSuffix(cell, " (*)"); !bound || user != "" {
					checkCell(t, user, row[0], columns[i], text)
				}
			}
		}
	}
	if cells != 30 {
		t.Errorf("got %d cells, want 30", cells)
	}
}

func checkCell(t *testing.T, user, nameA, nameB, cell string) {
	t.Helper()
	w := newWorld(user, false)
	var both []*request
	for i, name := range []string{nameA, nameB} {
		if name == "set j" {
			name = "set own"
		}
		d := deedsNamed(name)
		if len(d) != 1 {
			t.Fatalf("the table has %q, which no deed is named", name)
		}
		r := newRequest(string(rune('A'+i)), d[0])
		for _, call := range []string{"get", "change"} {
			r.step = step{call: call}
			w.step(r)
		}
		both = append(both, r)
	}
	for i, r := range both {
		r.at = r.at.AddDate(0, 0, i+1)
		r.step = step{call: "get"}
		w.step(r)
		w.save(r, r.at)
	}
	revoked := false
	for phrase := range strings.SplitSeq(cell, ", ") {
		says := saysOf[phrase]
		if says == nil {
			t.Fatalf("the table says %q, which means nothing here", phrase)
		}
		revoked = revoked || phrase == "ErrRevoked"
		if !says(w, both[0], both[1]) {
			t.Errorf("user %q: %s, then %s: the table says %q, the oracle leaves %v, %v", user, nameA, nameB, cell, w.live, w.outcomes)
		}
	}
	if err := w.outcomes["B"].err; (err != nil) != revoked {
		t.Errorf("user %q: %s, then %s: the table says %q, the oracle %v", user, nameA, nameB, cell, err)
	}
}
