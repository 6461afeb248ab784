package main

import (
	"net/http"
	"strconv"
	"strings"
)

// condition is what If-Match and If-None-Match ask of a write.
type condition struct {
	kind    conditionKind
	version uint64 // for ifVersion; never 0
}

type conditionKind uint8

const (
	always    conditionKind = iota
	ifAbsent                // If-None-Match: *
	ifPresent               // If-Match: *
	ifVersion               // If-Match: "17"
	never                   // If-Match with a tag that no record of ours can have
)

// parseCondition reads the conditions of a write. It understands one tag, and
// refuses what it cannot keep to instead of writing without it.
func parseCondition(h http.Header) (condition, error) {
	match, none := h.Values("If-Match"), h.Values("If-None-Match")
	switch {
	case len(match)+len(none) == 0:
		return condition{}, nil
	case len(match)+len(none) > 1:
		return condition{}, badRequest("more than one condition; give one If-Match or one If-None-Match")
	case len(none) == 1:
		if strings.TrimSpace(none[0]) != "*" {
			return condition{}, badRequest("If-None-Match: a write understands only *")
		}
		return condition{kind: ifAbsent}, nil
	}
	tag := strings.TrimSpace(match[0])
	if tag == "*" {
		return condition{kind: ifPresent}, nil
	}
	opaque, weak := strings.CutPrefix(tag, "W/")
	if !quoted(opaque) {
		return condition{}, badRequest(`If-Match: want one quoted version such as "17", or *`)
	}
	version, ok := parseETag(opaque)
	if weak || !ok { // If-Match compares strongly, so a weak tag matches nothing
		return condition{kind: never}, nil
	}
	return condition{kind: ifVersion, version: version}, nil
}

func quoted(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' && !strings.Contains(tag[1:len(tag)-1], `"`)
}

// etag is the entity tag of a version.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// parseETag gives the version of a tag that etag made. "0" is none: to the
// store, 0 means absence, and If-Match: "0" must not create a record.
func parseETag(tag string) (uint64, bool) {
	version, err := strconv.ParseUint(strings.Trim(tag, `"`), 10, 64)
	if err != nil || version == 0 || etag(version) != tag {
		return 0, false
	}
	return version, true
}
