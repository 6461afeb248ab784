package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/stratakv/strata/tiered"
)

const (
	scanBuffer = 64 << 10
	// scanStall is how long a client may take for scanBuffer bytes.
	scanStall = 30 * time.Second
)

// scanLine is one record of a scan. Bytes that are not valid UTF-8 stand in
// the 64 fields, in standard base64: JSON strings cannot hold them.
type scanLine struct {
	Key     *string `json:"key,omitempty"`
	Key64   []byte  `json:"key64,omitempty"`
	Value   *string `json:"value,omitempty"`
	Value64 []byte  `json:"value64,omitempty"`
	Version uint64  `json:"version"`
	Expires *string `json:"expires"` // RFC 3339 with milliseconds, null: never
}

func newScanLine(it tiered.Item) scanLine {
	line := scanLine{Version: it.Version}
	if utf8.ValidString(it.Key) {
		line.Key = &it.Key
	} else {
		line.Key64 = []byte(it.Key)
	}
	if utf8.Valid(it.Value) {
		value := string(it.Value)
		line.Value = &value
	} else {
		line.Value64 = it.Value
	}
	if !it.Expires.IsZero() {
		expires := it.Expires.UTC().Format("2006-01-02T15:04:05.000Z07:00")
		line.Expires = &expires
	}
	return line
}

// scan streams the records whose keys begin with prefix. An error before the
// first byte is a plain answer; a later one is told in a last line, and the
// connection is broken, so that no client takes the part for the whole.
func (s *service) scan(w http.ResponseWriter, r *http.Request) error {
	query, err := queryOf(r, "prefix")
	if err != nil {
		return err
	}
	conn := http.NewResponseController(w)
	// The read deadline of the server would cancel the context of a long scan.
	// Writers without deadlines (in tests) have nothing to set.
	_ = conn.SetReadDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out := bufio.NewWriterSize(&stallGuard{w, conn}, scanBuffer)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	begun := false
	for it, err := range s.store.Scan(r.Context(), query.Get("prefix")) {
		if err == nil {
			err = lines.Encode(newScanLine(it))
		} else if !begun {
			return err
		} else {
			_, text, _ := answer(err)
			_ = lines.Encode(map[string]string{"error": text}) // the break below says it too
		}
		if err != nil {
			s.log.Warn("scan broken off", "err", err)
			_ = out.Flush()
			_ = conn.Flush()
			panic(http.ErrAbortHandler)
		}
		begun = true
	}
	if err := out.Flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// stallGuard gives each write of a stream a deadline of its own.
type stallGuard struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (g *stallGuard) Write(p []byte) (int, error) {
	_ = g.conn.SetWriteDeadline(time.Now().Add(scanStall))
	return g.ResponseWriter.Write(p)
}
