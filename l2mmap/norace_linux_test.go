//go:build !race

package l2mmap_test

const raceDetector = false
