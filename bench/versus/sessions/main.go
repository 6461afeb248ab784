// Sessions compares what sessions cost a web server: with this module's manager,
// with scs over its adapter, over scs's own memstore and over Redis, and without
// sessions.
//
//	go -C bench/versus run ./sessions
//
// The handlers are called directly, without HTTP: what is measured is the
// session, not the network. Each system begins the same sessions and is then
// asked for the same three pages by a few clients at once, each with sessions of
// its own: "read" shows the user, "mixed" counts visits in one of ten requests,
// "login" gives the session a new id and a user. Every answer is checked.
//
// The systems take turns, round by round, in another order each time. The table,
// in Markdown, gives medians over the rounds and, in brackets, the least and the
// greatest. Calls of the store are counted before, in a few hundred requests one
// after the other. scs is as it comes, without an idle timeout, which would write
// in every request; the manager's is on. Redis is asked over a Unix socket; the
// benchmark starts one for each system and ends it. Without redis-server the
// table says so.
//
// The exit code is 1 if a target is missed: the manager's reads have at least
// nine tenths of the requests per second of scs with its memstore.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"
)

// settings are the flags.
type settings struct {
	rounds   int
	length   time.Duration // of each measurement
	clients  int
	sessions int // of each client
	counted  int // requests in which calls are counted
	dir      string
}

func main() {
	var set settings
	flag.IntVar(&set.rounds, "rounds", 5, "how often each system is measured")
	flag.DurationVar(&set.length, "time", 2*time.Second, "how long each measurement takes")
	flag.IntVar(&set.clients, "clients", 16, "how many requests run at once")
	flag.IntVar(&set.sessions, "sessions", 64, "how many sessions each client has")
	flag.StringVar(&set.dir, "dir", "", "where stores with files are kept; default: the system's temporary directory")
	flag.Parse()
	set.counted = 400
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	met, err := run(ctx, os.Stdout, set)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sessions:", err)
	}
	if err != nil || !met {
		stop()
		os.Exit(1)
	}
}

// run measures and prints, and reports whether the targets are met.
func run(ctx context.Context, w io.Writer, set settings) (met bool, err error) {
	dir, err := os.MkdirTemp(set.dir, "strata-bench-")
	if err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	entrants, err := openAll(ctx, dir, set)
	defer func() {
		for _, e := range entrants {
			err = errors.Join(err, e.close())
		}
	}()
	if err != nil {
		return false, err
	}
	for round := range set.rounds {
		for i := range entrants {
			e := entrants[(i+round)%len(entrants)]
			for _, l := range loads {
				if err := e.measure(ctx, l, set); err != nil {
					return false, fmt.Errorf("%s, %s: %w", e.name, l.name, err)
				}
			}
		}
	}
	fmt.Fprintf(w, "%s/%s, %d CPUs, %s; %d clients with %d sessions each, %d rounds of %v\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), set.clients, set.sessions, set.rounds, set.length)
	printTable(w, entrants)
	return printTargets(w, entrants), nil
}
