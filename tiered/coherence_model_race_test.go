//go:build race

package tiered_test

// raceDetector says that this build is some ten times slower.
const raceDetector = true
