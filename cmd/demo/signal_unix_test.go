//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const asDemo = "STRATA_TEST_AS_DEMO"

// TestMain lets the test binary be the command, for tests that signal it.
func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		os.Args = append(os.Args[:1], strings.Fields(os.Getenv(asDemo))...)
		main()
	}
	os.Exit(m.Run())
}

// startChild runs the command in a process of its own and returns once it
// serves.
func startChild(t *testing.T) (cmd *exec.Cmd, url string, stdout *bufio.Reader) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asDemo+"=-memory -addr 127.0.0.1:0")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout = bufio.NewReader(pipe)
	first, err := stdout.ReadString('\n')
	match := urlLine.FindStringSubmatch(first)
	if err != nil || match == nil {
		t.Fatalf("got %q, %v, want the URL", first, err)
	}
	return cmd, match[1], stdout
}

func TestSignalEndsCleanly(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, url, stdout := startChild(t)
		ask(t, "PUT", url+"/v1/kv/k", "v").want(t, 204)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(stdout)
		if err != nil || !strings.HasSuffix(string(rest), "drained and closed\n") {
			t.Errorf("%v: got %q, %v, want a word of the end", sig, rest, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: got %v, want exit code 0", sig, err)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	cmd, url, _ := startChild(t)
	// A request that never ends: its body does not come.
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PUT /v1/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// "100 Continue" says that the handler waits for the body.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("got %q, %v, want 100 Continue", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // the first signal took effect once nobody listens any more
		probe, err := net.Dial("tcp", conn.RemoteAddr().String())
		if err != nil {
			break
		}
		probe.Close()
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // what it says is read from the state
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("got %v, want an end by the second signal", cmd.ProcessState)
	}
}
