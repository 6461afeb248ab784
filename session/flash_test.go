package session_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stratakv/strata/session"
)

// wantFlashes reads the flashes of key in a request of its own.
func (b *browser) wantFlashes(when, key string, want ...any) {
	b.e.t.Helper()
	var got []any
	b.with(func(s *session.Session) (err error) {
		got, err = s.Flashes(key)
		return err
	})
	if !slices.Equal(got, want) {
		b.e.t.Errorf("%s: got %v, want %v", when, got, want)
	}
}

func (b *browser) flash(key string, values ...any) {
	b.e.t.Helper()
	b.with(func(s *session.Session) error {
		var errs []error
		for _, v := range values {
			errs = append(errs, s.Flash(key, v))
		}
		return errors.Join(errs...)
	})
}

func TestFlashIsShownOnce(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "saved", "twice")
	b.flash("other", "x")
	b.want("a request that does not ask", "k", nil)
	b.wantFlashes("first to ask", "note", "saved", "twice")
	b.wantFlashes("second to ask", "note")
	b.wantFlashes("another key", "other", "x")
}

// The ancestors dropped a message that was set again to the same value.
func TestFlashSetAgainToTheSameValueSurvives(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "saved")
	for range 3 {
		b.with(func(s *session.Session) error {
			got, err := s.Flashes("note")
			if !slices.Equal(got, []any{"saved"}) {
				t.Errorf("got %v, want saved", got)
			}
			return errors.Join(err, s.Flash("note", "saved"))
		})
	}
	b.wantFlashes("set again", "note", "saved")
	b.wantFlashes("not set again", "note")
}

// What a request leaves is for later ones.
func TestFlashOfThisRequestIsNotShownInIt(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.with(func(s *session.Session) error {
		err := s.Flash("note", "later")
		got, err2 := s.Flashes("note")
		if len(got) != 0 {
			t.Errorf("got %v, want none", got)
		}
		return errors.Join(err, err2)
	})
	b.wantFlashes("next request", "note", "later")
}

func TestFlashesTwiceInOneRequest(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "a")
	b.with(func(s *session.Session) error {
		one, err := s.Flashes("note")
		two, err2 := s.Flashes("note")
		if !slices.Equal(one, two) || len(one) != 1 {
			t.Errorf("got %v and %v", one, two)
		}
		return errors.Join(err, err2)
	})
	b.wantFlashes("next request", "note")
}

func TestKeepFlash(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("a", 1)
	b.flash("b", 2)
	keep := func(keys ...string) {
		b.with(func(s *session.Session) error {
			_, err := s.Flashes("a")
			_, err2 := s.Flashes("b")
			return errors.Join(err, err2, s.KeepFlash(keys...))
		})
	}
	keep()
	keep("a")
	b.wantFlashes("kept twice", "a", int64(1))
	b.wantFlashes("kept once", "b")
	b.wantFlashes("shown", "a")
}

// Of two requests that run at once one shows a message while the other leaves
// one: that one stays.
func TestFlashLeftMeanwhileSurvives(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "first")
	b.with(func(s *session.Session) error {
		if _, err := s.Flashes("note"); err != nil {
			return err
		}
		b.tab().flash("note", "first") // the same value
		return nil
	})
	b.wantFlashes("after both", "note", "first")
	b.wantFlashes("shown", "note")
}

// Generations are never used again, so a late request takes away only what it
// has shown.
func TestFlashGenerationsAreNotReused(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "first")
	b.with(func(s *session.Session) error {
		if _, err := s.Flashes("note"); err != nil {
			return err
		}
		b.tab().wantFlashes("in another tab", "note", "first") // the list is empty now
		b.tab().flash("note", "second")
		return nil
	})
	b.wantFlashes("after all", "note", "second")
}

func TestFlashesAreBounded(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	for i := range 70 {
		b.flash("note", fmt.Sprint(i))
	}
	var got []any
	b.with(func(s *session.Session) (err error) {
		got, err = s.Flashes("note")
		return err
	})
	if len(got) != 64 || got[0] != "6" || got[63] != "69" {
		t.Errorf("got %d flashes, want the latest 64", len(got))
	}
}

// Messages of an ended session are gone; those left after it are the new one's.
func TestFlashAfterDestroy(t *testing.T) {
	e := newEnv(t, session.Options{})
	b := e.browser()
	b.flash("note", "old")
	b.with(func(s *session.Session) error { return errors.Join(s.Destroy("logout"), s.Flash("note", "bye")) })
	b.wantFlashes("next request", "note", "bye")
}
