// Package campaign holds what breaks strata on purpose, on real kernels: power
// cuts of a loop-mounted ext4, full disks, a file system in userspace that
// fails or forgets what was not synced, damage at rest, and a soak. It has no
// code to import; its tests are the campaign:
//
//	go test ./...                          short form, as CI runs it
//	STRATA_POWER_ROUNDS=50 go test -run Power -timeout 30m -v
//	STRATA_FULL_ROUNDS=5   go test -run Full
//	STRATA_EIO_ROUNDS=200  go test -run EIO -timeout 30m
//	STRATA_DAMAGE_ROUNDS=2000 go test -run Damage -timeout 30m
//	STRATA_SOAK=10m        go test -run Soak -timeout 30m -v
//	STRATA_SEED=n          go test ...     what a failed run printed
//	STRATA_REPORT=../docs/reliability.md   also writes the run's rows there
//
// It is a module of its own because it needs a FUSE library that users of the
// store should not have to download. What needs root or a missing tool is
// skipped and says why; CI=true as root makes a missing tool a failure. As root
// the tests run in a mount namespace of their own, so that no mount outlives
// them. Each test counts the faults it caused and fails if there were none, and
// each has a control: a store built to be wrong, which the same judge must
// catch.
//
// # The oracle
//
// A child process writes. Each key has one writer; its n-th operation deletes
// the key if n is a multiple of 7 and else sets a value that follows from key
// and n. The child says on its standard output how each operation ended. After
// the fault the store is opened again, and each key must be as after
//
//   - its last acknowledged operation,
//   - or a later one whose outcome was unknown (ErrUnknownOutcome, or under way
//     when the child was killed).
//
// An older state, one of a refused operation, and bytes that nobody wrote are
// failures.
package campaign
