package l2mmap_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stratakv/strata/l2mmap"
)

// roleVariable makes the test binary a child that plays a role.
const roleVariable = "STRATA_L2MMAP_ROLE"

// roles are what a child can be: it gets its directory and arguments, and talks
// to its parent by lines.
var roles = map[string]func(dir string, args []string, in *bufio.Reader) error{}

func TestMain(m *testing.M) {
	roles["hold"] = hold
	roles["pledge"] = pledgeChild
	roles["open"] = openOnce
	roles["write"] = litmusWriter
	roles["read"] = litmusReader
	roles["full"] = onFullDisk
	roles["count"] = countUp
	roles["little"] = inLittleMemory
	if name := os.Getenv(roleVariable); name != "" {
		if err := roles[name](os.Args[1], os.Args[2:], bufio.NewReader(os.Stdin)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is a process that plays a role.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// spawn starts a child; it is killed at the end of the test if it is still
// there.
func spawn(t *testing.T, attr *syscall.SysProcAttr, role, dir string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{dir}, args...)...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = attr
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
	c := &child{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(c.kill)
	return c
}

// kill ends the child by SIGKILL and waits for its end.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	}
}

// line waits for the child's next line.
func (c *child) line() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("child: %q, %v", line, err)
	}
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "error:") {
		c.t.Fatalf("child: %s", line)
	}
	return line
}

// files opens control and page file in dir, unbound.
func files(dir string, opts *l2mmap.PageOptions) (*l2mmap.Control, *l2mmap.Cache, error) {
	control, err := l2mmap.OpenControl(dir, controlOptions())
	if err != nil {
		return nil, nil, err
	}
	if !control.Shared() {
		return nil, nil, fmt.Errorf("control file is not shared: %w", control.Why())
	}
	c, err := l2mmap.Open(dir, control, opts)
	if err != nil {
		_ = control.Close()
		return nil, nil, err
	}
	return control, c, nil
}

// owner opens control and page file in dir, and binds them.
func owner(t testing.TB, dir string, opts *l2mmap.PageOptions) (*l2mmap.Control, *l2mmap.Cache, l2mmap.Bound) {
	t.Helper()
	control, c, err := files(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = control.Close() })
	s := control.State()
	bound, err := control.Bind(l2mmap.Truth{Opening: s.Opening + 1, Previous: s.Opening, Version: s.Version, BootID: "boot"}, c)
	if err != nil {
		t.Fatal(err)
	}
	return control, c, bound
}

// memoryDir is a directory in memory, where pages are as they will be used.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "l2mmap-test-")
	if err != nil {
		return private(t, t.TempDir())
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// private makes dir the user's alone.
func private(t testing.TB, dir string) string {
	t.Helper()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// within fails the test if fn takes longer.
func within(t *testing.T, limit time.Duration, what string, fn func()) time.Duration {
	t.Helper()
	start := time.Now()
	fn()
	took := time.Since(start)
	if took > limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
	return took
}
