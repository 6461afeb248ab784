//go:build failpoints && unix

package failpoint

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Pass does what the environment asks for at the place name.
func Pass(name string) { _ = Error(name) }

// Error is Pass, and the place can also fail.
func Error(name string) error {
	points := points()
	points.mu.Lock()
	p := points.byName[name]
	var action string
	if p != nil {
		p.left--
		if p.left == 0 {
			action = p.action
		}
	}
	points.mu.Unlock()
	switch action {
	case "kill":
		send(syscall.SIGKILL)
		select {} // until it has arrived
	case "stop":
		stop()
	case "error":
		return errFailpoint
	}
	return nil
}

var errFailpoint = errors.New("failpoint")

// stop returns after SIGCONT. A signal takes its time to arrive: without the wait
// the caller could be past the place by then.
func stop() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	send(syscall.SIGSTOP)
	<-goesOn
}

func send(s syscall.Signal) {
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		panic(err)
	}
}

// armed are the places at which something is to happen.
type armed struct {
	mu     sync.Mutex // guards left of all points
	byName map[string]*point
}

type point struct {
	action string
	left   int // how often the process is still to come to the place
}

// points reads the environment once. What it cannot read is a test's fault.
var points = sync.OnceValue(func() *armed {
	a := &armed{byName: map[string]*point{}}
	spec := os.Getenv("STRATA_FAILPOINT")
	if spec == "" {
		return a
	}
	for _, s := range strings.Split(spec, ",") {
		name, what, _ := strings.Cut(s, "=")
		action, count, _ := strings.Cut(what, "@")
		n, err := strconv.Atoi(count)
		known := action == "kill" || action == "stop" || action == "error"
		if err != nil || n < 1 || !known {
			panic(fmt.Sprintf("STRATA_FAILPOINT: %q is not name=action@n", s))
		}
		a.byName[name] = &point{action, n}
	}
	return a
})
