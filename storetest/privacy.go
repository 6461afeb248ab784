package storetest

import (
	"bytes"
	"strings"
	"time"

	"github.com/stratakv/strata/tiered"
)

var privacyCases = []testCase{
	{
		name: "BytesIn",
		why:  "P7: what a caller does to his bytes after the call is not seen",
		run: func(p *probe) {
			s, ctx := p.store, p.ctx
			ways := map[string]func(key string, value []byte) error{
				"Set": func(key string, value []byte) error { return s.Set(ctx, key, value, 0) },
				"SetItem": func(key string, value []byte) error {
					it, err := s.SetItem(ctx, tiered.Item{Key: key, Value: value})
					clear(it.Value) // the caller's own, too
					return err
				},
				"CompareAndSet": func(key string, value []byte) error {
					it, err := s.CompareAndSet(ctx, key, 0, value, 0)
					clear(it.Value)
					return err
				},
				"Update": func(key string, value []byte) error {
					it, err := s.Update(ctx, key, func(tiered.Item, bool) ([]byte, time.Duration, error) { return value, 0, nil })
					clear(it.Value)
					return err
				},
				"Update over an old": func(key string, value []byte) error {
					p.set(key, strings.Repeat("old", 200), 0)
					_, err := s.Update(ctx, key, func(old tiered.Item, _ bool) ([]byte, time.Duration, error) {
						old.Value = append(old.Value[:0], value...)
						return old.Value, 0, nil
					})
					return err
				},
			}
			for name, way := range ways {
				for _, want := range []string{"short", strings.Repeat("long ", 100)} {
					key, value := name+want, []byte(want)
					p.must(name, way(key, value))
					clear(value)
					p.wantValue(name+", then cleared", key, want)
				}
			}
		},
	},
	{
		name: "BytesOut",
		why:  "P7: what a caller does to the bytes that he got is not seen by anyone",
		run: func(p *probe) {
			for _, want := range []string{"short", strings.Repeat("long ", 100)} {
				p.set("key", want, 0)
				for range 2 { // the second time a cache may answer
					for name, read := range p.readers("key") {
						got := read()
						if string(got) != want {
							p.Errorf("%s: got %s, want %s", name, short(string(got)), short(want))
						}
						clear(got)
						_ = append(got, "tail"...)
						p.wantValue(name+", then cleared", "key", want)
					}
				}
			}
		},
	},
	{
		name: "BytesStay",
		why:  "P7: what a caller got is not changed by any later write",
		run: func(p *probe) {
			want := strings.Repeat("value", 20)
			p.set("key", want, 0)
			kept := map[string][]byte{}
			for name, read := range p.readers("key") {
				kept[name] = read()
			}
			p.set("key", strings.Repeat("other", 20), 0)
			p.must("Delete", p.store.Delete(p.ctx, "key"))
			for i := range 50 {
				p.set(string(rune('a'+i)), strings.Repeat("third", 20), 0)
			}
			for name, got := range kept {
				if string(got) != want {
					p.Errorf("value from %s: got %s after later writes, want %s", name, short(string(got)), short(want))
				}
			}
		},
	},
	{
		name: "OldIsTheCallersOwn",
		why:  "P7: what an UpdateFunc does to the old value changes nothing by itself",
		run: func(p *probe) {
			p.set("key", "value", 0)
			_, err := p.store.Update(p.ctx, "key", func(old tiered.Item, _ bool) ([]byte, time.Duration, error) {
				clear(old.Value)
				return nil, 0, tiered.Keep
			})
			p.must("Update", err)
			p.wantValue("kept", "key", "value")
			it, err := p.store.CompareAndSet(p.ctx, "key", 0, nil, 0)
			p.want("CompareAndSet", err, tiered.ErrVersion)
			clear(it.Value)
			p.wantValue("ErrVersion's Item cleared", "key", "value")
		},
	},
}

// readers are the ways that give bytes away. View lends; what it lent is
// copied here.
func (p *probe) readers(key string) map[string]func() []byte {
	return map[string]func() []byte{
		"Get": func() []byte {
			value, err := p.store.Get(p.ctx, key)
			p.must("Get", err)
			return value
		},
		"GetItem": func() []byte { return p.item(key).Value },
		"GetMany": func() []byte {
			items, err := p.store.GetMany(p.ctx, []string{key})
			p.must("GetMany", err)
			return items[key].Value
		},
		"View": func() (value []byte) {
			err := p.store.View(p.ctx, key, func(lent []byte) error { value = bytes.Clone(lent); return nil })
			p.must("View", err)
			return value
		},
		"Scan": func() []byte {
			for it, err := range p.store.Scan(p.ctx, key) {
				p.must("Scan", err)
				return it.Value
			}
			return nil
		},
	}
}
