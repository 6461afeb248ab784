package l3mem

import "cmp"

// maxHeight is above the height of an AVL tree of 2³² records.
const maxHeight = 48

// tree is an AVL tree whose nodes are the records themselves: two children in
// the record's header and a balance in its flags. It takes no memory of its
// own, so that indexing a record cannot fail.
//
// A B+tree touches fewer cache lines when the first bytes of keys tell them
// apart. Keys of sessions do not: "session:" alone has eight. It would also
// need nodes whose number depends on the order of insertions, room held back
// for splits, and a second region in the arena.
type tree struct {
	*arena
	root    uint32
	links   int   // offset of the left child; the right one is behind it
	shift   uint8 // of the balance in the flags
	compare func(a *arena, t target, ref uint32) int
}

// target is what a tree is searched for.
type target struct {
	key      string // in the order tree
	deadline int64  // in the expiry tree
	ref      uint32 // in the expiry tree, behind deadline
}

// byKey orders records by their keys' bytes.
func byKey(a *arena, t target, ref uint32) int { return a.compareKey(t.key, ref) }

// byDeadline orders records by deadline, then reference.
func byDeadline(a *arena, t target, ref uint32) int {
	if c := cmp.Compare(t.deadline, a.deadline(ref)); c != 0 {
		return c
	}
	return cmp.Compare(t.ref, ref)
}

// side is a direction in the tree: left or right.
type side int

const (
	left  side = 0
	right side = 1
)

func (s side) other() side { return 1 - s }

// weight is what a longer branch on this side adds to the balance.
func (s side) weight() int { return 2*int(s) - 1 }

func (t *tree) child(ref uint32, s side) uint32 { return t.u32(ref, t.links+4*int(s)) }

func (t *tree) setChild(ref uint32, s side, child uint32) { t.put32(ref, t.links+4*int(s), child) }

// balance is the height of the right branch less that of the left one.
func (t *tree) balance(ref uint32) int { return int(*t.flags(ref)>>t.shift&3) - 1 }

func (t *tree) setBalance(ref uint32, b int) {
	flags := t.flags(ref)
	*flags = *flags&^(3<<t.shift) | byte(b+1)<<t.shift
}

// path is the way from the root down: nodes, and the side taken at each.
type path struct {
	refs  [maxHeight]uint32
	sides [maxHeight]side
	n     int
}

func (p *path) push(ref uint32, s side) {
	p.refs[p.n], p.sides[p.n] = ref, s
	p.n++
}

// replace puts ref where the path stood before its i-th step.
func (t *tree) replace(p *path, i int, ref uint32) {
	if i == 0 {
		t.root = ref
		return
	}
	t.setChild(p.refs[i-1], p.sides[i-1], ref)
}

// insert adds the record ref, whose place is that of to.
func (t *tree) insert(ref uint32, to target) {
	var p path
	for at := t.root; at != 0; {
		s := left
		if t.compare(t.arena, to, at) > 0 {
			s = right
		}
		p.push(at, s)
		at = t.child(at, s)
	}
	t.setChild(ref, left, 0)
	t.setChild(ref, right, 0)
	t.setBalance(ref, 0)
	t.replace(&p, p.n, ref)
	for i := p.n - 1; i >= 0; i-- {
		at, s := p.refs[i], p.sides[i]
		switch b := t.balance(at) + s.weight(); b {
		case 0:
			t.setBalance(at, 0)
			return
		case -1, 1:
			t.setBalance(at, b)
		default:
			t.replace(&p, i, t.rotate(at, s))
			return
		}
	}
}

// remove takes out the record ref, whose place is that of to.
func (t *tree) remove(ref uint32, to target) {
	var p path
	for at := t.root; at != ref; {
		if at == 0 {
			panic("l3mem: invariant 3: a record is not in its tree")
		}
		s := left
		if t.compare(t.arena, to, at) > 0 {
			s = right
		}
		p.push(at, s)
		at = t.child(at, s)
	}
	l, r := t.child(ref, left), t.child(ref, right)
	if l == 0 || r == 0 {
		t.replace(&p, p.n, l|r)
	} else {
		t.replaceBySuccessor(&p, ref, r)
	}
	t.shrink(&p)
}

// replaceBySuccessor puts the smallest record of the branch r in the place of
// ref, and lengthens the path to where that one was.
func (t *tree) replaceBySuccessor(p *path, ref, r uint32) {
	top := p.n
	p.push(ref, right)
	next := r
	for l := t.child(next, left); l != 0; l = t.child(next, left) {
		p.push(next, left)
		next = l
	}
	t.replace(p, p.n, t.child(next, right))
	t.setChild(next, left, t.child(ref, left))
	t.setChild(next, right, t.child(ref, right))
	t.setBalance(next, t.balance(ref))
	p.refs[top] = next
	t.replace(p, top, next)
}

// shrink restores the balance after the branch at the path's end lost height.
func (t *tree) shrink(p *path) {
	for i := p.n - 1; i >= 0; i-- {
		at, s := p.refs[i], p.sides[i].other()
		switch b := t.balance(at) + s.weight(); b {
		case 0:
			t.setBalance(at, 0)
		case -1, 1:
			t.setBalance(at, b)
			return
		default:
			level := t.balance(t.child(at, s)) == 0
			t.replace(p, i, t.rotate(at, s))
			if level {
				return
			}
		}
	}
}

// rotate levels a node whose branch on side s is two longer than the other,
// and returns the node that takes its place.
func (t *tree) rotate(ref uint32, s side) uint32 {
	o := s.other()
	c := t.child(ref, s)
	b := t.balance(c)
	if b == o.weight() {
		return t.rotateTwice(ref, c, s)
	}
	t.setChild(ref, s, t.child(c, o))
	t.setChild(c, o, ref)
	if b == 0 {
		t.setBalance(ref, s.weight())
		t.setBalance(c, o.weight())
		return c
	}
	t.setBalance(ref, 0)
	t.setBalance(c, 0)
	return c
}

func (t *tree) rotateTwice(ref, c uint32, s side) uint32 {
	o := s.other()
	g := t.child(c, o)
	t.setChild(c, o, t.child(g, s))
	t.setChild(g, s, c)
	t.setChild(ref, s, t.child(g, o))
	t.setChild(g, o, ref)
	t.setBalance(ref, 0)
	t.setBalance(c, 0)
	switch t.balance(g) {
	case s.weight():
		t.setBalance(ref, o.weight())
	case o.weight():
		t.setBalance(c, s.weight())
	}
	t.setBalance(g, 0)
	return g
}

// cursor walks a tree upwards. It is good until the tree changes.
type cursor struct {
	tree  *tree
	stack [maxHeight]uint32 // what is still to be met above each branch
	n     int
}

// seek returns a cursor at the first record at or behind to.
func (t *tree) seek(to target) cursor {
	c := cursor{tree: t}
	for at := t.root; at != 0; {
		if t.compare(t.arena, to, at) > 0 {
			at = t.child(at, right)
			continue
		}
		c.stack[c.n] = at
		c.n++
		at = t.child(at, left)
	}
	return c
}

// next returns the record at the cursor and moves on; 0 at the end.
func (c *cursor) next() uint32 {
	if c.n == 0 {
		return 0
	}
	c.n--
	ref := c.stack[c.n]
	for at := c.tree.child(ref, right); at != 0; at = c.tree.child(at, left) {
		c.stack[c.n] = at
		c.n++
	}
	return ref
}
