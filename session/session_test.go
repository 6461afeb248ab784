package session_test

import (
	"testing"

	"github.com/stratakv/strata/session"
)

func TestValuesComeBack(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.set("a", int64(1))
	b.want("next request", "a", int64(1))
	b.set("b", "two")
	b.with(func(s *session.Session) error { return s.Delete("a") })
	b.want("after Delete", "a", nil)
	b.want("after Delete", "b", "two")
}
