// Package failpoint names places in the code at which a test can kill or stop
// the process, or make a step fail.
//
// Without the build tag failpoints nothing of it is in the program: its calls
// are empty and the compiler drops them. With it, the environment says what
// happens where:
//
//	STRATA_FAILPOINT="name=action@n,name=action@n"
//
// The action happens at the n-th time that the process comes to the place:
//
//	kill   SIGKILL to the process itself
//	stop   SIGSTOP to the process itself; it goes on after SIGCONT
//	error  Error returns an error; Pass takes no notice
//
// The calls are safe for concurrent use. Where there are no signals the tag has
// no effect.
package failpoint
