package gorilla_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"

	"github.com/stratakv/strata/adapter/gorilla"
	"github.com/stratakv/strata/codec/value"
	"github.com/stratakv/strata/tiered"
)

// act is what a request does to its session before it saves it.
type act struct {
	name string
	do   func(*visit)
}

var (
	setA    = act{"set a", func(v *visit) { v.session.Values["a"] = 1 }}
	setB    = act{"set b", func(v *visit) { v.session.Values["b"] = 2 }}
	setX    = act{"set x to 1", func(v *visit) { v.session.Values["x"] = 1 }}
	setX2   = act{"set x to 2", func(v *visit) { v.session.Values["x"] = 2 }}
	nest    = act{"change inside m", func(v *visit) { v.session.Values["m"].(map[string]any)["new"] = true }}
	drop    = act{"delete x", func(v *visit) { delete(v.session.Values, "x") }}
	nothing = act{"nothing", func(*visit) {}}
	wipe    = act{"nil values", func(v *visit) { v.session.Values = nil }}
	logout  = act{"logout", func(v *visit) { v.session.Options.MaxAge = -1 }}
	renew   = act{"renew", func(v *visit) { v.session.ID = "" }}
)

// TestTwoRequests: both load the session {x: 0, m: {}}, the first saves, then the
// second. What is said is what the second Save leaves.
func TestTwoRequests(t *testing.T) {
	m, changed := map[string]any{}, map[string]any{"new": true}
	gone := map[any]any(nil) // no session; the second Save is ErrRevoked unless it is a logout
	tests := []struct {
		first, second act
		want          map[any]any
	}{
		{setA, setB, map[any]any{"x": 0, "m": m, "a": 1, "b": 2}},
		{setX, setX2, map[any]any{"x": 2, "m": m}},
		{setX, setA, map[any]any{"x": 1, "m": m, "a": 1}},
		{setA, nothing, map[any]any{"x": 0, "m": m, "a": 1}},
		{nothing, setA, map[any]any{"x": 0, "m": m, "a": 1}},
		{drop, setA, map[any]any{"m": m, "a": 1}},
		{setA, drop, map[any]any{"m": m, "a": 1}},
		{drop, drop, map[any]any{"m": m}},
		{drop, setX, map[any]any{"x": 1, "m": m}},
		{setX, drop, map[any]any{"m": m}},
		{nest, setA, map[any]any{"x": 0, "m": changed, "a": 1}},
		{setA, nest, map[any]any{"x": 0, "m": changed, "a": 1}},
		{setA, wipe, map[any]any{"a": 1}},
		{wipe, setA, map[any]any{"a": 1}},
		{logout, setA, gone},
		{logout, nothing, gone},
		{logout, renew, gone},
		{logout, logout, gone},
		{setA, logout, gone},
		{renew, logout, gone},
		{renew, setB, map[any]any{"x": 0, "m": m}}, // under its new id
		{renew, renew, map[any]any{"x": 0, "m": m}},
		{setA, renew, map[any]any{"x": 0, "m": m, "a": 1}},
		{drop, renew, map[any]any{"m": m}},
	}
	for _, codec := range []string{"gob", "cbor"} {
		for _, tt := range tests {
			t.Run(codec+" "+tt.first.name+", "+tt.second.name, func(t *testing.T) {
				opts := &gorilla.Options{}
				zero, one := any(0), func(v any) any { return v }
				if codec == "cbor" {
					opts.Codec = gorilla.CBOR()
					zero, one = int64(0), func(v any) any {
						if n, ok := v.(int); ok {
							return int64(n)
						}
						return v
					}
				}
				s := newSite(t, opts)
				cookie := s.begin(map[any]any{"x": zero, "m": map[string]any{}})
				first, second := s.visit(cookie), s.visit(cookie)
				tt.first.do(first)
				tt.second.do(second)
				live := []*http.Cookie{cookie, first.save()}

				wantErr := error(nil)
				if tt.second.name != logout.name && (tt.want == nil || tt.first.name == renew.name) {
					wantErr = gorilla.ErrRevoked
				}
				if err := second.trySave(); !errors.Is(err, wantErr) {
					t.Fatalf("got %v, want %v", err, wantErr)
				}
				if wantErr == nil {
					live = append(live, second.cookie())
				} else if len(second.w.Header()) != 0 {
					t.Error("the refused Save set headers")
				}
				var got []map[any]any // of all cookies that anybody has
				seen := map[string]bool{}
				for _, c := range live {
					if v := s.visit(c); !v.session.IsNew && !seen[c.Value] {
						seen[c.Value] = true
						got = append(got, v.session.Values)
					}
				}
				if tt.want == nil {
					if len(got) != 0 {
						t.Errorf("got %v, want no session", got)
					}
					return
				}
				want := map[any]any{}
				for k, v := range tt.want {
					want[k] = one(v)
				}
				if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
					t.Errorf("got %v, want one session %v", got, want)
				}
			})
		}
	}
}

