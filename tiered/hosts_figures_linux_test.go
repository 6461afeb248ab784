package tiered_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// The figures of many processes, measured by children of TestHostsFigures in
// alternating rounds:
//
//	STRATA_HOSTS_FIGURES=5 go test ./tiered -run TestHostsFigures -v

const (
	hostsFiguresEnv = "STRATA_HOSTS_FIGURES" // rounds
	hostsFigureEnv  = "STRATA_TEST_HOSTS_FIGURE"
)

// figureTask is what a child measures.
type figureTask struct {
	Dir, Shared string
	What        string // hit, load, write, idle
	Writers     int    // of write
	Bare        bool   // without L1 and L2
	Length      time.Duration
}

// figureSaid is what it answers.
type figureSaid struct {
	Role  string
	Each  time.Duration // of hit and load: one operation
	Rate  float64       // of write: operations a second
	CPU   time.Duration // used meanwhile
	Error string
}

const figureKeys = 20_000

func figureKey(i int) string { return fmt.Sprintf("figure:%06d", i) }

func figureOptions(t figureTask) *tiered.Options {
	o := &tiered.Options{SharedDir: t.Shared}
	if t.Bare {
		o.L1Bytes, o.L2Bytes = -1, -1
	}
	return o
}

// TestHostsFigureChild is a child of TestHostsFigures; alone it does nothing. For
// each line that it reads it measures once and answers by a line.
func TestHostsFigureChild(t *testing.T) {
	var task figureTask
	if json.Unmarshal([]byte(os.Getenv(hostsFigureEnv)), &task) != nil {
		t.Skip("runs as a child of TestHostsFigures")
	}
	s, err := tiered.Open(task.Dir, figureOptions(task))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fmt.Println("open")
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
		before := processorTime(t)
		said := measureFigure(s, task)
		said.CPU = processorTime(t) - before
		said.Role = s.Stats().Role.String()
		b, _ := json.Marshal(said)
		fmt.Println(string(b))
	}
}

func measureFigure(s *tiered.Store, task figureTask) (said figureSaid) {
	ctx := context.Background()
	fail := func(err error) {
		if err != nil && said.Error == "" {
			said.Error = err.Error()
		}
	}
	begun := time.Now()
	n := 0
	switch task.What {
	case "idle":
		time.Sleep(task.Length)
	case "hit":
		for ; n%1024 != 0 || time.Since(begun) < task.Length; n++ {
			fail(s.View(ctx, figureKey(1), func([]byte) error { return nil }))
		}
	case "load":
		for ; n%64 != 0 || time.Since(begun) < task.Length; n++ {
			_, err := s.Get(ctx, figureKey(rand.IntN(figureKeys)))
			fail(err)
		}
	case "write":
		var done atomic.Int64
		var failed atomic.Pointer[string]
		var wg sync.WaitGroup
		value := make([]byte, 300)
		for range task.Writers {
			wg.Go(func() {
				for time.Since(begun) < task.Length {
					if err := s.Set(ctx, figureKey(rand.IntN(figureKeys)), value, time.Hour); err != nil {
						text := err.Error()
						failed.Store(&text)
					}
					done.Add(1)
				}
			})
		}
		wg.Wait()
		if text := failed.Load(); text != nil {
			said.Error = *text
		}
		said.Rate = float64(done.Load()) / time.Since(begun).Seconds()
	}
	if n > 0 {
		said.Each = time.Since(begun) / time.Duration(n)
	}
	return said
}

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

func (s spread) String() string {
	slices.Sort(s)
	return fmt.Sprintf("%.4g (%.4g to %.4g)", s[len(s)/2], s[0], s[len(s)-1])
}

func TestHostsFigures(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv(hostsFiguresEnv))
	if err != nil {
		t.Skipf("%s says how many rounds", hostsFiguresEnv)
	}
	dir := t.TempDir() + "/store"
	task := func(what string, writers int, bare bool, length time.Duration) figureTask {
		return figureTask{Dir: dir, Shared: dir + "-shared", What: what, Writers: writers, Bare: bare, Length: length}
	}
	fillFigures(t, dir)
	const short, long = time.Second, 3 * time.Second
	ownerHit := startFigure(t, task("hit", 0, false, short))
	followerHit := startFigure(t, task("hit", 0, false, short))
	load := startFigure(t, task("load", 0, true, short))
	idle := startFigure(t, task("idle", 0, false, long))
	write := make([]*figureChild, 4)
	for i := range write {
		write[i] = startFigure(t, task("write", 16, false, long))
	}
	var hits, followerHits, ratio, loads, idles, rates spread
	for range rounds {
		a, b := ownerHit.measure("owner"), followerHit.measure("follower")
		hits, followerHits = append(hits, float64(a.Each)), append(followerHits, float64(b.Each))
		ratio = append(ratio, float64(b.Each)/float64(a.Each))
		loads = append(loads, float64(load.measure("follower").Each)/1000)
		idles = append(idles, 100*idle.measure("follower").CPU.Seconds()/long.Seconds())
		for _, c := range write {
			c.begin()
		}
		sum := 0.0
		for _, c := range write {
			sum += c.end("follower").Rate
		}
		rates = append(rates, sum)
	}
	t.Logf("View of an L1 hit: owner %v ns, follower %v ns, ratio %v", hits, followerHits, ratio)
	t.Logf("follower's Get from L3, no caches: %v µs", loads)
	t.Logf("idle follower: %v %% of a processor", idles)
	t.Logf("durable writes, 4 followers × 16 writers: %v a second", rates)
	one := oneProcess(t, rounds, long)
	t.Logf("durable writes, 1 process × 64 writers: %v a second", one)
	slices.Sort(rates)
	slices.Sort(one)
	t.Logf("ratio of the medians: %.2f", rates[len(rates)/2]/one[len(one)/2])
}

// oneProcess is the rate of 64 writers in one process, on a store of its own.
func oneProcess(t *testing.T, rounds int, length time.Duration) (rates spread) {
	dir := t.TempDir() + "/store"
	fillFigures(t, dir)
	c := startFigure(t, figureTask{Dir: dir, Shared: dir + "-shared", What: "write", Writers: 64, Length: length})
	for range rounds {
		rates = append(rates, c.measure("owner").Rate)
	}
	return rates
}

func fillFigures(t *testing.T, dir string) {
	t.Helper()
	s, err := tiered.Open(dir, &tiered.Options{SharedDir: dir + "-shared"})
	if err != nil {
		t.Fatal(err)
	}
	value := make([]byte, 300)
	for first := 0; first < figureKeys; first += 1000 {
		var b tiered.Batch
		for i := first; i < first+1000; i++ {
			b.Set(figureKey(i), value, time.Hour)
		}
		if err := s.Write(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
