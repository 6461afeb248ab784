//go:build linux && !race

package l1_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stratakv/strata/l1"
)

const rssBudget = 64 << 20

// residentBytes is the memory that the process has of the machine.
func residentBytes() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		panic(err)
	}
	return pages * int64(os.Getpagesize())
}

// liveBytes is the heap that is in use after a collection.
func liveBytes() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// growth is what a child process reports, in times of the budget. Turned over:
// filled three times more; then random evictions have left holes in what the
// garbage collector let the heap grow to.
type growth struct {
	entries                                        int64
	residentFull, liveOver, residentOver, peakOver float64
}

// A process that fills a cache grows by no more than 1.3 times the budget, with
// all that ristretto takes, and with the garbage that is left of entries filled as
// fast as they can be; and what lives is within the budget however often the content
// turns over.
func TestResidentMemory(t *testing.T) {
	if size := os.Getenv("STRATA_L1_RSS"); size != "" {
		reportGrowth(size)
		return
	}
	sizes := []int{0, 16, 200, 1000, 4096, 12_000, 30_000, 100_000, 300_000}
	if testing.Short() {
		sizes = []int{200, 4096, 100_000}
	}
	for _, size := range sizes {
		cmd := exec.Command(os.Args[0], "-test.run=^TestResidentMemory$")
		cmd.Env = append(os.Environ(), fmt.Sprint("STRATA_L1_RSS=", size))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var g growth
		if _, err := fmt.Sscan(string(out), &g.entries, &g.residentFull, &g.liveOver, &g.residentOver, &g.peakOver); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("values of %6d bytes: %6d entries; full: resident %.2f; turned over: live %.2f, resident %.2f, with garbage %.2f times the budget",
			size, g.entries, g.residentFull, g.liveOver, g.residentOver, g.peakOver)
		live := float64(l1.LiveShare(rssBudget)) / rssBudget
		if g.residentFull > 1.3*live || g.residentFull < 0.7*live {
			t.Errorf("values of %d bytes: got %.2f times the budget resident when full, want about %.2f", size, g.residentFull, live)
		}
		if g.liveOver > 1.1*live || g.liveOver < 0.7*live {
			t.Errorf("values of %d bytes: got %.2f times the budget live, want about %.2f", size, g.liveOver, live)
		}
		if g.peakOver > 1.3 {
			t.Errorf("values of %d bytes: got %.2f times the budget resident under turnover, want at most 1.3", size, g.peakOver)
		}
	}
}

func reportGrowth(size string) {
	n, err := strconv.Atoi(size)
	if err != nil {
		panic(err)
	}
	live := liveBytes()
	resident := residentBytes()
	times := func(bytes int64) float64 { return float64(bytes) / rssBudget }
	c, err := l1.New(l1.Options{Bytes: rssBudget})
	if err != nil {
		panic(err)
	}
	each := l1.Size(l1.Entry{Key: fmt.Sprintf("k:%016x", 0), Value: make([]byte, n)})
	fillSettled(c, "k", int(l1.LiveShare(rssBudget)*98/100/each), n)
	debug.FreeOSMemory()
	full := residentBytes() - resident
	for i := range 3 {
		fillSettled(c, fmt.Sprint(i), int(rssBudget/each), n)
	}
	peak := residentBytes() - resident
	over := liveBytes() - live
	fmt.Println(c.Stats().Entries, times(full), times(over), times(residentBytes()-resident), times(peak))
	c.Close()
}
