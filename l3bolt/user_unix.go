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
		// Where it is not known, what comes next says what is wrong.
		if uid, known := userOf(filepath.Join(dir, name)); known && uid != 0 {
			return fmt.Errorf("the store belongs to uid %d and this process runs as root: run it as uid %d, or give the whole directory to root (chown -R)",
				uid, uid)
		}
	}
	return nil
}

// userOf is the user id that a file belongs to.
func userOf(name string) (uid int, known bool) {
	info, err := os.Lstat(name)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}
