package peer

import (
	"context"
	"os/exec"
	"strings"
)

// Programs names the peers that are no Go modules, with their versions, as far
// as they are installed.
func Programs(ctx context.Context) []string {
	var found []string
	if out, err := exec.CommandContext(ctx, "redis-server", "--version").Output(); err == nil {
		for _, word := range strings.Fields(string(out)) {
			if version, is := strings.CutPrefix(word, "v="); is {
				found = append(found, "Redis "+version)
			}
		}
	}
	out, err := exec.CommandContext(ctx, "perl", "-MCache::FastMmap", "-e", "print $Cache::FastMmap::VERSION, ', Perl ', $^V").Output()
	if err == nil {
		found = append(found, "Cache::FastMmap "+string(out))
	}
	if len(found) == 0 {
		return nil
	}
	return []string{"programs: " + strings.Join(found, ", ")}
}
