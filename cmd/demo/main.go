package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		// The next one has its default effect: a second Ctrl-C ends the process
		// at once. Only then does the first one take effect.
		signal.Stop(signals)
		cancel()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// usageError is a fault of the command line: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run does what args say until ctx ends, and returns the exit code: 0, 1 after
// an error, 2 for a command line that makes no sense. An error is one line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command := serve
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if args[0] != "load" {
			return report(stderr, usageError{fmt.Errorf("unknown command %q; there is only load", args[0])})
		}
		command, args = load, args[1:]
	}
	return report(stderr, command(ctx, args, stdout, stderr))
}

func report(stderr io.Writer, err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, new(usageError)):
		fmt.Fprintf(stderr, "demo: %s (-h lists the flags)\n", oneLine(err))
		return 2
	}
	fmt.Fprintf(stderr, "demo: %s\n", oneLine(err))
	return 1
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// parseFlags parses args, which may hold flags only. With -h it prints the
// usage to stdout and returns flag.ErrHelp.
func parseFlags(flags *flag.FlagSet, args []string, stdout io.Writer, usage string) error {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "usage: %s\n", usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return err
	case err != nil:
		return usageError{err}
	case flags.NArg() > 0:
		return usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	return nil
}
