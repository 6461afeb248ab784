package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stratakv/strata/tiered"
)

const (
	maxBatchBytes = 16 << 20
	maxBatchOps   = 10_000
)

// batchOp is one line of a batch.
type batchOp struct {
	op      string // "set", "delete", "touch" or "check"
	key     string
	value   string        // of set
	ttl     time.Duration // of set and touch; 0: no expiry
	version uint64        // of check; 0: absent
}

// batchFields names, for each op, what its line may hold besides op and key,
// and which of that it must.
var batchFields = map[string]struct {
	may  []string
	must string
}{
	"set":    {may: []string{"value", "ttl"}, must: "value"},
	"delete": {},
	"touch":  {may: []string{"ttl"}, must: "ttl"},
	"check":  {may: []string{"version"}, must: "version"},
}

// batch answers POST /v1/batch.
func (s *service) batch(w http.ResponseWriter, r *http.Request) error {
	if _, err := queryOf(r); err != nil {
		return err
	}
	body, release, err := s.bodies.read(w, r, maxBatchBytes)
	if err != nil {
		return err
	}
	defer release()
	ops, err := parseBatch(body)
	if err != nil {
		return err
	}
	var b tiered.Batch
	for _, op := range ops {
		switch op.op {
		case "set":
			b.Set(op.key, []byte(op.value), op.ttl)
		case "delete":
			b.Delete(op.key)
		case "touch":
			b.Touch(op.key, op.ttl)
		case "check":
			b.Check(op.key, op.version)
		}
	}
	if err := s.store.Write(r.Context(), &b); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// parseBatch reads NDJSON operations. It refuses what encoding/json would let
// pass or change unseen: names in another case, names given twice, bytes that
// are not UTF-8 and halves of surrogate pairs, which would turn two keys into
// one. Blank lines count as lines and do nothing.
func parseBatch(body []byte) ([]batchOp, error) {
	var ops []batchOp
	number := 0
	for line := range bytes.Lines(body) {
		number++
		if len(bytes.Trim(line, " \t\r\n")) == 0 {
			continue
		}
		if len(ops) == maxBatchOps {
			return nil, &requestError{http.StatusRequestEntityTooLarge, fmt.Sprintf("batch is over %d operations", maxBatchOps)}
		}
		op, err := parseBatchLine(line)
		if err != nil {
			return nil, badRequest("line %d: %v", number, err)
		}
		ops = append(ops, op)
	}
	if len(ops) == 0 {
		return nil, badRequest("batch has no operation")
	}
	return ops, nil
}

func parseBatchLine(line []byte) (batchOp, error) {
	fields, err := parseObject(line)
	if err != nil {
		return batchOp{}, err
	}
	op := batchOp{op: fields["op"]}
	if op.op == "" {
		return batchOp{}, errors.New("op is missing")
	}
	rule, known := batchFields[op.op]
	if !known {
		return batchOp{}, fmt.Errorf("op %s is not set, delete, touch or check", short(op.op))
	}
	var found bool
	if op.key, found, err = textOrBytes(fields, "key"); err != nil {
		return batchOp{}, err
	} else if !found {
		return batchOp{}, errors.New("key or key64 is missing")
	}
	value, hasValue, err := textOrBytes(fields, "value")
	if err != nil {
		return batchOp{}, err
	}
	ttl, hasTTL := fields["ttl"]
	version, hasVersion := fields["version"]
	for _, f := range []struct {
		name string
		has  bool
	}{{"value", hasValue}, {"ttl", hasTTL}, {"version", hasVersion}} {
		if f.has && !slices.Contains(rule.may, f.name) {
			return batchOp{}, fmt.Errorf("%s has no meaning with %s", f.name, op.op)
		}
		if !f.has && rule.must == f.name {
			return batchOp{}, fmt.Errorf("%s is missing", f.name)
		}
	}
	op.value = value
	if hasTTL {
		if op.ttl, err = parseTTL(ttl); err != nil {
			return batchOp{}, fmt.Errorf("ttl: %w", err)
		}
	}
	if hasVersion {
		if op.version, err = strconv.ParseUint(version, 10, 64); err != nil {
			return batchOp{}, errors.New("version: want a whole number")
		}
	}
	return op, nil
}

// textOrBytes gives the field name, or name+"64" decoded; one of them at most.
func textOrBytes(fields map[string]string, name string) (text string, found bool, err error) {
	text, plain := fields[name]
	coded, based := fields[name+"64"]
	switch {
	case plain && based:
		return "", false, fmt.Errorf("%s and %s64 are both given", name, name)
	case !based:
		return text, plain, nil
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(coded)
	if err != nil || strings.ContainsAny(coded, "\r\n") {
		return "", false, fmt.Errorf("%s64 is not standard base64", name)
	}
	return string(raw), true, nil
}

// parseObject reads one flat JSON object with the fields of a batch line:
// "version" a number, the others strings.
func parseObject(line []byte) (map[string]string, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("not valid UTF-8 (use key64 and value64 for other bytes)")
	}
	if halfSurrogate(line) {
		return nil, errors.New(`half of a surrogate pair in a \u escape`)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	fields := make(map[string]string, 4)
	for dec.More() {
		tok, err := dec.Token()
		name, isName := tok.(string)
		if err != nil || !isName {
			return nil, errors.New("malformed JSON")
		}
		switch name {
		case "op", "key", "key64", "value", "value64", "ttl", "version":
		default:
			return nil, fmt.Errorf("unknown field %s", short(name))
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		if tok, err = dec.Token(); err != nil {
			return nil, errors.New("malformed JSON")
		}
		text, isText := tok.(string)
		num, isNumber := tok.(json.Number)
		switch {
		case name == "version" && isNumber:
			fields[name] = num.String()
		case name != "version" && isText:
			fields[name] = text
		case name == "version":
			return nil, errors.New("version: want a whole number")
		default:
			return nil, fmt.Errorf("%s: want a string", name)
		}
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, errors.New("malformed JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the object (one object a line; curl: --data-binary)")
	}
	return fields, nil
}

// halfSurrogate reports whether a \u escape of the JSON text is half a
// surrogate pair.
func halfSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if text[i+1] != 'u' {
			text = text[i+2:]
			continue
		}
		unit, ok := escapedUnit(text[i:])
		text = text[i+2:]
		if !ok || unit < 0xd800 || unit > 0xdfff {
			continue // not hex: the JSON decoder says so
		}
		low, ok := escapedUnit(text[min(4, len(text)):])
		if unit >= 0xdc00 || !ok || low < 0xdc00 || low > 0xdfff {
			return true
		}
		text = text[10:]
	}
}

// escapedUnit gives the UTF-16 unit of the \uXXXX that text begins with.
func escapedUnit(text []byte) (uint64, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

// short quotes text of a request for an error line, cut to a sane length.
func short(text string) string {
	const limit = 32
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return strconv.Quote(text)
}
