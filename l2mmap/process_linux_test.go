package l2mmap_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
)

// hold takes the lock of a key's page, begins a change, and stays.
func hold(dir string, args []string, in *bufio.Reader) error {
	_, c, err := files(dir, nil)
	if err != nil {
		return err
	}
	if _, err := c.LockPage(hashOf(args[0])); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = in.ReadString('\n')
	return err
}

// TestKilledHolder: the next one to need the page of a killed process resets
// it, and loses nothing but that page.
func TestKilledHolder(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	put(t, c, "k", []byte("old"), 0, 0)
	other := ""
	for i := 0; other == ""; i++ {
		if c.PageOf(hashOf(key(i))) != c.PageOf(hashOf("k")) {
			other = key(i)
		}
	}
	put(t, c, other, []byte("v"), 0, 0)
	for _, write := range []string{"put", "remove", "fill"} {
		holder := spawn(t, nil, "hold", dir, "k")
		holder.line()
		if _, ok := get(c, "k", 0); ok {
			t.Error("get under an odd sequence: got a hit")
		}
		holder.kill()
		resets := c.Stats().Resets
		within(t, 10*time.Second, write+" after the kill", func() {
			var err error
			switch write {
			case "put":
				err = c.Put("k", hashOf("k"), []byte("new"), 0, 0)
			case "remove":
				err = c.Remove("k", hashOf("k"))
			case "fill":
				err = c.Fill("k", hashOf("k"), []byte("new"), 0, 0, l2mmap.Word(1<<16))
			}
			if err != nil {
				t.Errorf("%s after the kill: %v", write, err)
			}
		})
		if got := c.Stats().Resets - resets; got != 1 {
			t.Errorf("%s: got %d resets, want 1", write, got)
		}
		if frame, ok := get(c, "k", 0); ok != (write != "remove") || ok && string(frame) != "new" {
			t.Errorf("%s: got %q, %v", write, frame, ok)
		}
	}
	if _, ok := get(c, other, 0); !ok {
		t.Error("an entry of another page went too")
	}
}

// TestStoppedHolder: a stopped process is not dead. Writers give up in time,
// nothing is reset, and what it wrote at last is not lost.
func TestStoppedHolder(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	holder := spawn(t, nil, "hold", dir, "k")
	holder.line()
	if err := holder.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	fastest := time.Hour
	// A busy machine may take the processor away from many of them.
	for n, begun := 0, time.Now(); n < 5 || fastest > 10*time.Millisecond && time.Since(begun) < 20*time.Second; n++ {
		fastest = min(fastest, within(t, 10*time.Second, "put", func() {
			if err := c.Put("k", hashOf("k"), []byte("v"), 0, 0); err != l2mmap.ErrLockedPage {
				t.Errorf("put: got %v, want ErrLockedPage", err)
			}
		}))
	}
	if fastest < time.Millisecond || fastest > 10*time.Millisecond {
		t.Errorf("the fastest of the puts took %v, want about 1 ms", fastest)
	}
	if c.Stats().Resets != 0 {
		t.Error("the page of a stopped process was reset")
	}
	holder.kill()
	put(t, c, "k", []byte("v"), 0, 0)
}

// openOnce waits for a line, opens, and tells what it got.
func openOnce(dir string, _ []string, in *bufio.Reader) error {
	fmt.Println("ready")
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	control, c, err := files(dir, &l2mmap.PageOptions{Bytes: 1 << 20})
	if err != nil {
		return err
	}
	inodes := ""
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		if f := strings.Fields(line); len(f) > 5 && strings.HasPrefix(f[5], dir) {
			inodes += " " + f[4]
		}
	}
	fmt.Println("inodes" + inodes)
	_, err = in.ReadString('\n')
	_ = c.Close()
	_ = control.Close()
	return err
}

