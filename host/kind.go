package host

// kind says what a message is. The numbers are the wire's.
type kind uint8

// The first message of a connection is its follower's greeting, the answer to
// it a welcome or a refusal; then come requests, whose answers carry their id.
const (
	kindGreeting kind = iota + 1
	kindWelcome
	kindRefusal

	kindLoad
	kindLoadMany
	kindScan
	kindWrite
	kindDeleteExpired
	kindStats
	kindDictionary

	kindAnswer
	kindCancel // nobody waits for the request of this id any more
	kindPing
	kindPong
	kindBye // since version 2: the owner answers no more of what it has not answered
)

func (k kind) request() bool { return k >= kindLoad && k <= kindDictionary }
