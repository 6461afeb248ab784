package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stratakv/strata/tiered"
)

// heldStore lets a Delete begin and end when the test says so.
type heldStore struct {
	store
	begun, release chan struct{}
}

func newHeldStore() *heldStore {
	return &heldStore{begun: make(chan struct{}), release: make(chan struct{})}
}

func (h *heldStore) Delete(ctx context.Context, _ string) error {
	h.begun <- struct{}{}
	select {
	case <-h.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serveHeld serves h until stop is called; ended gives serveUntil's result.
func serveHeld(t *testing.T, h *heldStore, drain time.Duration) (addr string, stop func(), ended chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	srv := newServer(newService(h, log).handler(""), log)
	ctx, cancel := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- serveUntil(ctx, srv, ln, drain) }()
	return ln.Addr().String(), cancel, ended
}

func sendDelete(addr string) chan any {
	answer := make(chan any, 1)
	go func() {
		req, _ := http.NewRequest("DELETE", "http://"+addr+"/v1/kv/k", nil)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			answer <- err
			return
		}
		resp.Body.Close()
		answer <- resp.StatusCode
	}()
	return answer
}

func TestDrainLosesNoRequest(t *testing.T) {
	h := newHeldStore()
	addr, stop, ended := serveHeld(t, h, time.Minute)
	const running = 8
	var answers []chan any
	for range running {
		answers = append(answers, sendDelete(addr))
		<-h.begun
	}
	stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("got the end (%v) with requests running", err)
	default:
	}
	close(h.release)
	for _, answer := range answers {
		if got := <-answer; got != http.StatusNoContent {
			t.Errorf("got %v, want 204", got)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestDrainHasAnEnd(t *testing.T) {
	h := newHeldStore()
	addr, stop, ended := serveHeld(t, h, time.Millisecond)
	answer := sendDelete(addr)
	<-h.begun
	stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("got %v, want it said that requests were cut off", err)
	}
	if _, isErr := (<-answer).(error); !isErr {
		t.Error("got an answer of a request that was cut off")
	}
}

func TestBadCommandLines(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		args []string
		code int
		say  string
	}{
		{"unknown flag", []string{"-bogus"}, 2, "-bogus"},
		{"unknown command", []string{"lod"}, 2, `"lod"`},
		{"an argument too many", []string{"-memory", "x"}, 2, `"x"`},
		{"contradiction", []string{"-memory", "-dir", "x"}, 2, "exclude"},
		{"address without port", []string{"-memory", "-addr", "8080"}, 2, "host:port"},
		{"port in use", []string{"-memory", "-addr", taken.Addr().String()}, 1, taken.Addr().String()},
		{"directory below a file", []string{"-addr", "127.0.0.1:0", "-dir", filepath.Join(file, "x")}, 1, "directory of the store"},
		{"directory is a file", []string{"-addr", "127.0.0.1:0", "-dir", file}, 1, "directory of the store"},
		{"load: bad part", []string{"load", "-write", "110%"}, 2, "110%"},
		{"load: not a number", []string{"load", "-write", "NaN"}, 2, "NaN"},
		{"load: no workers", []string{"load", "-c", "0"}, 2, "-c"},
		{"load: no keys", []string{"load", "-keys", "0"}, 2, "-keys"},
		{"load: no time", []string{"load", "-d", "0s"}, 2, "-d"},
		{"load: bad URL", []string{"load", "-url", "localhost:8080"}, 2, "localhost:8080"},
		{"load: nobody there", []string{"load", "-url", "http://127.0.0.1:1"}, 1, "refused"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code {
				t.Errorf("got exit code %d, want %d", code, c.code)
			}
			if said := stderr.String(); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "demo: ") || !strings.Contains(said, c.say) {
				t.Errorf("got %q, want one line with %q", said, c.say)
			}
		})
	}
	for _, args := range [][]string{{"-h"}, {"load", "-h"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 || stderr.Len() != 0 || !strings.Contains(stdout.String(), "usage: demo") {
			t.Errorf("%q: got %d, %q, %q", args, code, stdout.String(), stderr.String())
		}
	}
}

