package gorilla_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/sessions"
	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/tiered"
)

func TestNegativeMaxAgeDeletes(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"user": 1})
	one, two := s.visit(cookie), s.visit(cookie)
	for i, v := range []*visit{one, two} { // the second finds nothing to delete
		v.session.Options.MaxAge = -1
		c := v.save()
		if c.Value != "" || c.MaxAge >= 0 || c.Name != name {
			t.Errorf("%d: got cookie %v, want an expired one", i, c)
		}
		if v.session.ID != "" {
			t.Errorf("%d: got an ID, want none", i)
		}
	}
	if n := s.records(); n != 0 {
		t.Errorf("got %d records, want 0", n)
	}
	if v := s.visit(cookie); !v.session.IsNew || len(v.session.Values) != 0 {
		t.Error("got the deleted session, want a new one")
	}
	// The same request may begin anew.
	one.session.Options.MaxAge = 60
	if c := one.save(); c.Value == cookie.Value || len(c.Value) != 43 {
		t.Errorf("got id %q, want a fresh one", c.Value)
	}
	// A session that was never saved.
	v := s.visit(nil)
	v.session.Options.MaxAge = -1
	v.save()
}

func TestZeroMaxAgeIsABrowserSession(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{0: 24 * time.Hour, time.Minute: time.Minute} {
		s := newSite(t, &gorilla.Options{BrowserTTL: ttl, Cookie: &sessions.Options{Path: "/"}})
		v := s.visit(nil)
		v.session.Values["k"] = 1
		v.save()
		line := v.w.Header().Get("Set-Cookie")
		if strings.Contains(line, "Max-Age") || strings.Contains(line, "Expires") || v.cookie().Value == "" {
			t.Errorf("got %q, want an id without Max-Age and Expires", line)
		}
		s.clock.Advance(want - time.Millisecond)
		if s.visit(v.cookie()).session.IsNew {
			t.Errorf("gone before %v", want)
		}
		s.clock.Advance(time.Millisecond)
		if !s.visit(v.cookie()).session.IsNew {
			t.Errorf("still there after %v", want)
		}
	}
}

func TestMaxAgeIsTheLifetime(t *testing.T) {
	s := newSite(t, nil)
	v := s.visit(nil)
	v.session.Values["k"] = 1
	v.session.Options.MaxAge = 60
	cookie := v.save()
	for range 3 { // each Save begins it again
		s.clock.Advance(time.Minute - time.Millisecond)
		v = s.visit(cookie)
		if v.session.IsNew {
			t.Fatal("gone before its time")
		}
		v.session.Options.MaxAge = 60
		v.save()
	}
	s.clock.Advance(time.Minute)
	if !s.visit(cookie).session.IsNew {
		t.Error("still there at its deadline")
	}
	v = s.visit(nil)
	v.session.Options.MaxAge = math.MaxInt
	if cookie = v.save(); s.visit(cookie).session.IsNew {
		t.Error("the longest lifetime has wrapped")
	}
}

// failures are ways in which Save fails.
var failures = map[string]struct {
	spoil func(*site, *visit)
	want  error // nil: any
}{
	"store closed": {func(s *site, _ *visit) { s.db.Close() }, tiered.ErrClosed},
	"deleted beside it": {func(s *site, v *visit) {
		s.db.DeletePrefix(context.Background(), "")
	}, gorilla.ErrRevoked},
	"expired meanwhile": {func(s *site, v *visit) { s.clock.Advance(31 * 24 * time.Hour) }, gorilla.ErrRevoked},
	"an id of one's own": {func(_ *site, v *visit) {
		v.session.ID = strings.Repeat("A", 43)
	}, gorilla.ErrID},
	"a value that cannot be encoded": {func(_ *site, v *visit) { v.session.Values["f"] = func() {} }, nil},
	"a cookie that cannot be":        {func(_ *site, v *visit) { v.session.Options.Path = "/;" }, nil},
	"a value over the limit": {func(_ *site, v *visit) {
		v.session.Values["big"] = make([]byte, 1<<20)
	}, tiered.ErrTooLarge},
}

func TestFailedSaveSetsNoCookie(t *testing.T) {
	for what, f := range failures {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, nil)
			v := s.visit(s.begin(map[any]any{"k": "topsecret"}))
			id := v.session.ID
			f.spoil(s, v)
			err := v.trySave()
			if err == nil || f.want != nil && !errors.Is(err, f.want) {
				t.Fatalf("got %v, want %v", err, f.want)
			}
			if h := v.w.Header(); len(h) != 0 {
				t.Errorf("got headers %v, want none", h)
			}
			if text := err.Error(); strings.Contains(text, id) || strings.Contains(text, "topsecret") {
				t.Errorf("%q holds the id or a value", text)
			}
		})
	}
	s := newSite(t, nil)
	v := s.visit(s.begin(nil))
	if len(v.w.Header()) != 0 {
		t.Error("got headers without Save, want none")
	}
}

