package scs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A token is what scs passes. Its handle, the marked hash of it, is what All
// gives in its place. The key is the hash of the handle, in the form in which
// scs hashes with HashTokenInStore: so that what scs then makes of a handle is
// the key.

var encoding = base64.RawURLEncoding.Strict()

// mark is no character of the tokens that scs makes.
const mark = "~"

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return encoding.EncodeToString(sum[:])
}

// isHash says whether s could be what hash returned.
func isHash(s string) bool {
	sum, err := encoding.DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}

// handle is that of the token with SHA-256 sum.
func handle(sum []byte) string { return mark + encoding.EncodeToString(sum) }

func isHandle(s string) bool { return strings.HasPrefix(s, mark) && isHash(s[len(mark):]) }

// Handle is what All gives for the session of token unless Options.ClearTokens
// is set: to tell one's own among all. It gives no access.
func (s *Store) Handle(token string) string { return mark + hash(token) }

// key is where the record of a handle is.
func (s *Store) key(handle string) string { return s.opts.Prefix + hash(handle) }

// locate finds the record that a Commit or Delete is about: that of a token, or
// of a handle from All, or of a handle that scs hashed because of
// HashTokenInStore. If there is none it is the token's or the handle's, absent.
// Find is about tokens only: what is in the store must lead nobody in.
func (s *Store) locate(ctx context.Context, name string) (record, error) {
	if isHandle(name) {
		return s.load(ctx, s.key(name))
	}
	rec, err := s.load(ctx, s.key(s.Handle(name)))
	if err != nil || rec.version != 0 || !isHash(name) {
		return rec, err
	}
	hashed, err := s.load(ctx, s.opts.Prefix+name)
	if err == nil && hashed.version == 0 && s.opts.ClearTokens { // All gave the token
		hashed, err = s.load(ctx, s.key(mark+name))
	}
	if err != nil || hashed.version != 0 {
		return hashed, err
	}
	return rec, nil
}
