//go:build linux

package campaign_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

const (
	childEnv     = "STRATA_CAMPAIGN_CHILD"     // JSON of the child's task
	namespaceEnv = "STRATA_CAMPAIGN_NAMESPACE" // set: already in a mount namespace of its own
	sharedEnv    = "STRATA_CAMPAIGN_SHARED"    // SharedDir of all stores
)

// TestMain runs the tests of root in a mount namespace of their own: whatever
// becomes of them, their mounts go with them.
func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		os.Exit(childMain(task))
	}
	os.Exit(runTests(m))
}

// runTests returns the exit code. What stores share in memory goes with it:
// children that were killed cannot clean up.
func runTests(m *testing.M) int {
	if os.Getenv(sharedEnv) == "" {
		dir, err := os.MkdirTemp("/dev/shm", "strata-campaign-")
		if err != nil {
			dir, err = os.MkdirTemp("", "strata-campaign-")
		}
		if err == nil {
			err = os.Setenv(sharedEnv, dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
	}
	if os.Geteuid() == 0 && os.Getenv(namespaceEnv) == "" {
		if code, ran := runInNamespace(); ran {
			return code
		}
	}
	return m.Run()
}

// runInNamespace runs this program again in a namespace; ran is false where
// there is none to be had.
func runInNamespace() (code int, ran bool) {
	runtime.LockOSThread() // the death signal is bound to the thread
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), namespaceEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, false
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode(), true
	}
	fmt.Fprintln(os.Stderr, "tests in a mount namespace:", err)
	return 1, true
}

// need skips the test unless it runs as root and finds all tools; in CI as
// root a missing tool is a failure.
func need(t *testing.T, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount file systems")
	}
	if os.Getenv(namespaceEnv) == "" {
		missing(t, "no mount namespace of its own to be had")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, "%s is not installed", tool)
		}
	}
}

func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// rounds is how often the campaign goes round: n, or what name says.
func rounds(t *testing.T, name string, n int) int {
	t.Helper()
	if v := os.Getenv(name); v != "" {
		set, err := strconv.Atoi(v)
		if err != nil || set < 1 {
			t.Fatalf("%s is %q, want a number above 0", name, v)
		}
		return set
	}
	return n
}

func length(t *testing.T, name string, d time.Duration) time.Duration {
	t.Helper()
	if v := os.Getenv(name); v != "" {
		set, err := time.ParseDuration(v)
		if err != nil || set <= 0 {
			t.Fatalf("%s is %q, want a duration above 0", name, v)
		}
		return set
	}
	return d
}

// newRand is seeded by STRATA_SEED or by chance, and says by what.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if v := os.Getenv("STRATA_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatalf("STRATA_SEED: %v", err)
		}
	}
	t.Logf("STRATA_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
