// Package tiertest is the conformance suite of [tier.Durable].
//
// Whoever writes a Durable calls [Run] from a test:
//
//	func TestConformance(t *testing.T) {
//		tiertest.Run(t, func() (tiertest.Subject, error) {
//			dir := t.TempDir()
//			db, err := l3bolt.Open(dir, nil)
//			return tiertest.Subject{
//				Durable: db,
//				Reopen:  func() (tier.Durable, error) { return l3bolt.Open(dir, nil) },
//			}, err
//		})
//	}
//
// [Check] runs the same cases and returns what is wrong as an error, so that
// deliberately broken implementations can prove that each case is able to
// fail. Each case gets a fresh Durable and closes it.
//
// # What the suite asks for
//
// Every sentence of the contract in package tier that can be seen from
// outside: absence, set, replace, remove and touch through groups, versions
// and heads, the order, bounds and wholeness of Scan, groups that show whole
// or not at all to readers beside the writer, Due and Timed, the bytes that
// nobody changes any more once they are out, and, with Subject.Reopen, what
// a reopening carries over. What a power cut or a damaged file does is
// special to a Durable and is not asked here.
//
// The suite keeps the rules of tier.Durable towards its subject: Commit and
// Due never overlap, frames belong to the subject once they are handed over,
// and no call follows Close. It reuses a Group and its slice of changes
// after Commit has returned.
package tiertest
