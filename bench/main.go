// The bench compares strata with its peers, side by side:
//
//	go run ./bench -quick
//
// The comparison itself is a module of its own, bench/versus, so that the peers
// are no dependencies of the store. This command builds it and runs it with the
// same arguments, in the same directory; `go run ./bench -h` lists them. Its exit
// code is that of the comparison: 0 if every target is met, 1 if one is missed, 2
// if something went wrong (`go run` itself makes 1 of both).
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	temp, err := os.MkdirTemp("", "strata-bench-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(temp)
	here, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/stratakv/strata/bench").Output()
	if err != nil {
		return fail(fmt.Errorf("go list: %w; run it inside the repository", err))
	}
	program := filepath.Join(temp, "versus.exe")
	build := exec.Command("go", "-C", filepath.Join(strings.TrimSpace(string(here)), "versus"), "build", "-o", program, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fail(fmt.Errorf("go build: %w", err))
	}
	return pass(exec.Command(program, os.Args[1:]...), signals)
}

// pass runs cmd, passes signals on, and gives its exit code.
func pass(cmd *exec.Cmd, signals <-chan os.Signal) int {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				// It may have ended, or had the signal from the terminal as well.
				_ = cmd.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode()
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 2
}