// TestFiftyOpenAtOnce: they share one inode of each file, each has a slot, and
// nothing but the files stays.
func TestFiftyOpenAtOnce(t *testing.T) {
	dir := memoryDir(t)
	n := 50
	if testing.Short() {
		n = 12
	}
	var openers []*child
	for range n {
		openers = append(openers, spawn(t, nil, "open", dir))
	}
	for _, o := range openers {
		o.line()
	}
	for _, o := range openers {
		_, _ = o.in.Write([]byte("go\n"))
	}
	first := ""
	for i, o := range openers {
		got := o.line()
		if i == 0 {
			first = got
		}
		if got != first || len(strings.Fields(got)) != 3 {
			t.Errorf("opener %d: got %q, the first %q", i, got, first)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want two files", entries, err)
	}
	for _, o := range openers {
		_, _ = o.in.Write([]byte("end\n"))
	}
}

const (
	litmusKeys = 16
	// litmusOptions make few pages, so that readers and writers meet.
	litmusBytes, litmusPageBytes = 36 << 10, 16 << 10
)

// litmusTime is 2 s, or STRATA_LITMUS.
func litmusTime(t *testing.T) time.Duration {
	limit := 2 * time.Second
	if text := os.Getenv("STRATA_LITMUS"); text != "" {
		var err error
		if limit, err = time.ParseDuration(text); err != nil {
			t.Fatalf("STRATA_LITMUS: %v", err)
		}
	} else if testing.Short() {
		limit = 500 * time.Millisecond
	}
	return limit
}

// litmusWriter puts frames until its input ends.
func litmusWriter(dir string, args []string, in *bufio.Reader) error {
	_, c, err := files(dir, nil)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() { _, _ = in.ReadString('\n'); close(stop) }()
	id, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(id, 0))
	for n := uint64(0); ; n++ {
		select {
		case <-stop:
			fmt.Println("writes", n)
			return nil
		default:
		}
		k := key(rng.IntN(litmusKeys))
		if err := c.Put(k, hashOf(k), frameOf(k, id<<48|n, 8+rng.IntN(2000)), 0, 0); err != nil && err != l2mmap.ErrLockedPage {
			return err
		}
	}
}

// litmusReader gets frames until its input ends.
func litmusReader(dir string, _ []string, in *bufio.Reader) error {
	_, c, err := files(dir, nil)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() { _, _ = in.ReadString('\n'); close(stop) }()
	accepted, wrong := 0, 0
	buf := make([]byte, 0, 4096)
	for i := 0; ; i++ {
		select {
		case <-stop:
			s := c.Stats()
			fmt.Println("reads", accepted, wrong, s.Torn, s.Faults)
			return nil
		default:
		}
		k := key(i % litmusKeys)
		if frame, _, ok := c.Get(buf, k, hashOf(k), at(0)); ok {
			accepted++
			if !whole(k, frame) {
				wrong++
			}
		}
	}
}

// TestLitmus: two writers and two readers in processes of their own on the same
// pages. Tearing happens; none of it is accepted, and the checksum never has to
// find it: faults would be copies that the sequence let through.
func TestLitmus(t *testing.T) {
	dir := memoryDir(t)
	_, c, _ := owner(t, dir, &l2mmap.PageOptions{Bytes: litmusBytes, PageBytes: litmusPageBytes})
	var writers, readers []*child
	for i := range 2 {
		writers = append(writers, spawn(t, nil, "write", dir, strconv.Itoa(i+1)))
		readers = append(readers, spawn(t, nil, "read", dir))
	}
	<-time.After(litmusTime(t))
	var accepted, wrong, torn, faults, writes int
	for _, r := range readers {
		_, _ = r.in.Write([]byte("end\n"))
		var a, w, to, f int
		if _, err := fmt.Sscanf(r.line(), "reads %d %d %d %d", &a, &w, &to, &f); err != nil {
			t.Fatal(err)
		}
		accepted, wrong, torn, faults = accepted+a, wrong+w, torn+to, faults+f
	}
	for _, w := range writers {
		_, _ = w.in.Write([]byte("end\n"))
		var n int
		if _, err := fmt.Sscanf(w.line(), "writes %d", &n); err != nil {
			t.Fatal(err)
		}
		writes += n
	}
	t.Logf("%d writes, %d reads accepted, %d torn copies rejected", writes, accepted, torn)
	if accepted == 0 || torn == 0 || writes == 0 || wrong != 0 || faults != 0 {
		t.Errorf("got %d accepted, %d torn rejected, %d wrong, %d faults, want some, some, 0, 0", accepted, torn, wrong, faults)
	}
	if err := c.Verify(); err != nil {
		t.Error(err)
	}
}
