package main

import (
	"fmt"
	"os"
	"slices"
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
	writes     int           // that the median is of
}

func (d diskReport) String() string {
	return fmt.Sprintf("%s, %s %v, median of %d", d.fileSystem, syncName, d.sync.Round(time.Microsecond), d.writes)
}

// probeDisk appends to a file of its own in dir, syncing after each write, and
// removes it again. It also finds out that dir cannot be written to.
func probeDisk(dir string) (diskReport, error) {
	f, err := os.CreateTemp(dir, "probe-*.tmp")
	if err != nil {
		return diskReport{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, probeBytes)
	var times []time.Duration
	for begun := time.Now(); len(times) < probeWrites && (len(times) == 0 || time.Since(begun) < probeTime); {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return diskReport{}, err
		}
		if err := syncData(f); err != nil {
			return diskReport{}, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return diskReport{fileSystemName(dir), times[len(times)/2], len(times)}, nil
}
