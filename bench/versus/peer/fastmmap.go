package peer

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed fastmmap.pl
var fastmmapScript string

// FastMmap is what Cache::FastMmap does in a loop of Perl, operations a second.
type FastMmap struct {
	Gets, Sets, GetsBesideWriter float64
	Missed                       float64 // the part of these last Gets that found nothing
}

// MeasureFastMmap runs Perl for three times length, over so many keys with values
// of so many bytes. file is the cache's, made anew.
func MeasureFastMmap(ctx context.Context, file string, length time.Duration, keys, valueBytes int) (FastMmap, error) {
	perl, err := exec.LookPath("perl")
	if err != nil {
		return FastMmap{}, fmt.Errorf("%w: perl", ErrMissing)
	}
	if exec.CommandContext(ctx, perl, "-MCache::FastMmap", "-e", "1").Run() != nil && ctx.Err() == nil {
		return FastMmap{}, fmt.Errorf("%w: Cache::FastMmap (Debian: libcache-fastmmap-perl)", ErrMissing)
	}
	cmd := exec.CommandContext(ctx, perl, "-", file, fmt.Sprint(length.Seconds()), strconv.Itoa(keys), strconv.Itoa(valueBytes), strconv.Itoa(CacheBytes/2))
	var complaints strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(fastmmapScript), &complaints
	out, err := cmd.Output()
	if err != nil {
		return FastMmap{}, fmt.Errorf("perl: %w: %s", err, strings.TrimSpace(complaints.String()))
	}
	var f FastMmap
	if _, err := fmt.Sscan(string(out), &f.Gets, &f.Sets, &f.GetsBesideWriter, &f.Missed); err != nil {
		return FastMmap{}, fmt.Errorf("perl said %q: %w", out, err)
	}
	return f, nil
}
