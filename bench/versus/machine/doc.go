// Package machine says what a figure was measured on: processor, kernel, file
// system and how fast it syncs, the code's commit; and how much memory a process
// has.
//
// What cannot be found out is told as "unknown", never left out. It is for
// Linux. Its functions are safe for concurrent use.
package machine
