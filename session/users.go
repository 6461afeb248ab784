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
// Info, and ends it; that a session is damaged is said after all others.
func (m *Manager) Sessions(ctx context.Context, user string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		current := m.currentHandle(ctx)
		var damage error
		for handle, err := range m.handles(ctx, user) {
			var st *stored
			if err == nil {
				st, err = m.byHandle(ctx, handle)
			}
			switch {
			case unreadable(err):
				damage = err
			case err != nil:
				yield(Info{}, outage("sessions", err))
				return
			case st != nil && !yield(st.info(handle, current), nil):
				return
			}
		}
		if damage != nil {
			yield(Info{}, outage("sessions", damage))
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
	s, found := m.lookup(ctx)
	if !found {
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
	if _, ok := parseHandle(handle); !ok {
		return nil
	}
	err := m.endHandle(ctx, handle)
	if err == nil {
		m.watches.endHandle(handle)
	}
	return outage("revoke", err)
}

// Revoke ends all sessions of user but those of the handles in except: "log out
// everywhere", or after a change of password. Every session that was bound to
// the user when it was called is dead when it returns, one that is renewed
// meanwhile too, and one whose index entry is damaged, for which all sessions
// are read. It is atomic for each session, not for all: an error says that some
// may be left. Damage that it cannot get past does not keep it from the rest.
func (m *Manager) Revoke(ctx context.Context, user string, except ...string) error {
	var handles []string
	var damage error
	for handle, err := range m.handles(ctx, user) {
		if err != nil {
			damage = outage("revoke", err)
			break
		}
		if slices.Contains(except, handle) {
			continue
		}
		if handles = append(handles, handle); len(handles) < revokeBatch {
			continue
		}
		err := m.revoke(ctx, handles)
		if err != nil && !unreadable(err) {
			return err
		}
		damage = errors.Join(damage, err)
		handles = handles[:0]
	}
	return errors.Join(damage, m.revoke(ctx, handles))
}

// revoke ends the sessions of handles in one write, or, if one of them is
// renewed meanwhile or damaged, one by one.
func (m *Manager) revoke(ctx context.Context, handles []string) error {
	err := m.revokeAtOnce(ctx, handles)
	if !errors.Is(err, tiered.ErrVersion) && !unreadable(err) {
		return outage("revoke", err)
	}
	var damage error
	for _, handle := range handles {
		err := m.RevokeOne(ctx, handle)
		if err != nil && !unreadable(err) {
			return err
		}
		damage = errors.Join(damage, err)
	}
	return damage
}

func (m *Manager) revokeAtOnce(ctx context.Context, handles []string) error {
	var b tiered.Batch
	keys := make([]string, len(handles))
	for i, handle := range handles {
		keys[i] = m.indexKey(handle)
	}
	items, err := m.store.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for _, it := range items {
		if err := m.planEndHandle(&b, it); err != nil {
			return err
		}
	}
	if err := m.store.Write(ctx, &b); err != nil {
		return err
	}
	for _, handle := range handles {
		m.watches.endHandle(handle)
	}
	return nil
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
		var b tiered.Batch
		if err == nil {
			err = m.planEndHandle(&b, it)
		}
		if unreadable(err) {
			err = m.planEndLost(ctx, &b, handle, it.Version)
		}
		if err != nil {
			return err
		}
		if err := m.store.Write(ctx, &b); !errors.Is(err, tiered.ErrVersion) {
			return err
		}
	}
}

// planEndLost adds to b the end of the session of handle, whose index entry
// cannot be read: it is looked for among all. version is the entry's, 0 if even
// that is unknown.
func (m *Manager) planEndLost(ctx context.Context, b *tiered.Batch, handle string, version uint64) error {
	if version != 0 {
		b.Check(m.indexKey(handle), version)
	}
	b.Delete(m.indexKey(handle))
	for it, err := range m.store.Scan(ctx, m.opts.Prefix+"s:") {
		if err != nil {
			return err
		}
		if rec, _, err := decode(it.Value); err == nil && rec != nil && handleOf(rec.user, rec.lineage) == handle {
			b.Check(it.Key, it.Version)
			b.Delete(it.Key)
		}
	}
	return nil
}

// Count is the number of live sessions; with users, of theirs. Without, it reads
// all sessions. With an error it counts those that were read before it.
func (m *Manager) Count(ctx context.Context, users ...string) (int, error) {
	n := 0
	for _, user := range users {
		for _, err := range m.Sessions(ctx, user) {
			if err != nil {
				return n, err
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
			return n, outage("count", err)
		}
		if rec, _, err := decode(it.Value); err == nil && rec != nil && m.deadline(rec) > now {
			n++
		}
	}
	return n, nil
}