var urlLine = regexp.MustCompile(`^strata demo on (http://127\.0\.0\.1:\d+)/\n`)

// startDemo runs the command and returns its URL once it serves.
func startDemo(t *testing.T, args ...string) (url string, end func() (code int, stdout, stderr string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stdout, stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append(args, "-addr", "127.0.0.1:0"), w, &stderr)
		w.Close()
	}()
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		stdout.Write(buf[:n])
		if match := urlLine.FindStringSubmatch(stdout.String()); match != nil {
			url = match[1]
			break
		}
		if err != nil {
			t.Fatalf("got no URL: %s%s", stdout.String(), stderr.String())
		}
	}
	copied := make(chan struct{})
	go func() { io.Copy(&stdout, r); close(copied) }()
	return url, func() (int, string, string) {
		cancel()
		c := <-code
		<-copied
		return c, stdout.String(), stderr.String()
	}
}

// TestTwoDemosShareADirectory: what one takes the other gives, and goes on giving
// when the first one has ended.
func TestTwoDemosShareADirectory(t *testing.T) {
	dir := t.TempDir()
	one, endOne := startDemo(t, "-dir", dir)
	two, endTwo := startDemo(t, "-dir", dir)
	ask(t, "PUT", one+"/v1/kv/k?ttl=1h", "value").want(t, 204)
	if got := ask(t, "GET", two+"/v1/kv/k", ""); got.body != "value" {
		t.Errorf("beside it: got %d %q, want what was put", got.status, got.body)
	}
	if code, _, stderr := endOne(); code != 0 {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
	ask(t, "PUT", two+"/v1/kv/k?ttl=1h", "later").want(t, 204)
	if got := ask(t, "GET", two+"/v1/kv/k", ""); got.body != "later" {
		t.Errorf("after its end: got %d %q, want what was put", got.status, got.body)
	}
	if code, _, stderr := endTwo(); code != 0 {
		t.Errorf("got exit code %d: %s", code, stderr)
	}
}

func TestDemoKeepsRecordsOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	url, end := startDemo(t, "-dir", dir)
	put := ask(t, "PUT", url+"/v1/kv/k?ttl=1h", "value")
	put.want(t, 204)
	code, stdout, stderr := end()
	if code != 0 || stderr != "" && !strings.Contains(stderr, "in memory") {
		t.Errorf("got exit code %d and %q, want 0 and nothing", code, stderr)
	}
	for _, want := range []string{dir, syncName, "curl", "drained and closed"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("got %q, want %q in it", stdout, want)
		}
	}
	url, end = startDemo(t, "-dir", dir)
	got := ask(t, "GET", url+"/v1/kv/k", "")
	if got.body != "value" || got.header.Get("ETag") != put.header.Get("ETag") {
		t.Errorf("got %d %q %s after a restart, want what was put", got.status, got.body, got.header.Get("ETag"))
	}
	if code, _, _ := end(); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestLongestKeyFitsTheHeader(t *testing.T) {
	url, end := startDemo(t, "-memory")
	longest := strings.Repeat("%FF", tiered.MaxKeyBytes)
	ask(t, "PUT", url+"/v1/kv/"+longest, "v").want(t, 204)
	ask(t, "GET", url+"/v1/kv/"+longest, "").want(t, 200)
	if code, stdout, _ := end(); code != 0 || !strings.Contains(stdout, "in memory") {
		t.Errorf("got %d, %q", code, stdout)
	}
}

func TestBrowsableURL(t *testing.T) {
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81}
	for addr, want := range map[string]string{
		":0": "localhost:81", "0.0.0.0:0": "localhost:81", "[::]:0": "localhost:81",
		"127.0.0.1:0": "127.0.0.1:81", "[::1]:0": "[::1]:81", "demo.example:0": "demo.example:81",
	} {
		if got := browsable(addr, at); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}

func TestProbeLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	got, err := probeDisk(dir)
	if err != nil || got.sync <= 0 || got.writes < 1 || got.fileSystem == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("got %v left, %v", left, err)
	}
	if _, err := probeDisk(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that there is no such directory", err)
	}
}
