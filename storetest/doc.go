// Package storetest is the conformance suite for whole stores: what DESIGN
// promises of tiered.Store, on every build and over every tier (P8).
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Factory{
//			Tier: tiered.TierMemory,
//			Open: func(need storetest.Need) (storetest.Subject, error) {
//				s, err := tiered.OpenMemory(need.Options())
//				return storetest.Subject{Store: s}, err
//			},
//		})
//	}
//
// [Run] makes each rule a subtest. [Check] runs the same cases and returns
// what is wrong as an error, so that deliberately broken stores can prove
// that each case is able to fail. Each case opens a fresh store, under a
// clock that it moves by hand ([Clock]), and closes it.
//
// # What the suite asks for
//
// Every sentence of the API and its fine print that can be seen from outside:
// P3 reads after writes, P4 expiry to the millisecond, P5 no resurrection, P7
// private bytes, P10 limits and Close, conditions, Update, Batch, Scan, the
// sentinels, and, with Subject.Reopen, what a reopening carries over.
// Durability under kill and power cut, and damage on disk, need a test of
// their own.
//
// A case sleeps never and waits for nothing but the store. Its contexts end
// after a minute, so that a store that hangs is told and not waited for.
package storetest
