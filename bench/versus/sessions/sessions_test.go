package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// One short round of everything. A store that keeps its clock while calls are
// counted makes a write of its own; among 200 requests that rounds away.
func TestOneRound(t *testing.T) {
	set := settings{rounds: 1, length: 20 * time.Millisecond, clients: 4, sessions: 4, counted: 200, dir: t.TempDir()}
	var out bytes.Buffer
	if _, err := run(t.Context(), &out, set); err != nil {
		t.Fatal(err)
	}
	calls := map[string][3]string{
		"no sessions":      {"– | –", "– | –", "– | –"},
		strata:             {"1.00 | 0.00", "1.00 | 0.10", "1.00 | 1.00"},
		"scs, adapter/scs": {"1.00 | 0.00", "1.00 | 0.10", "1.00 | 2.00"},
		memory:             {"1.00 | 0.00", "1.00 | 0.10", "1.00 | 2.00"},
		"scs, Redis":       {"1.00 | 0.00", "1.00 | 0.10", "1.00 | 2.00"},
	}
	_, missing := exec.LookPath("redis-server")
	for _, s := range systems {
		var rows []string
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "| "+s.name+" | ") {
				rows = append(rows, strings.TrimSpace(line))
			}
		}
		if len(rows) != len(loads) {
			t.Errorf("%s: got %d rows, want %d", s.name, len(rows), len(loads))
			continue
		}
		name, _, _ := strings.Cut(s.name, ", appendfsync")
		for i, row := range rows {
			switch redis := strings.Contains(name, "Redis"); {
			case redis && missing != nil:
				if !strings.Contains(row, "redis-server is not installed") {
					t.Errorf("got %q, want it to say that redis-server is missing", row)
				}
			case !strings.HasSuffix(row, "| "+calls[name][i]+" |"):
				t.Errorf("%s, %s: got %q, want the calls %s", s.name, loads[i].name, row, calls[name][i])
			}
		}
	}
	if !strings.Contains(out.String(), "\nTarget: ") {
		t.Error("no target is judged")
	}
	if left, err := os.ReadDir(set.dir); len(left) != 0 || err != nil {
		t.Errorf("%d files are left, %v", len(left), err)
	}
	t.Log("\n" + out.String())
}

// What the machine does not have is named, in every table.
func TestMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := openRedis("no")(t.Context(), t.TempDir(), false)
	if !errors.Is(err, errMissing) {
		t.Fatalf("got %v, want errMissing", err)
	}
	var out bytes.Buffer
	printTable(&out, []*entrant{{name: "scs, Redis", missing: err}})
	if n := strings.Count(out.String(), "not measured: redis-server is not installed"); n != len(loads) {
		t.Errorf("named %d times, want %d:\n%s", n, len(loads), &out)
	}
}

func TestTargets(t *testing.T) {
	reads := func(name string, rates ...float64) *entrant {
		e := &entrant{name: name, results: map[string][]result{}}
		for _, rate := range rates {
			e.results["read"] = append(e.results["read"], result{perSecond: rate})
		}
		return e
	}
	for _, tt := range []struct {
		mine, theirs []float64
		met          bool
		says         string
	}{
		{[]float64{90, 900, 9}, []float64{100, 1000, 10}, true, "Met: 0.90 [0.90–0.90]"},
		{[]float64{89, 900, 8}, []float64{100, 1000, 10}, false, "Missed: 0.89 [0.80–0.90]"},
		{[]float64{100, 50}, []float64{100, 100}, false, "Missed: 0.75 [0.50–1.00]"},
		{nil, nil, false, "Missed: –"},
	} {
		var out bytes.Buffer
		met := printTargets(&out, []*entrant{reads(memory, tt.theirs...), reads(strata, tt.mine...)})
		if met != tt.met || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%v of %v: got %v, %q, want %v, %q", tt.mine, tt.theirs, met, &out, tt.met, tt.says)
		}
	}
}

// An answer that is not the session's is an error, not a fast request.
func TestAnswersAreChecked(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"another user": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "mallory") },
		"nobody":       func(w http.ResponseWriter, _ *http.Request) {},
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, user)
		},
	} {
		if _, err := begin(context.Background(), h, 1, 1); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