// After a merge the handler goes on with what is stored, and a later Save of the
// same request takes nothing back.
func TestSaveAgainAfterAMerge(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"x": 0, "y": 0})
	mine, other := s.visit(cookie), s.visit(cookie)
	other.session.Values["theirs"] = 1
	delete(other.session.Values, "y")
	other.save()
	mine.session.Values["mine"] = 1
	mine.save()
	want := map[any]any{"x": 0, "theirs": 1, "mine": 1}
	if !reflect.DeepEqual(mine.session.Values, want) {
		t.Errorf("got %v, want %v", mine.session.Values, want)
	}
	mine.session.Values["more"] = 1
	mine.save()
	want["more"] = 1
	if got := s.visit(cookie).session.Values; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What the handler holds of its values stays its own through a merge.
func TestMergeKeepsTheHandlersValues(t *testing.T) {
	s := newSite(t, nil)
	cookie := s.begin(map[any]any{"m": map[string]any{}})
	mine, other := s.visit(cookie), s.visit(cookie)
	setA.do(other)
	other.save()
	held := mine.session.Values["m"].(map[string]any)
	mine.save()
	held["later"] = true
	mine.save()
	want := map[any]any{"m": map[string]any{"later": true}, "a": 1}
	if got := s.visit(cookie).session.Values; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// hooked runs the next of its hooks before it encodes.
type hooked struct {
	value.Codec[map[any]any]
	hooks *[]func()
}

func (h hooked) Encode(v map[any]any) ([]byte, error) {
	if len(*h.hooks) > 0 {
		hook := (*h.hooks)[0]
		*h.hooks = (*h.hooks)[1:]
		hook()
	}
	return h.Codec.Encode(v)
}

// A session that changes again and again while one Save is at it.
func TestConflictAfterConflict(t *testing.T) {
	var hooks []func()
	s := newSite(t, &gorilla.Options{Codec: hooked{gorilla.Gob(), &hooks}})
	cookie := s.begin(map[any]any{"x": 0, "y": 0})
	mine := s.visit(cookie)
	setA.do(mine)
	change := func(x any) func() {
		return func() {
			// From here on the hooks are the other request's, which has none.
			rest := hooks
			hooks = nil
			other := s.visit(cookie)
			if other.session.Values["x"] = x; x == nil {
				delete(other.session.Values, "x")
			}
			other.save()
			hooks = rest
		}
	}
	hooks = []func(){change(1), change(2), change(nil), change(3)}
	mine.save()
	want := map[any]any{"x": 3, "y": 0, "a": 1}
	if got := s.visit(cookie).session.Values; !reflect.DeepEqual(got, want) || len(hooks) != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestManyRequests: each of many requests at once adds a key of its own, over a
// store with files; none is lost.
func TestManyRequests(t *testing.T) {
	db, err := tiered.Open(t.TempDir(), &tiered.Options{L2Bytes: 1 << 20, SharedDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := gorilla.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, err := store.Get(r, name)
		if err == nil {
			session.Values[r.URL.Path] = true
			err = session.Save(r, w)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	request := func(path string, cookies []*http.Cookie) *http.Response {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	cookies := request("/", nil).Cookies()
	const clients, each = 16, 10
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				if res := request(fmt.Sprintf("/%d/%d", c, i), cookies); res.StatusCode != http.StatusOK {
					t.Errorf("got %v, want 200", res.Status)
				}
			}
		})
	}
	wg.Wait()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookies[0])
	session, err := store.Get(r, name)
	if err != nil || len(session.Values) != 1+clients*each {
		t.Errorf("got %d keys, %v; want %d", len(session.Values), err, 1+clients*each)
	}
}
