package tiered_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// The figures of many processes, measured by children of TestHostsFigures in
// alternating rounds:
//
//	STRATA_HOSTS_FIGURES=5 go test ./tiered -run TestHostsFigures -v

const hostsFiguresEnv = "STRATA_HOSTS_FIGURES" // rounds

// figureChild is a child that measures when it is told to.
type figureChild struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startFigure(t *testing.T, task figureTask) *figureChild {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestHostsFigureChild$")
	cmd.Env = append(os.Environ(), hostsFigureEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	c := &figureChild{t: t, in: in, out: bufio.NewReader(out)}
	if line, err := c.out.ReadString('\n'); line != "open\n" {
		t.Fatalf("a child said %q, %v", line, err)
	}
	return c
}

func (c *figureChild) begin() {
	if _, err := io.WriteString(c.in, "go\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *figureChild) end(role string) figureSaid {
	c.t.Helper()
	line, err := c.out.ReadBytes('\n')
	var said figureSaid
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil || said.Error != "" || said.Role != role {
		c.t.Fatalf("a child said %q (%v), want a measurement of a %s", line, err, role)
	}
	return said
}

func (c *figureChild) measure(role string) figureSaid { c.begin(); return c.end(role) }

// spread is the median of figures, with the least and the greatest.
type spread []float64

func (s spread) median() float64 {
	slices.Sort(s)
	return s[len(s)/2]
}

func (s spread) String() string {
	return fmt.Sprintf("%.4g (%.4g to %.4g)", s.median(), slices.Min(s), slices.Max(s))
}

// figureStore is a store of some data, filled, for one set of processes.
type figureStore struct {
	t    *testing.T
	data *figureData
	dir  string
}

func newFigureStore(t *testing.T, data *figureData) *figureStore {
	s := &figureStore{t: t, data: data, dir: t.TempDir() + "/store"}
	data.fill(t, s.dir)
	return s
}

func (s *figureStore) start(what string, bare bool, length time.Duration) *figureChild {
	return startFigure(s.t, figureTask{
		Dir: s.dir, Shared: s.dir + "-shared", What: what, Data: s.data.name, Bare: bare, Length: length,
	})
}

func (s *figureStore) startWriting(writers int, lag time.Duration) *figureChild {
	return startFigure(s.t, figureTask{
		Dir: s.dir, Shared: s.dir + "-shared", What: "write", Data: s.data.name, Writers: writers, Lag: lag, Length: figureLong,
	})
}

// How long a measurement of one round takes.
const figureShort, figureLong = time.Second, 3 * time.Second

func figureRounds(t *testing.T) int {
	rounds, err := strconv.Atoi(os.Getenv(hostsFiguresEnv))
	if err != nil {
		t.Skipf("%s says how many rounds", hostsFiguresEnv)
	}
	return rounds
}

func TestHostsFigures(t *testing.T) {
	rounds := figureRounds(t)
	t.Run("reads", func(t *testing.T) { readFigures(t, rounds) })
	for _, name := range []string{"small", "sessions"} {
		for _, lag := range []time.Duration{0, time.Millisecond} {
			t.Run(fmt.Sprintf("%s, %v more a sync", name, lag), func(t *testing.T) {
				writeFigures(t, rounds, newFigureData(name), lag)
			})
		}
	}
}

func readFigures(t *testing.T, rounds int) {
	s := newFigureStore(t, newFigureData("small"))
	ownerHit := s.start("hit", false, figureShort)
	followerHit := s.start("hit", false, figureShort)
	load := s.start("load", true, figureShort)
	idle := s.start("idle", false, figureLong)
	var hits, followerHits, ratio, loads, idles spread
	for range rounds {
		a, b := ownerHit.measure("owner"), followerHit.measure("follower")
		hits, followerHits = append(hits, float64(a.Each)), append(followerHits, float64(b.Each))
		ratio = append(ratio, float64(b.Each)/float64(a.Each))
		loads = append(loads, float64(load.measure("follower").Each)/1000)
		idles = append(idles, 100*idle.measure("follower").CPU.Seconds()/figureLong.Seconds())
	}
	t.Logf("View of an L1 hit: owner %v ns, follower %v ns, ratio %v", hits, followerHits, ratio)
	t.Logf("follower's Get from L3, no caches: %v µs", loads)
	t.Logf("idle follower: %v %% of a processor", idles)
}

// writeFigures compares 64 writers in one process with 16 in each of four, one of
// which owns the store. Syncs take lag longer than here: the fewer there are in a
// second, the less counts what a message costs.
func writeFigures(t *testing.T, rounds int, data *figureData, lag time.Duration) {
	shared, alone := newFigureStore(t, data), newFigureStore(t, data)
	four := make([]*figureChild, 4) // the first owns
	for i := range four {
		four[i] = shared.startWriting(16, lag)
	}
	one := alone.startWriting(64, lag)
	var rates, groups, oneRates, oneGroups spread
	for range rounds {
		var all figureSaid
		for _, c := range four {
			c.begin()
		}
		role := "owner"
		for _, c := range four {
			said := c.end(role)
			role = "follower"
			all.Rate += said.Rate
			all.Groups += said.Groups / float64(len(four))
		}
		rates, groups = append(rates, all.Rate), append(groups, all.Rate/all.Groups)
		said := one.measure("owner")
		oneRates, oneGroups = append(oneRates, said.Rate), append(oneGroups, said.Rate/said.Groups)
	}
	t.Logf("durable writes, 4 processes × 16 writers: %v a second, %v in a group", rates, groups)
	t.Logf("durable writes, 1 process × 64 writers: %v a second, %v in a group", oneRates, oneGroups)
	t.Logf("ratio of the medians: %.2f", rates.median()/oneRates.median())
}
