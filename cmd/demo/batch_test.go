package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func TestBatchLines(t *testing.T) {
	body := `{"op":"set","key":"a","value":"1","ttl":"30m"}
{"ttl":"0","value64":"/wA=","key64":"/w==","op":"set"}` + "\r\n" + `
 { "op" : "delete" , "key" : "" }
{"op":"touch","key":"\ud83d\ude00\\ud800","ttl":"1h"}
{"op":"check","key":"c","version":18446744073709551615}`
	want := []batchOp{
		{op: "set", key: "a", value: "1", ttl: 30 * time.Minute},
		{op: "set", key: "\xff", value: "\xff\x00"},
		{op: "delete"},
		{op: "touch", key: `😀\ud800`, ttl: time.Hour},
		{op: "check", key: "c", version: 1<<64 - 1},
	}
	got, err := parseBatch([]byte(body))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// badBatchLines are refused, each with its line's number.
var badBatchLines = []struct{ line, why string }{
	{`{"key":"k"}`, "op is missing"},
	{`{"op":"","key":"k"}`, "op is missing"},
	{`{"op":"get","key":"k"}`, `op "get" is not`},
	{`{"op":"delete"}`, "key or key64 is missing"},
	{`{"op":"delete","key":"k","key64":"aw=="}`, "both given"},
	{`{"op":"set","key":"k"}`, "value is missing"},
	{`{"op":"set","key":"k","value":"v","value64":"dg=="}`, "both given"},
	{`{"op":"set","key":"k","value":"v","version":1}`, "version has no meaning with set"},
	{`{"op":"delete","key":"k","ttl":"1m"}`, "ttl has no meaning with delete"},
	{`{"op":"touch","key":"k"}`, "ttl is missing"},
	{`{"op":"touch","key":"k","ttl":"1m","value":"v"}`, "value has no meaning with touch"},
	{`{"op":"check","key":"k"}`, "version is missing"},
	{`{"op":"check","key":"k","version":"1"}`, "want a whole number"},
	{`{"op":"check","key":"k","version":1.5}`, "want a whole number"},
	{`{"op":"check","key":"k","version":1e2}`, "want a whole number"},
	{`{"op":"check","key":"k","version":-1}`, "want a whole number"},
	{`{"op":"check","key":"k","version":18446744073709551616}`, "want a whole number"},
	{`{"op":"set","key":"k","value":"v","ttl":"-1s"}`, "ttl: want a duration"},
	{`{"op":"set","key":"k","value":"v","ttl":"30"}`, "ttl: want a duration"},
	{`{"op":"set","key":"k","value":"v","ttl":""}`, "ttl: want a duration"},
	{`{"op":"set","key":"k","value":"v","ttl":30}`, "ttl: want a string"},
	{`{"op":"set","key":"k","value":null}`, "value: want a string"},
	{`{"op":"set","key":"k","value":{"a":1}}`, "value: want a string"},
	{`{"op":"set","key":["k"],"value":"v"}`, "key: want a string"},
	{`{"op":"delete","key":"k","tll":"1m"}`, `unknown field "tll"`},
	{`{"op":"delete","Key":"k"}`, `unknown field "Key"`}, // encoding/json would take it for key
	{`{"op":"delete","key":"a","key":"b"}`, "key is given twice"},
	{`{"op":"delete","key64":"aw"}`, "not standard base64"},
	{`{"op":"delete","key64":"a_=="}`, "not standard base64"},
	{`{"op":"delete","key64":"ax=="}`, "not standard base64"}, // bits behind the end
	{`{"op":"delete","key64":"a\nw=="}`, "not standard base64"},
	{`{"op":"delete","key":"k"} x`, "something follows"},
	{`{"op":"delete","key":"k"}{"op":"delete","key":"l"}`, "something follows"},
	{`{"op":"delete","key":"k"`, "malformed JSON"},
	{`{"op":"delete","key":"k",}`, "malformed JSON"},
	{`{"op":"delete" "key":"k"}`, "malformed JSON"},
	{`{op:"delete","key":"k"}`, "malformed JSON"},
	{`[{"op":"delete","key":"k"}]`, "not a JSON object"},
	{`"op"`, "not a JSON object"},
	{`null`, "not a JSON object"},
	{`{"op":"delete","key":"` + "\xff" + `"}`, "not valid UTF-8"},
	{`{"op":"delete","key":"\ud800"}`, "surrogate"},
	{`{"op":"delete","key":"\ud800\ud800"}`, "surrogate"},
	{`{"op":"delete","key":"\udc00\ud800"}`, "surrogate"},
	{`{"op":"delete","key":"\ud83d\\ude00"}`, "surrogate"},
	{`{"op":"delete","key":"\\\ud83dx"}`, "surrogate"},
}

func TestBatchRefusesBadLines(t *testing.T) {
	for _, c := range badBatchLines {
		_, err := parseBatch([]byte(`{"op":"delete","key":"k"}` + "\n\n" + c.line + "\n"))
		status, text, _ := answer(err)
		if status != 400 || !strings.HasPrefix(text, "line 3: ") || !strings.Contains(text, c.why) || strings.Contains(text, "\n") {
			t.Errorf("%s: got %d %q, want 400 with line 3 and %q", c.line, status, text, c.why)
		}
	}
	for _, body := range []string{"", "\n", " \r\n\t\n"} {
		if _, err := parseBatch([]byte(body)); err == nil {
			t.Errorf("%q: got nil, want an error for a batch of nothing", body)
		}
	}
	line := `{"op":"delete","key":"k"}` + "\n"
	if _, err := parseBatch([]byte(strings.Repeat(line, maxBatchOps))); err != nil {
		t.Errorf("got %v at the limit", err)
	}
	_, err := parseBatch([]byte(strings.Repeat(line, maxBatchOps+1)))
	if status, _, _ := answer(err); status != 413 {
		t.Errorf("got %d over the limit, want 413", status)
	}
}

func TestBatchIsAtomic(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, clock *storetest.Clock) {
		_, base := startService(t, st)
		batch := func(lines ...string) answered {
			return ask(t, "POST", base+"/v1/batch", strings.Join(lines, "\n"))
		}
		batch(`{"op":"set","key":"a","value":"1","ttl":"1m"}`, `{"op":"set","key":"b","value":"2"}`,
			`{"op":"check","key":"c","version":0}`).want(t, 204)
		a := ask(t, "GET", base+"/v1/kv/a", "")
		if a.body != "1" || a.header.Get("Expires") == "" {
			t.Errorf("got %q, Expires %q", a.body, a.header.Get("Expires"))
		}
		version := strings.Trim(a.header.Get("ETag"), `"`)
		batch(`{"op":"check","key":"a","version":`+version+`}`, `{"op":"touch","key":"a","ttl":"2m"}`,
			`{"op":"delete","key":"b"}`, `{"op":"delete","key":"none"}`).want(t, 204)
		ask(t, "GET", base+"/v1/kv/b", "").want(t, 404)
		clock.Advance(90 * time.Second)
		ask(t, "GET", base+"/v1/kv/a", "").want(t, 200)

		for _, c := range []struct {
			line   string
			status int
		}{
			{`{"op":"check","key":"a","version":` + version + `}`, 412},
			{`{"op":"touch","key":"none","ttl":"1m"}`, 404},
			{`{"op":"touch","key":"a"}`, 400},
			{`{"op":"set","key":"` + strings.Repeat("k", tiered.MaxKeyBytes+1) + `","value":"v"}`, 413},
		} {
			batch(`{"op":"set","key":"x","value":"v"}`, c.line).want(t, c.status)
			ask(t, "GET", base+"/v1/kv/x", "").want(t, 404)
		}
		ask(t, "POST", base+"/v1/batch", strings.Repeat(" ", maxBatchBytes+1)).want(t, 413)
	})
}