// A session made by hand has no record, so it cannot have an id.
func TestForeignIDsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	known := s.begin(map[any]any{"k": 1}).Value
	for _, id := range []string{"1", strings.Repeat("A", 43), known} {
		session := sessions.NewSession(s, name)
		session.ID = id
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		if err := session.Save(r, w); !errors.Is(err, gorilla.ErrID) || s.records() != 1 {
			t.Errorf("got %v and %d records, want ErrID and 1", err, s.records())
		}
	}
}

// An outage never looks like a logout: what was not loaded is not replaced.
func TestOutageIsNoLogout(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"user": 42})
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // stands for any error of the store's
	r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	r.AddCookie(cookie)
	session, err := s.Get(r, name)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the load's error", err)
	}
	session.Values["theme"] = "dark" // a handler that did not look
	w := httptest.NewRecorder()
	if err := session.Save(r, w); !errors.Is(err, context.Canceled) || len(w.Header()) != 0 {
		t.Errorf("got %v and headers %v, want the load's error and none", err, w.Header())
	}
	if v := s.visit(cookie); v.session.Values["user"] != 42 {
		t.Errorf("got %v, want the session as it was", v.session.Values)
	}
	// A logout needs no load.
	session.Options.MaxAge = -1
	if err := session.Save(r, w); err != nil || s.records() != 0 {
		t.Errorf("got %v and %d records, want the session deleted", err, s.records())
	}
}

// A record that cannot be decoded is an error and a new session; the user is not
// locked out, and a logout deletes it.
func TestUndecodableRecord(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"k": 1})
	other, err := gorilla.New(s.db, &gorilla.Options{Codec: gorilla.CBOR()})
	if err != nil {
		t.Fatal(err)
	}
	get := func() *visit {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		session, err := other.Get(r, name)
		if err == nil || session == nil || !session.IsNew || session.ID != "" {
			t.Fatalf("got %v, %v; want a new session and an error", session, err)
		}
		return &visit{t: t, r: r, w: httptest.NewRecorder(), session: session}
	}
	if c := get().save(); c.Value == cookie.Value || s.records() != 2 {
		t.Errorf("got id %q and %d records, want a fresh one beside the old", c.Value, s.records())
	}
	v := get()
	v.session.Options.MaxAge = -1
	v.save()
	if s.records() != 1 {
		t.Errorf("got %d records after the logout, want 1", s.records())
	}
}

// Bytes of no kind are an error, never a panic and never a session.
func TestDamagedRecords(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"k": 1})
	var key string
	for item := range s.db.Scan(context.Background(), "") {
		key = item.Key
	}
	for _, data := range []string{"", "x", "v", "v\xff", "v\x04\xff\x82\x00"} {
		if err := s.db.Set(context.Background(), key, []byte(data), time.Hour); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(cookie)
		if session, err := s.Get(r, name); err == nil || session == nil || !session.IsNew {
			t.Errorf("%q: got %v, %v; want a new session and an error", data, session, err)
		}
	}
}

