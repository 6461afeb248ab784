package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	probeWrites = 48
	probeBytes  = 4 << 10
	probeTime   = 400 * time.Millisecond // a slow disk gets fewer writes, so that the start stays quick
)

// diskReport is what the start tells about the store's disk.
type diskReport struct {
	fileSystem string
	sync       time.Duration // median of one write and its sync
	writes     int           // that the median is of; 0: the disk is full
}

func (d diskReport) String() string {
	if d.writes == 0 {
		return d.fileSystem + ", which is full"
	}
	return fmt.Sprintf("%s, %s %v, median of %d", d.fileSystem, syncName, d.sync.Round(time.Microsecond), d.writes)
}

// probeDisk appends to a file of its own in dir, syncing after each write, and
// removes it again. It also finds out that dir cannot be written to; that there
// is no room is no error, since the store has kept some back for itself.
func probeDisk(dir string) (diskReport, error) {
	d := diskReport{fileSystem: fileSystemName(dir)}
	times, err := syncTimes(dir)
	if errors.Is(err, syscall.ENOSPC) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	slices.Sort(times)
	d.sync, d.writes = times[len(times)/2], len(times)
	return d, nil
}

func syncTimes(dir string) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "probe-*.tmp")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, probeBytes)
	var times []time.Duration
	for begun := time.Now(); len(times) < probeWrites && (len(times) == 0 || time.Since(begun) < probeTime); {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := syncData(f); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	return times, nil
}