// batchLine writes op as a line of a batch.
func batchLine(t testing.TB, op batchOp) []byte {
	fields := map[string]any{"op": op.op}
	text := func(name, value string) {
		if utf8.ValidString(value) {
			fields[name] = value
		} else {
			fields[name+"64"] = base64.StdEncoding.EncodeToString([]byte(value))
		}
	}
	text("key", op.key)
	switch op.op {
	case "set":
		text("value", op.value)
		fields["ttl"] = op.ttl.String()
	case "touch":
		fields["ttl"] = op.ttl.String()
	case "check":
		fields["version"] = op.version
	}
	line, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return append(line, '\n')
}

func FuzzBatch(f *testing.F) {
	for _, c := range badBatchLines {
		f.Add([]byte(c.line))
	}
	f.Add([]byte(`{"op":"set","key":"a","value":"1","ttl":"30m"}` + "\n" + `{"op":"set","key64":"/w==","value64":"AA=="}`))
	f.Add([]byte(`{"op":"touch","key":"\ud83d\ude00","ttl":"1h0.5s"}` + "\r\n\n" + `{"op":"check","key":"\u0000","version":7}`))
	f.Add([]byte(`{"op":"delete","key":"\ufffd` + "\ufffd" + `"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ops, err := parseBatch(body)
		if err != nil {
			status, text, _ := answer(err)
			if status != 400 && status != 413 || strings.ContainsAny(text, "\r\n") || len(text) > 300 {
				t.Errorf("got %d %q, want one clear line", status, text)
			}
			return
		}
		var again []byte
		for _, op := range ops {
			if op.ttl < 0 {
				t.Errorf("got a ttl of %v", op.ttl)
			}
			again = append(again, batchLine(t, op)...)
		}
		got, err := parseBatch(again)
		if err != nil || !slices.Equal(got, ops) {
			t.Errorf("got %+v, %v after writing %s, want %+v", got, err, again, fmt.Sprint(ops))
		}
	})
}
