package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
)

func TestScanTellsRecordsExactly(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, clock *storetest.Clock) {
		_, base := startService(t, st)
		ask(t, "PUT", base+"/v1/kv/p%2F1?ttl=90s", "<&\u2028>").want(t, 204)
		ask(t, "PUT", base+"/v1/kv/p%2F2", "\xff\x00").want(t, 204)
		ask(t, "PUT", base+"/v1/kv/p%2F%FF", "").want(t, 204)
		ask(t, "PUT", base+"/v1/kv/q", "not in the range").want(t, 204)
		got := ask(t, "GET", base+"/v1/scan?prefix=p%2F", "")
		got.want(t, 200)
		want := `{"key":"p/1","value":"<&\u2028>","version":1,"expires":"2027-01-15T08:01:30.000Z"}
{"key":"p/2","value64":"/wA=","version":2,"expires":null}
{"key64":"cC//","value":"","version":3,"expires":null}
`
		if got.body != want {
			t.Errorf("got %s, want %s", got.body, want)
		}
		if ct := got.header.Get("Content-Type"); ct != "application/x-ndjson" {
			t.Errorf("got Content-Type %q", ct)
		}
		if none := ask(t, "GET", base+"/v1/scan?prefix=%FF%FF", ""); none.status != 200 || none.body != "" {
			t.Errorf("got %d %q, want an empty scan", none.status, none.body)
		}
		if all := ask(t, "GET", base+"/v1/scan", ""); strings.Count(all.body, "\n") != 4 {
			t.Errorf("got %q, want all four records", all.body)
		}
	})
}

func TestScanOfManyRecords(t *testing.T) {
	forEachStore(t, func(t *testing.T, st *tiered.Store, _ *storetest.Clock) {
		_, base := startService(t, st)
		const records = 2000
		for first := 0; first < records; first += 500 {
			var b tiered.Batch
			for i := first; i < first+500; i++ {
				b.Set(fmt.Sprintf("k%05d", i), []byte(strings.Repeat("v", 200)), 0)
			}
			if err := st.Write(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
		}
		lines := bufio.NewScanner(strings.NewReader(ask(t, "GET", base+"/v1/scan?prefix=k", "").body))
		n := 0
		for ; lines.Scan(); n++ {
			var got scanLine
			if err := json.Unmarshal(lines.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("k%05d", n); *got.Key != want {
				t.Fatalf("got %q, want %q", *got.Key, want)
			}
		}
		if n != records {
			t.Errorf("got %d records, want %d", n, records)
		}
	})
}

// breakingStore scans n records, then fails.
type breakingStore struct {
	store
	n int
}

func (b breakingStore) Scan(context.Context, string) iter.Seq2[tiered.Item, error] {
	return func(yield func(tiered.Item, error) bool) {
		for i := range b.n {
			if !yield(tiered.Item{Key: fmt.Sprint(i), Value: []byte("v"), Version: 1}, nil) {
				return
			}
		}
		yield(tiered.Item{}, fmt.Errorf("scan: %w", tiered.ErrCorrupt))
	}
}

func TestBrokenScanLooksBroken(t *testing.T) {
	for _, n := range []int{1, 10, 10_000} { // less and more than the buffers hold
		_, base := startService(t, breakingStore{n: n})
		resp, err := http.Get(base + "/v1/scan")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 200 || err == nil {
			t.Errorf("%d records: got %d and a clean end, want a broken one", n, resp.StatusCode)
		}
		lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
		if len(lines) != n+1 || lines[n] != `{"error":"record is damaged; it can be deleted"}` {
			t.Errorf("got %d lines, the last %q, want %d and the error", len(lines), lines[len(lines)-1], n+1)
		}
	}
	_, base := startService(t, breakingStore{n: 0})
	ask(t, "GET", base+"/v1/scan", "").want(t, 500) // before the first byte it is a plain answer
}
