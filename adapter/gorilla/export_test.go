package gorilla

// States counts the sessions that s knows something of.
func (s *Store) States() int {
	n := 0
	s.states.Range(func(any, any) bool { n++; return true })
	return n
}
