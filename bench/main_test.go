//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestExitCodesAndSignalsPass(t *testing.T) {
	none := make(chan os.Signal)
	for script, want := range map[string]int{"exit 0": 0, "exit 1": 1, "exit 7": 7, "kill -9 $$": 2} {
		if got := pass(exec.Command("sh", "-c", script), none); got != want {
			t.Errorf("%s: got exit code %d, want %d", script, got, want)
		}
	}
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	// Without the signal it ends with 3 after a minute.
	script := `trap 'exit 5' TERM; n=0; while [ $n -lt 600 ]; do n=$((n+1)); sleep 0.1; done; exit 3`
	if got := pass(exec.Command("sh", "-c", script), signals); got != 5 && got != 2 {
		t.Errorf("got exit code %d, want 5 from the trap, or 2 if the signal came before it", got)
	}
}