// A record whose bytes on disk are damaged locks nobody out.
func TestDamagedStore(t *testing.T) {
	dir, opts := t.TempDir(), &tiered.Options{L1Bytes: -1, L2Bytes: -1, SharedDir: t.TempDir()}
	s := &site{t: t}
	open := func() {
		t.Helper()
		var err error
		if s.db, err = tiered.Open(dir, opts); err == nil {
			s.Store, err = gorilla.New(s.db, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	open()
	const marker = "here is the record"
	cookie := s.begin(map[any]any{"k": marker})
	s.db.Close()
	file := filepath.Join(dir, "store.db")
	data, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(data, []byte(marker)) {
		t.Fatalf("the record is not in the file: %v", err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(data, []byte(marker), []byte(strings.ToUpper(marker))), 0o600); err != nil {
		t.Fatal(err)
	}
	open()
	defer s.db.Close()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	session, err := s.Get(r, name)
	if !errors.Is(err, tiered.ErrCorrupt) || session == nil || !session.IsNew {
		t.Fatalf("got %v, %v; want a new session and ErrCorrupt", session, err)
	}
	w := httptest.NewRecorder()
	session.Options.MaxAge = -1
	if err := session.Save(r, w); err != nil {
		t.Fatal(err)
	}
	if !s.visit(cookie).session.IsNew {
		t.Error("the damaged record outlived the logout")
	}
}

type cart struct{ Items map[string]int }

// TestMain registers what the tests store, as a program that uses gob does.
func TestMain(m *testing.M) {
	gob.Register(cart{})
	gob.Register(map[string]any{})
	gob.Register(time.Time{})
	os.Exit(m.Run())
}

func TestValuesComeBack(t *testing.T) {
	now := time.Now().Round(0).UTC()
	gobs := map[any]any{
		"int": 7, "uint8": uint8(255), "min": int64(math.MinInt64), "float": 1.5, "text": "ü\x00\xff", "bytes": []byte{0, 1},
		"bool": true, "time": now, 42: "int key", "cart": cart{map[string]int{"a": 1}}, "list": []any{"x", 1},
	}
	cbors := map[any]any{
		"int": int64(7), "min": int64(math.MinInt64), "float": 1.5, "text": "ü\x00\xff", "bytes": []byte{0, 1},
		"bool": true, "time": now, "nil": nil, "map": map[string]any{"a": int64(1)}, "list": []any{"x", int64(1)},
	}
	for form, values := range map[string]map[any]any{"default": gobs, "cbor": cbors, "empty": {}} {
		opts := &gorilla.Options{}
		if form == "cbor" {
			opts.Codec = gorilla.CBOR()
		}
		s := newSite(t, opts)
		v := s.visit(s.begin(values))
		if v.session.IsNew || !reflect.DeepEqual(v.session.Values, values) {
			t.Errorf("%s: got %#v, want %#v", form, v.session.Values, values)
		}
	}
}

func TestCBORRefusesOtherKeys(t *testing.T) {
	s := newSite(t, &gorilla.Options{Codec: gorilla.CBOR()})
	v := s.visit(nil)
	v.session.Values[1] = "x"
	if err := v.trySave(); err == nil {
		t.Error("got no error for a key that is no string")
	}
}

func TestFlashIsShownOnce(t *testing.T) {
	for _, opts := range []*gorilla.Options{nil, {Codec: gorilla.CBOR()}} {
		s := newSite(t, opts)
		v := s.visit(nil)
		v.session.AddFlash("saved")
		v.session.AddFlash("once", "other")
		cookie := v.save()
		v = s.visit(cookie)
		if got := v.session.Flashes(); !reflect.DeepEqual(got, []any{"saved"}) {
			t.Errorf("got %v, want the flash", got)
		}
		v.save()
		v = s.visit(cookie)
		if got := v.session.Flashes(); len(got) != 0 {
			t.Errorf("got %v again, want none", got)
		}
		if got := v.session.Flashes("other"); !reflect.DeepEqual(got, []any{"once"}) {
			t.Errorf("got %v, want the other key's flash", got)
		}
	}
}

func TestSaveOutlivesTheClient(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"user": 1})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	ctx, hangUp := context.WithCancel(r.Context())
	v := s.visitAs(r.WithContext(ctx))
	v.session.Options.MaxAge = -1
	hangUp()
	v.save()
	if s.records() != 0 {
		t.Error("the logout was lost with its client")
	}

	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(time.Hour))
	v = s.visitAs(httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
	cancel() // not the deadline: the handler's time is not over
	v.save()
	v = s.visit(nil)
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	v.r = v.r.WithContext(late)
	if err := v.trySave(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v after the deadline, want it refused", err)
	}
}

func TestRenewal(t *testing.T) {
	s := newSite(t, nil)
	old := s.begin(map[any]any{"cart": "full"})
	v := s.visit(old)
	v.session.ID = ""
	v.session.Values["user"] = 42
	fresh := v.save()
	if fresh.Value == old.Value || v.session.ID != fresh.Value {
		t.Fatal("got the old id, want a fresh one")
	}
	if !s.visit(old).session.IsNew {
		t.Error("the old id still works")
	}
	want := map[any]any{"cart": "full", "user": 42}
	if got := s.visit(fresh).session.Values; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The request goes on with the session that it has renewed, twice too.
	v.session.Values["more"] = true
	if c := v.save(); c.Value != fresh.Value {
		t.Error("got another id by a plain Save")
	}
	v.session.ID = ""
	last := v.save()
	want["more"] = true
	if got := s.visit(last).session.Values; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !s.visit(fresh).session.IsNew {
		t.Error("the second id still works")
	}
	// The old records go by themselves.
	s.clock.Advance(time.Hour)
	if n := s.records(); n != 1 {
		t.Errorf("got %d records, want 1", n)
	}
}
