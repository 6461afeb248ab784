package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// childVariable holds what a process that this program started as its child is
// to do, in words: one of the names below, and what it needs.
const childVariable = "STRATA_BENCH_CHILD"

const (
	childMemory = "memory" // directory, shared directory, L1Bytes, records, values
	childWriter = "writer" // directory, shared directory, records, values, milliseconds
)

// separator stands between the words; directories may have spaces.
const separator = "\x1f"

// child does what a child is started for. done is false in any other process.
func child() (done bool, code int) {
	text, is := os.LookupEnv(childVariable)
	if !is {
		return false, 0
	}
	if err := doChild(context.Background(), strings.Split(text, separator)); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return true, 2
	}
	return true, 0
}

func doChild(ctx context.Context, words []string) error {
	numbers := make([]int, len(words))
	for i, w := range words {
		numbers[i], _ = strconv.Atoi(w) // those that are used are numbers
	}
	switch {
	case words[0] == childMemory && len(words) == 6:
		return reportMemory(ctx, words[1], words[2], int64(numbers[3]), numbers[4], numbers[5])
	case words[0] == childWriter && len(words) == 6:
		return writeForEver(ctx, words[1], words[2], numbers[3], numbers[4], time.Duration(numbers[5])*time.Millisecond)
	}
	return fmt.Errorf("what is %q?", words)
}

// command makes a child. It dies with this process, and with ctx.
func (b *bench) command(ctx context.Context, words ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(words, separator))
	cmd.Stderr = b.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, nil
}

// runChild gives what a child prints.
func (b *bench) runChild(ctx context.Context, words ...string) (string, error) {
	cmd, err := b.command(ctx, words...)
	if err != nil {
		return "", err
	}
	out, err := cmd.Output()
	return string(out), err
}

// killed starts a child, waits for its first line and kills it.
func (b *bench) killed(ctx context.Context, words ...string) (line string, err error) {
	cmd, err := b.command(ctx, words...)
	if err != nil {
		return "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, err = bufio.NewReader(out).ReadString('\n')
	killErr := cmd.Process.Kill()
	_, copyErr := io.Copy(io.Discard, out)
	var exit *exec.ExitError
	if waitErr := cmd.Wait(); !errors.As(waitErr, &exit) {
		err = errors.Join(err, waitErr)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the child ended before it was killed")
	}
	return strings.TrimSpace(line), errors.Join(err, killErr, copyErr, ctx.Err())
}
