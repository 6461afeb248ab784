package certmagic_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/certmagic"
	"github.com/stratakv/strata/tiered"
)

// childDir names the store of a child that is to be killed.
const childDir = "STRATA_CERTMAGIC_CHILD"

const childLease = 2 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// openDir opens the store in dir, which leaves nothing elsewhere.
func openDir(dir string) (*tiered.Store, error) {
	return tiered.Open(dir, &tiered.Options{L2Bytes: 1 << 20, SharedDir: filepath.Join(dir, "shared")})
}

// child takes a lock, says so, and waits to be killed.
func child(dir string) error {
	db, err := openDir(dir)
	if err != nil {
		return err
	}
	s, err := certmagic.New(db, &certmagic.Options{Lease: childLease})
	if err != nil {
		return err
	}
	if err := s.Lock(context.Background(), "name"); err != nil {
		return err
	}
	if err := s.Store(context.Background(), "dir/key", []byte("value")); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = os.Stdin.Read(make([]byte, 1)) // ends if the parent does
	return err
}

// TestKilledOwner: the owner of a lock is killed. What it stored is there, its
// lock is held until its lease is over, and then it is free.
func TestKilledOwner(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	if err := cmd.Start(); err != nil {
		t.Skipf("no child processes here: %v", err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	cmd.Process.Kill()
	cmd.Wait()
	killed := time.Now()
	if line != "locked\n" {
		t.Fatalf("the child said %q", line)
	}

	db, err := openDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := newStorage(t, db, nil)
	if got, err := s.Load(t.Context(), "dir/key"); err != nil || string(got) != "value" {
		t.Errorf("got %q, %v; want what the child had stored", got, err)
	}
	if time.Since(killed) < childLease/2 && tryLock(t, s) {
		t.Error("the lock was free at once")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Lock(ctx, "name"); err != nil {
		t.Fatal(err)
	}
	// It was made after asked, and prolonged before killed at the latest.
	if got := time.Since(asked); got < childLease {
		t.Errorf("taken %v after the child's start, want its lease of %v kept", got, childLease)
	}
	if got := time.Since(killed); got > childLease+30*time.Second {
		t.Errorf("taken %v after the kill, want about %v", got, childLease)
	}
}
