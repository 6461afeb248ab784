package scs_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// text writes values in order, "a=1,b=2@1800003600".
func text(deadline time.Time, values map[string]any) string {
	pairs := []string{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, fmt.Sprintf("%s=%v", k, values[k]))
	}
	return strings.Join(pairs, ",") + "@" + strconv.FormatInt(deadline.Unix(), 10)
}

func parse(s string) (deadline time.Time, values map[string]any, ok bool) {
	pairs, seconds, ok := strings.Cut(s, "@")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil {
		return time.Time{}, nil, false
	}
	values = make(map[string]any)
	for pair := range strings.SplitSeq(pairs, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			values[k] = v
		}
	}
	return time.Unix(unix, 0), values, true
}
