package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

const (
	idBytes      = 32
	idChars      = 43 // of base64url without padding
	lineageBytes = 16
	lineageChars = 22
	handleChars  = idChars + lineageChars
)

// base64url is strict: each id has one spelling.
var base64url = base64.RawURLEncoding.Strict()

// newToken makes an id: 256 bits of the system's randomness.
func newToken() string {
	var b [idBytes]byte
	_, _ = rand.Read(b[:]) // it never returns an error
	return base64url.EncodeToString(b[:])
}

func newLineage() (l [lineageBytes]byte) {
	_, _ = rand.Read(l[:])
	return l
}

// isID reports whether token could be an id (3).
func isID(token string) bool {
	if len(token) != idChars {
		return false
	}
	var b [idBytes]byte
	n, err := base64url.Decode(b[:], []byte(token))
	return err == nil && n == idBytes
}

// hashed is SHA-256 of an id or user, as far as it goes into keys (2).
type hashed [sha256.Size]byte

func hash(text string) hashed { return sha256.Sum256([]byte(text)) }

func (h hashed) String() string { return base64url.EncodeToString(h[:]) }

// handleOf names the session of user with lineage l, "" without a user.
func handleOf(user string, l [lineageBytes]byte) string {
	if user == "" {
		return ""
	}
	return hash(user).String() + base64url.EncodeToString(l[:])
}

// parseHandle gives the lineage of a handle. ok is false if it is none.
func parseHandle(handle string) (l [lineageBytes]byte, ok bool) {
	if len(handle) != handleChars || !isID(handle[:idChars]) {
		return l, false
	}
	n, err := base64url.Decode(l[:], []byte(handle[idChars:]))
	return l, err == nil && n == lineageBytes
}
