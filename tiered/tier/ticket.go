package tier

// Ticket names one write of one client, so that the write can be sent again
// without being applied again: whoever applies it remembers its outcome under
// (Client, Seq) in the same commit.
//
//  1. A client never uses a Seq twice for different writes, and gives them out
//     in ascending order from 1 on.
//  2. Low is the lowest Seq whose answer the client still waits for, at most
//     Seq: what is remembered below Low is not asked for again, and may be
//     forgotten. A client's Low never goes down.
type Ticket struct {
	Client [16]byte // random, of one process's connection to the store
	Seq    uint64   // the number of the write; 0: no ticket, nothing is remembered
	Low    uint64
}

// Remembered is what is kept of a write with a ticket: the results that its
// caller was, or was to be, given. Only writes that made a version need one.
type Remembered struct {
	Ticket
	Outcome []byte // the encoded results, without frames; opaque here
}
