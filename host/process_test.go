//go:build linux || darwin

package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/host"
	"github.com/stratakv/strata/tiered/tier"
)

// childEnv makes the test binary a process of a store: its value is the
// directory. childMode says more: "blind" leaves the tickets out.
const (
	childEnv  = "STRATA_HOST_CHILD"
	childMode = "STRATA_HOST_MODE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := childMain(dir, os.Getenv(childMode)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childMain is a process with 8 writers, until it gets SIGTERM. What each write
// came to stands in a file, a line each.
func childMain(dir, mode string) error {
	s := toyStore{dir: dir, blind: mode == "blind", after: func(context.Context) error {
		time.Sleep(200 * time.Microsecond) // so that a kill falls between applied and answered
		return nil
	}}
	n, err := host.Open(context.Background(), dir, options(s))
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	report, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("report.%d", os.Getpid())), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	ended := make(chan struct{})
	const writers = 8
	for w := range writers {
		go func() {
			defer func() { ended <- struct{}{} }()
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), w, i)
				_, err := n.Write(context.Background(), []tier.Op{set(key, "v")})
				switch {
				case err == nil:
					_, _ = report.WriteString("acked " + key + "\n")
				case errors.Is(err, tier.ErrUnknownOutcome):
					_, _ = report.WriteString("unknown " + key + "\n")
				default:
					_, _ = report.WriteString("fault " + err.Error() + "\n")
				}
			}
		}()
	}
	for range writers {
		<-ended
	}
	return n.Close()
}

// child is a process of a store.
type child struct {
	cmd *exec.Cmd
}

func startChild(t testing.TB, binary, dir, mode string) *child {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childMode+"="+mode)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("child: got %q, %v", line, err)
	}
	return c
}

func (c *child) kill(t testing.TB) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
}

// stop stops a child, and returns when it stands.
func (c *child) stop(t testing.TB) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	for !status.Stopped() {
		_, err := syscall.Wait4(c.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			t.Fatal(err)
		}
	}
}

// end ends a child in order.
func (c *child) end(t testing.TB) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
}

// verdicts of what the children reported, against the log.
type verdicts struct {
	acked, unknown, lost, twice int
	faults                      []string
}

func judge(t testing.TB, dir string) (v verdicts) {
	t.Helper()
	counts := applied(t, dir)
	for _, n := range counts {
		if n > 1 {
			v.twice++
		}
	}
	reports, err := filepath.Glob(filepath.Join(dir, "report.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range reports {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(f)
		for {
			line, err := r.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break
			}
			what, key, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			switch what {
			case "acked":
				v.acked++
				if counts[key] == 0 {
					v.lost++
				}
			case "unknown":
				v.unknown++
			default:
				v.faults = append(v.faults, key)
			}
		}
		_ = f.Close()
	}
	return v
}

// killOwners kills the owner of dir so many times under load, starts another
// process each time, and returns how long a follower's write was held up by it.
func killOwners(t testing.TB, dir, mode string, kills int) []time.Duration {
	t.Helper()
	children := make(map[int]*child)
	start := func() {
		c := startChild(t, os.Args[0], dir, mode)
		children[c.cmd.Process.Pid] = c
	}
	for range 3 {
		start()
	}
	s := toyStore{dir: dir}
	o := options(s)
	o.Role = host.RoleFollower
	n := open(t, s, o)
	var held []time.Duration
	for i := range kills {
		eventually(t, "an owner", func() bool { return children[n.Status().Hello.PID] != nil })
		pid := n.Status().Hello.PID
		begun := time.Now()
		children[pid].kill(t)
		delete(children, pid)
		if _, err := n.Write(t.Context(), []tier.Op{set(fmt.Sprintf("probe/%d", i), "v")}); err != nil {
			t.Errorf("a write over a takeover: %v", err)
		}
		held = append(held, time.Since(begun))
		start()
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range children {
		c.end(t)
	}
	return held
}

// Invariant 4: nothing acknowledged is lost and nothing is applied twice when
// owners are killed.
func TestKilledOwners(t *testing.T) {
	kills := 10
	if testing.Short() {
		kills = 4
	}
	dir := t.TempDir()
	held := killOwners(t, dir, "", kills)
	v := judge(t, dir)
	if v.lost > 0 || v.twice > 0 || v.unknown > 0 || len(v.faults) > 0 || v.acked == 0 {
		t.Errorf("got %+v, want acknowledged ones alone", v)
	}
	t.Logf("%d acknowledged, takeovers %v", v.acked, held)
}

// The same without tickets must be caught.
func TestBlindResendIsCaught(t *testing.T) {
	for range 10 {
		dir := t.TempDir()
		killOwners(t, dir, "blind", 3)
		if v := judge(t, dir); v.twice > 0 {
			return
		}
	}
	t.Error("writes that were sent twice without a ticket were applied once: the test sees nothing")
}

// Guarantees 1 and 6: a stopped owner stays the owner.
func TestStoppedOwner(t *testing.T) {
	s := toyStore{dir: t.TempDir()}
	c := startChild(t, os.Args[0], s.dir, "")
	o := options(s)
	o.Limits.Answer = 500 * time.Millisecond
	n := open(t, s, o)
	if n.Status().Role != host.RoleFollower {
		t.Fatalf("got %v, want a follower", n.Status().Role)
	}
	c.stop(t)
	if _, _, err := n.Load(t.Context(), "a"); !errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("load: got %v, want ErrUnavailable", err)
	}
	if _, err := n.Write(t.Context(), []tier.Op{set("stopped", "v")}); !errors.Is(err, tier.ErrUnknownOutcome) {
		t.Errorf("write: got %v, want ErrUnknownOutcome", err)
	}
	if _, err := n.DeleteExpired(t.Context()); !errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("delete expired: got %v, want ErrUnavailable", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond) // less than the limit
	defer cancel()
	if _, err := n.Write(ctx, []tier.Op{set("stopped too", "v")}); !errors.Is(err, tier.ErrUnknownOutcome) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write with a context: got %v, want ErrUnknownOutcome and the context's", err)
	}
	if _, _, err := n.Load(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, tier.ErrUnavailable) {
		t.Errorf("load with a context that ended: got %v, want its error", err)
	}
	if _, err := host.Open(t.Context(), s.dir, o); !errors.Is(err, tier.ErrLocked) {
		t.Errorf("a third process: got %v, want ErrLocked", err)
	}
	if n.Status().Role != host.RoleFollower {
		t.Errorf("a stopped owner lost its followers: %v", n.Status().Role)
	}
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	tries := 0
	eventually(t, "a write after SIGCONT", func() bool {
		tries++
		_, err := n.Write(t.Context(), []tier.Op{set(fmt.Sprint("continued ", tries), "v")})
		return err == nil
	})
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	c.end(t)
	if v := judge(t, s.dir); v.twice > 0 || len(v.faults) > 0 {
		t.Errorf("got %+v, want no faults", v)
	}
}
