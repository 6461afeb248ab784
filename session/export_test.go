package session

import "context"

// Records is what a Manager needs of a store.
type Records = records

// NewOver makes a Manager over anything that keeps records.
func NewOver(store Records, opts *Options) (*Manager, error) { return newManager(store, opts) }

// IsID reports whether token could be an id.
func IsID(token string) bool { return isID(token) }

// Look is one look at all watched sessions.
func (m *Manager) Look() { m.watches.lookAll(context.Background()) }

// Watched is the number of sessions whose end somebody waits for.
func (m *Manager) Watched() int {
	m.watches.mu.Lock()
	defer m.watches.mu.Unlock()
	return len(m.watches.of)
}

// NewID makes an id.
func NewID() string { return newToken() }

// Context is what s loads with.
func (s *Session) Context() context.Context { return s.ctx }
