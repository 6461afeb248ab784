package session_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/stratakv/strata/session"
	"github.com/stratakv/strata/tiered"
)

func TestStoreGetAndSet(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		ctx := t.Context()
		mine := errors.New("mine")
		for key, v := range map[string][2]any{"session:id": {"a", "b"}, "flash:id": {"a", nil}, "user:id": {nil, 1}, "expires:id": {e.in(60), e.in(61)}} {
			set := func(wantOld any, wantFound bool, to any, order error) (any, error) {
				return e.GetAndSet(ctx, key, func(old any, found bool) (any, error) {
					if !reflect.DeepEqual(old, wantOld) || found != wantFound {
						t.Errorf("%s: got %v, %v, want %v, %v", key, old, found, wantOld, wantFound)
					}
					return to, order
				})
			}
			wantResult := func(when string, got any, err error, want any, wantErr error) {
				if !reflect.DeepEqual(got, want) || !errors.Is(err, wantErr) {
					t.Errorf("%s: %s: got %v, %v, want %v, %v", key, when, got, err, want, wantErr)
				}
			}
			got, err := set(nil, false, nil, tiered.Keep)
			wantResult("keep nothing", got, err, nil, nil)
			got, err = set(nil, false, nil, tiered.Remove)
			wantResult("remove nothing", got, err, nil, nil)
			e.wantAbsent("kept and removed", key)
			got, err = set(nil, false, v[0], nil)
			wantResult("first", got, err, v[0], nil)
			e.want("first", key, v[0])
			got, err = set(v[0], true, v[1], nil)
			wantResult("second", got, err, v[1], nil)
			e.want("second", key, v[1])
			got, err = set(v[1], true, 1, mine)
			wantResult("an error", got, err, nil, mine)
			got, err = set(v[1], true, 1, tiered.Keep)
			wantResult("keep", got, err, v[1], nil)
			if key != "expires:id" {
				got, err = set(v[1], true, make(chan int), nil)
				wantResult("what cannot be stored", got, err, nil, session.ErrArgument)
			}
			e.want("kept", key, v[1])
			got, err = set(v[1], true, 1, tiered.Remove)
			wantResult("remove", got, err, nil, nil)
			e.wantAbsent("removed", key)
		}
	})
}

// Writers of one session's three keys, of which none may lose another's.
func TestStoreGetAndSetIsAtomic(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		const writers, rounds = 4, 25
		start := e.in(1000)
		e.put("expires:id", start)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for range rounds {
					for _, key := range []string{"session:id", "flash:id", "user:id", "expires:id"} {
						_, err := e.GetAndSet(t.Context(), key, func(old any, _ bool) (any, error) {
							n, _ := old.(int64)
							return n + 1, nil
						})
						if err != nil {
							t.Error(err)
						}
					}
					if w == 0 {
						e.put("other:id", "beside")
					}
				}
			})
		}
		wg.Wait()
		for _, key := range []string{"session:id", "flash:id", "user:id"} {
			e.want("after all", key, int64(writers*rounds))
		}
		e.want("after all", "expires:id", start+writers*rounds)
	})
}

// Put of one key beside those of the others of the same id.
func TestStorePutsBesideEachOther(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		var wg sync.WaitGroup
		for _, key := range []string{"session:id", "flash:id", "expires:id"} {
			wg.Go(func() {
				for i := range int64(30) {
					v := e.in(1000 + i)
					e.put(key, v)
					e.want("its only writer", key, v)
				}
			})
		}
		wg.Wait()
	})
}

func TestStoreGetInto(t *testing.T) {
	type cart struct {
		Items []string
		Total int32
	}
	e := openMemoryStore(t, nil)
	ctx := t.Context()
	got := cart{Total: 1}
	if found, err := e.GetInto(ctx, "session:id", &got); found || err != nil || got.Total != 1 {
		t.Errorf("absent: got %+v, %v, %v", got, found, err)
	}
	want := cart{Items: []string{"a"}, Total: -5}
	for _, key := range []string{"session:id", "flash:id", "cart:id"} {
		e.put(key, want)
		if found, err := e.GetInto(ctx, key, &got); !found || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, %v, want %+v", key, got, found, err, want)
		}
		e.want("what it consists of", key, map[string]any{"Items": []any{"a"}, "Total": -5})
		var text string
		if found, err := e.GetInto(ctx, key, &text); found || !errors.Is(err, session.ErrArgument) {
			t.Errorf("%s: into a string: got %v, %v, want ErrArgument", key, found, err)
		}
	}
	e.put("session:id", map[string]any{"Items": []string{"b"}, "Total": uint8(3)})
	if found, err := e.GetInto(ctx, "session:id", &got); !found || err != nil || !reflect.DeepEqual(got, cart{[]string{"b"}, 3}) {
		t.Errorf("a map: got %+v, %v, %v", got, found, err)
	}
}

func TestStoreValuesArePrivate(t *testing.T) {
	eachStore(t, nil, func(t *testing.T, e *storeEnv) {
		in := map[string]any{"bytes": []byte("abc"), "list": []any{1}}
		e.put("session:id", in)
		in["bytes"].([]byte)[0], in["list"].([]any)[0] = 'x', 2
		want := map[string]any{"bytes": []byte("abc"), "list": []any{1}}
		for range 2 {
			got, _, err := e.Get(t.Context(), "session:id")
			if err != nil || !reflect.DeepEqual(got, any(want)) {
				t.Fatalf("got %v, %v, want %v", got, err, want)
			}
			m := got.(map[string]any)
			m["bytes"].([]byte)[0], m["list"].([]any)[0] = 'y', 3
		}
	})
}
