//go:build !linux

package main

import "os"

const syncName = "fsync"

func syncData(f *os.File) error { return f.Sync() }

func fileSystemName(string) string { return "unknown file system" }
