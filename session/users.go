package session

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

// revokeBatch is how many sessions Revoke ends in one write.
const revokeBatch = 64

// Info is what a user may see of a session of his.
type Info struct {
	Handle   string // for RevokeOne; stays over renewals, and gives no access
	Created  time.Time
	LastSeen time.Time // to within the touch threshold
	Expires  time.Time // unless it is used before
	Agent    string    // the user agent at login
	Current  bool      // it is the session of the context
}

// Sessions gives the live sessions of user, in no order that means anything. It
// reads the user's sessions, no others. An error is given once, with the zero
// Info, and ends it.
func (m *Manager) Sessions(ctx context.Context, user string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		current := m.currentHandle(ctx)
		for handle, err := range m.handles(ctx, user) {
			var st *stored
			if err == nil {
				st, err = m.byHandle(ctx, handle)
			}
			if err != nil {
				yield(Info{}, outage("sessions", err))
				return
			}
			if st != nil && !yield(st.info(handle, current), nil) {
				return
			}
		}
	}
}

func (st *stored) info(handle, current string) Info {
	return Info{
		Handle: handle, Agent: st.agent, Current: handle == current,
		Created: timeOf(st.created), LastSeen: timeOf(st.seen), Expires: timeOf(st.expires),
	}
}

// currentHandle is that of ctx's session, "" if there is none.
func (m *Manager) currentHandle(ctx context.Context) string {
	s, found := Lookup(ctx)
	if !found || s.m != m {
		return ""
	}
	handle, err := s.Handle()
	if err != nil {
		return ""
	}
	return handle
}

// handles gives those of user's index entries; the sessions behind some may
// have ended by idling.
func (m *Manager) handles(ctx context.Context, user string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if user == "" {
			return
		}
		for it, err := range m.store.Scan(ctx, m.indexKey(hash(user).String())) {
			if !yield(strings.TrimPrefix(it.Key, m.indexKey("")), err) {
				return
			}
		}
	}
}

// byHandle gives the live session of handle, nil if there is none. A renewal
// between its two reads is seen by the index entry's new version.
func (m *Manager) byHandle(ctx context.Context, handle string) (*stored, error) {
	var last uint64
	for {
		it, err := m.store.GetItem(ctx, m.indexKey(handle))
		if absent(err) || err == nil && it.Version == last {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		id, err := decodeIndex(it.Value)
		if err != nil {
			return nil, err
		}
		st, err := m.read(ctx, id)
		if st != nil || err != nil {
			return st, err
		}
		last = it.Version
	}
}

// RevokeOne ends the session of handle, whatever id it has by now; that there is
// none is no error. A handle is hard to guess, but whoever knows one can end its
// session: let a user give only handles of his own.
func (m *Manager) RevokeOne(ctx context.Context, handle string) error {
	lineage, ok := parseHandle(handle)
	if !ok {
		return nil
	}
	err := m.endHandle(ctx, handle)
	if err == nil {
		m.watches.end(lineage, ReasonRevoked)
	}
	return outage("revoke", err)
}

// Revoke ends all sessions of user but those of the handles in except: "log out
// everywhere", or after a change of password. Every session that was bound to
// the user when it was called is dead when it returns, one that is renewed
// meanwhile too. It is atomic for each session, not for all: an error says that
// some may be left.
func (m *Manager) Revoke(ctx context.Context, user string, except ...string) error {
	var handles []string
	for handle, err := range m.handles(ctx, user) {
		if err != nil {
			return outage("revoke", err)
		}
		if slices.Contains(except, handle) {
			continue
		}
		if handles = append(handles, handle); len(handles) < revokeBatch {
			continue
		}
		if err := m.revoke(ctx, handles); err != nil {
			return err
		}
		handles = handles[:0]
	}
	return m.revoke(ctx, handles)
}

// revoke ends the sessions of handles in one write, or, if one of them is
// renewed meanwhile, one by one.
func (m *Manager) revoke(ctx context.Context, handles []string) error {
	var b tiered.Batch
	keys := make([]string, len(handles))
	for i, handle := range handles {
		keys[i] = m.indexKey(handle)
	}
	items, err := m.store.GetMany(ctx, keys)
	if err != nil {
		return outage("revoke", err)
	}
	for _, it := range items {
		if err := m.planEndHandle(&b, it); err != nil {
			return outage("revoke", err)
		}
	}
	err = m.store.Write(ctx, &b)
	for _, handle := range handles {
		if errors.Is(err, tiered.ErrVersion) {
			if err := m.RevokeOne(ctx, handle); err != nil {
				return err
			}
		} else if lineage, ok := parseHandle(handle); ok && err == nil {
			m.watches.end(lineage, ReasonRevoked)
		}
	}
	if errors.Is(err, tiered.ErrVersion) {
		return nil
	}
	return outage("revoke", err)
}

// planEndHandle adds to b the end of the session that index entry it leads to.
func (m *Manager) planEndHandle(b *tiered.Batch, it tiered.Item) error {
	id, err := decodeIndex(it.Value)
	if err != nil {
		return err
	}
	b.Check(it.Key, it.Version)
	b.Delete(it.Key)
	b.Delete(m.keyOf(id))
	return nil
}

// endHandle ends the session of handle, whatever id it is given meanwhile.
func (m *Manager) endHandle(ctx context.Context, handle string) error {
	for {
		it, err := m.store.GetItem(ctx, m.indexKey(handle))
		if absent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		var b tiered.Batch
		if err := m.planEndHandle(&b, it); err != nil {
			return err
		}
		if err := m.store.Write(ctx, &b); !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// Count is the number of live sessions; with users, of theirs. Without, it reads
// all sessions.
func (m *Manager) Count(ctx context.Context, users ...string) (int, error) {
	n := 0
	for _, user := range users {
		for _, err := range m.Sessions(ctx, user) {
			if err != nil {
				return 0, err
			}
			n++
		}
	}
	if len(users) > 0 {
		return n, nil
	}
	now := m.now()
	for it, err := range m.store.Scan(ctx, m.opts.Prefix+"s:") {
		if err != nil {
			return 0, outage("count", err)
		}
		if rec, _, err := decode(it.Value); err == nil && rec != nil && m.deadline(rec) > now {
			n++
		}
	}
	return n, nil
}
