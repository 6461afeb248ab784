//go:build unix

package l3bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkUser refuses root the store of another user. Everybody else is refused
// by the files themselves.
func checkUser(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{lockName, storeName} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			continue // what comes next says what is wrong
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			return fmt.Errorf("the store belongs to uid %d and this process runs as root: run it as uid %d, or give the whole directory to root (chown -R)",
				st.Uid, st.Uid)
		}
	}
	return nil
}
