//go:build js

// Package conformance runs the suite of all stores over the npm package: the
// suite is compiled for node, where harness.mjs has loaded the package.
package conformance

import (
	"errors"
	"fmt"
	"math"
	"syscall/js"
	"testing"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/client"
	"github.com/stratakv/strata/wasm/kv"
)

func TestPackageConforms(t *testing.T) {
	storetest.Run(t, storetest.Factory{
		Tier: tiered.TierMemory,
		Open: func(need storetest.Need) (storetest.Subject, error) {
			s, err := open(need)
			if err != nil {
				return storetest.Subject{}, err
			}
			return storetest.Subject{Store: client.New(s, need.Clock)}, nil
		},
	})
}

func open(need storetest.Need) (*raw, error) {
	o := client.Options(need.Options())
	r := &raw{strata: js.Global().Get("strata")}
	r.tell(client.Times(need.Clock))
	answer := r.strata.Call("open", map[string]any{
		"maxBytes": o.MaxBytes, "maxTtl": o.MaxTTL, "maxValueBytes": o.ValueBytes,
		"batch": map[string]any{"ops": o.BatchOps, "bytes": o.BatchBytes},
	})
	if err := fault(answer); err != nil {
		return nil, err
	}
	r.store = answer.Get("store")
	return r, nil
}

// raw is a store of the package.
type raw struct{ strata, store js.Value }

var _ client.Raw = (*raw)(nil)

var sentinels = map[string]error{
	"NOT_FOUND": tier.ErrNotFound, "CLOSED": tier.ErrClosed, "TTL": tier.ErrTTL, "TOO_LARGE": tier.ErrTooLarge,
	"FULL": tier.ErrFull, "VERSION": tier.ErrVersion, "CORRUPT": tier.ErrCorrupt,
}

func fault(answer js.Value) error {
	code := answer.Get("error")
	if code.IsUndefined() {
		return nil
	}
	if err := sentinels[code.String()]; err != nil {
		return err
	}
	return fmt.Errorf("the package says %s", code)
}

// tell moves the clock that the package's store looks at.
func (r *raw) tell(wall, boot float64) {
	clock := r.strata.Get("clock")
	clock.Set("wall", wall)
	clock.Set("boot", boot)
}

// call calls a method at boot. The wall clock was told by Look.
func (r *raw) call(boot float64, method string, args ...any) (js.Value, error) {
	r.strata.Get("clock").Set("boot", boot)
	answer := r.store.Call(method, args...)
	return answer, fault(answer)
}

func toJS(b []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array
}

func fromJS(array js.Value) []byte {
	b := make([]byte, array.Length())
	js.CopyBytesToGo(b, array)
	return b
}

func head(record js.Value) tier.Head {
	h := tier.Head{Version: uint64(record.Get("version").Float())}
	if expires := record.Get("expires"); !expires.IsUndefined() {
		h.Deadline = math.MaxInt64
		if ms := expires.Float(); ms < math.MaxInt64 {
			h.Deadline = int64(ms)
		}
	}
	return h
}

// life is the options of a write.
func life(l kv.Life) map[string]any {
	switch l.Mode {
	case kv.LifeKeep:
		return map[string]any{"keepTtl": true}
	case kv.LifeTTL:
		return map[string]any{"ttl": l.Ms}
	case kv.LifeDeadline:
		if l.Ms == 0 {
			return map[string]any{"expires": nil}
		}
		return map[string]any{"expires": l.Ms}
	}
	return map[string]any{}
}

func (r *raw) Get(dst []byte, key string, boot float64) ([]byte, tier.Head, error) {
	answer, err := r.call(boot, "get", toJS([]byte(key)))
	if err != nil {
		return dst, tier.Head{}, err
	}
	return append(dst, fromJS(answer.Get("value"))...), head(answer), nil
}

