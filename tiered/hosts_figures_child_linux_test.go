package tiered_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stratakv/strata/internal/sessiondata"
	"github.com/stratakv/strata/l3bolt"
	"github.com/stratakv/strata/tiered"
)

const hostsFigureEnv = "STRATA_TEST_HOSTS_FIGURE"

// figureTask is what a child measures.
type figureTask struct {
	Dir, Shared string
	What        string        // hit, load, write, idle
	Data        string        // a figureData
	Writers     int           // of write
	Bare        bool          // without L1 and L2
	Lag         time.Duration // how much longer the journal's fdatasync takes than here
	Length      time.Duration
}

// figureSaid is what it answers.
type figureSaid struct {
	Role   string
	Each   time.Duration // of hit and load: one operation
	Rate   float64       // of write: operations a second
	Groups float64       // likewise: the store's groups a second, whoever's they are
	CPU    time.Duration // used meanwhile
	Error  string
}

// figureData is what a store of the figures holds.
type figureData struct {
	name   string
	keys   int
	values [][]byte
}

// newFigureData makes the data of that name: "small" are 20,000 values of 300
// zero bytes, "sessions" are 100,000 session records as JSON.
func newFigureData(name string) *figureData {
	if name == "small" {
		return &figureData{name: name, keys: 20_000, values: [][]byte{make([]byte, 300)}}
	}
	d := &figureData{name: name, keys: 100_000, values: make([][]byte, 1<<13)}
	source := sessiondata.New(7)
	for i := range d.values {
		d.values[i] = source.JSON(source.Size())
	}
	return d
}

func (d *figureData) key(i int) string { return fmt.Sprintf("figure:%06d", i) }

func (d *figureData) anyKey() string { return d.key(rand.IntN(d.keys)) }

func (d *figureData) anyValue() []byte { return d.values[rand.IntN(len(d.values))] }

// fill makes a store of all keys.
func (d *figureData) fill(t *testing.T, dir string) {
	t.Helper()
	s, err := tiered.Open(dir, &tiered.Options{SharedDir: dir + "-shared"})
	if err != nil {
		t.Fatal(err)
	}
	for first := 0; first < d.keys; first += 1000 {
		var b tiered.Batch
		for i := first; i < first+1000; i++ {
			b.Set(d.key(i), d.anyValue(), time.Hour)
		}
		if err := s.Write(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func figureOptions(t figureTask) *tiered.Options {
	o := &tiered.Options{SharedDir: t.Shared}
	if t.Bare {
		o.L1Bytes, o.L2Bytes = -1, -1
	}
	return o
}

func figureDisk(t figureTask) l3bolt.FS {
	if t.Lag == 0 {
		return nil
	}
	return &commandedDisk{lag: t.Lag}
}

// TestHostsFigureChild is a child of TestHostsFigures; alone it does nothing. For
// each line that it reads it measures once and answers by a line.
func TestHostsFigureChild(t *testing.T) {
	var task figureTask
	if json.Unmarshal([]byte(os.Getenv(hostsFigureEnv)), &task) != nil {
		t.Skip("runs as a child of TestHostsFigures")
	}
	s, err := tiered.OpenOn(t.Context(), task.Dir, figureOptions(task), figureDisk(task))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	data := newFigureData(task.Data)
	fmt.Println("open")
	in := bufio.NewReader(os.Stdin)
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
		before := processorTime(t)
		said := measureFigure(s, task, data)
		said.CPU = processorTime(t) - before
		said.Role = s.Stats().Role.String()
		b, _ := json.Marshal(said)
		fmt.Println(string(b))
	}
}

func measureFigure(s *tiered.Store, task figureTask, data *figureData) (said figureSaid) {
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
			fail(s.View(ctx, data.key(1), func([]byte) error { return nil }))
		}
	case "load":
		for ; n%64 != 0 || time.Since(begun) < task.Length; n++ {
			_, err := s.Get(ctx, data.anyKey())
			fail(err)
		}
	case "write":
		var err error
		groups := s.Stats().L3.Commits
		said.Rate, err = writeFigure(ctx, s, task, data)
		fail(err)
		said.Groups = float64(s.Stats().L3.Commits-groups) / time.Since(begun).Seconds()
	}
	if n > 0 {
		said.Each = time.Since(begun) / time.Duration(n)
	}
	return said
}

// writeFigure is how many writes a second are acknowledged.
func writeFigure(ctx context.Context, s *tiered.Store, task figureTask, data *figureData) (rate float64, err error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	begun := time.Now()
	for range task.Writers {
		wg.Go(func() {
			for time.Since(begun) < task.Length {
				if err := s.Set(ctx, data.anyKey(), data.anyValue(), time.Hour); err != nil {
					failed.Store(&err)
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if first := failed.Load(); first != nil {
		err = *first
	}
	return float64(done.Load()) / time.Since(begun).Seconds(), err
}
