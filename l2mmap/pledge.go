//go:build !wasm

package l2mmap

import "fmt"

// Pledge is a process's word, held by a kernel lock for as long as it lives,
// that it trusts one control file and no other: a store's files can be removed
// under the processes that have them mapped, and who then becomes the owner
// with new ones could not tell them.
//
//  1. Whoever trusts the words of a shared control file holds a pledge to it.
//  2. The file MAPPED in the store's directory names the control file of all
//     pledges that are held. It changes only while none is held.
//  3. So an owner that has a pledge knows that nobody trusts other words than
//     its own.
//
// The kernel frees a pledge at its holder's death.
type Pledge struct{ file pledgeFile }

// pledgeName is the file's name in the store's directory.
const pledgeName = "MAPPED"

// noControl stands for the words of an owner that shares none.
var noControl [16]byte

// PledgeOwner takes the owner's pledge to control; nil: to words of its own that
// nobody shares. ErrInUse: a process trusts another control file, which this
// owner cannot reach; it must not own until that one has ended or has given up
// its pledge. Where memory cannot be shared there is nothing to pledge.
func PledgeOwner(storeDir string, control *Control) (*Pledge, error) {
	id := noControl
	if control != nil && control.shared {
		id = control.id
	}
	return newPledge(pledgeOwner(storeDir, id))
}

// PledgeFollower takes a pledge to the control file that an owner named.
// ErrMismatch: the words of the store's owner are others by now.
func PledgeFollower(storeDir string, control *Control) (*Pledge, error) {
	return newPledge(pledgeFollower(storeDir, control.id))
}

func newPledge(f pledgeFile, err error) (*Pledge, error) {
	if err != nil {
		return nil, fmt.Errorf("pledge: %w", err)
	}
	return &Pledge{f}, nil
}

// Close gives the pledge up: the words must not be trusted any more. A Pledge
// that is nil has nothing to give up.
func (p *Pledge) Close() error {
	if p == nil {
		return nil
	}
	return p.file.close()
}

// Attend says that this process has the store open, whatever words it trusts,
// until the pledge is closed or the process ends: for [Unpledged]. The owner's
// pledge must have been taken before, by whichever process.
func Attend(storeDir string) (*Pledge, error) { return newPledge(attend(storeDir)) }

// Unpledged keeps everybody from pledging and attending until release, for an
// owner that is to empty the store. ErrInUse: a process has a pledge, or attends.
func Unpledged(storeDir string) (release func(), err error) {
	if release, err = unpledged(storeDir); err != nil {
		return nil, fmt.Errorf("pledge: %w", err)
	}
	return release, nil
}