func (r *raw) Write(ops []kv.Op, many bool, boot float64) ([]kv.Result, int, error) {
	if many {
		all := make([]any, len(ops))
		for i := range ops {
			all[i] = jsOp(&ops[i])
		}
		_, err := r.call(boot, "write", all)
		return nil, 0, err
	}
	op := &ops[0]
	key := toJS([]byte(op.Key))
	var answer js.Value
	var err error
	switch {
	case op.Kind == tier.OpSet && op.If:
		answer, err = r.call(boot, "cas", key, float64(op.Expect), toJS(op.Value), life(op.Life))
	case op.Kind == tier.OpSet:
		answer, err = r.call(boot, "set", key, toJS(op.Value), life(op.Life))
	case op.Kind == tier.OpTouch:
		_, err = r.call(boot, "touch", key, life(op.Life))
		return []kv.Result{{}}, 0, err
	case op.If:
		_, err = r.call(boot, "removeVersion", key, float64(op.Expect))
		return []kv.Result{{}}, 0, err
	default:
		_, err = r.call(boot, "remove", key)
		return []kv.Result{{}}, 0, err
	}
	if err != nil {
		return nil, 0, err
	}
	return []kv.Result{{Head: head(answer), Applied: true}}, 0, nil
}

func jsOp(op *kv.Op) map[string]any {
	all := life(op.Life)
	all["type"] = map[tier.Kind]any{tier.OpSet: "set", tier.OpDelete: "delete", tier.OpTouch: "touch", tier.OpCheck: "check"}[op.Kind]
	all["key"] = toJS([]byte(op.Key))
	if op.Kind == tier.OpSet {
		all["value"] = toJS(op.Value)
	}
	if op.Kind == tier.OpCheck {
		all["version"] = float64(op.Expect)
	}
	return all
}

func (r *raw) Scan(g kv.Range, boot float64, visit func(key string, h tier.Head, value []byte)) (string, bool, error) {
	answer, err := r.call(boot, "scan", toJS([]byte(g.Prefix)), toJS([]byte(g.From)))
	if err != nil {
		return "", false, err
	}
	records := answer.Get("records")
	next := ""
	for i := range records.Length() {
		record := records.Index(i)
		key := string(fromJS(record.Get("key")))
		visit(key, head(record), fromJS(record.Get("value")))
		next = key + "\x00"
	}
	return next, records.Length() == 256, nil
}

func (r *raw) DeletePrefix(prefix string, _ int, boot float64) (int, bool, error) {
	answer, err := r.call(boot, "deletePrefix", toJS([]byte(prefix)))
	if err != nil {
		return 0, false, err
	}
	return answer.Get("count").Int(), false, nil
}

func (r *raw) Sweep(limit int, boot float64) (int, error) {
	answer, err := r.call(boot, "sweep", limit)
	if err != nil {
		return 0, err
	}
	return answer.Get("count").Int(), nil
}

// Look moves the clock; the package looks at it by itself.
func (r *raw) Look(wall, boot float64) error {
	r.tell(wall, boot)
	return nil
}

func (r *raw) Stats() kv.Stats {
	s := r.store.Call("stats")
	field := func(name string) int64 { return int64(s.Get(name).Float()) }
	return kv.Stats{
		Counters: kv.Counters{Hits: uint64(field("hits")), Misses: uint64(field("misses")), Writes: uint64(field("writes")), Swept: uint64(field("swept"))},
		Usage: tier.Usage{
			Records: field("records"), LiveBytes: field("liveBytes"), RawBytes: field("rawBytes"), StoredBytes: field("storedBytes"),
		},
		Evictions: uint64(field("evictions")), UsedBytes: field("usedBytes"), MaxBytes: field("maxBytes"),
	}
}

func (r *raw) Close() { r.store.Call("close") }

var errNotHere = errors.New("the suite takes no snapshots")

func (r *raw) Snapshot(float64, func([]byte) error) error { return errNotHere }

func (r *raw) Restore(bool, float64, func() ([]byte, error)) error { return errNotHere }
