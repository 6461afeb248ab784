package machine

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const unknown = "unknown"

// Describe says what this is, a line each. data is the directory of the stores.
func Describe(data string) []string {
	return []string{
		fmt.Sprintf("processor: %s, %d cores, %s memory", field("/proc/cpuinfo", "model name"), runtime.NumCPU(), gibibytes(field("/proc/meminfo", "MemTotal"))),
		fmt.Sprintf("kernel: %s; %s, %s/%s", firstLine("/proc/sys/kernel/osrelease"), runtime.Version(), runtime.GOOS, runtime.GOARCH),
		"file system of the stores: " + fileSystem(data),
		"peers: " + strings.Join(modules("ristretto", "otter", "bbolt", "pebble", "badger", "rueidis"), ", "),
	}
}

// gibibytes writes what the kernel gives in kB as people say it.
func gibibytes(kib string) string {
	n, err := strconv.ParseFloat(strings.TrimSuffix(kib, " kB"), 64)
	if err != nil {
		return kib
	}
	return fmt.Sprintf("%.0f GiB", n/(1<<20))
}

// field gives the value of a line "name : value" of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// fileSystem gives the type of the file system in which path lies.
func fileSystem(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return unknown
	}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return unknown
	}
	defer f.Close()
	longest, kind := -1, unknown
	for lines := bufio.NewScanner(f); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) < 4 {
			continue
		}
		at := columns[1]
		if rel, err := filepath.Rel(at, path); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") && len(at) >= longest {
			longest, kind = len(at), columns[2]+" ("+columns[3]+")"
		}
	}
	return kind
}

// OnDisk reports whether what is synced in dir can survive a power cut.
func OnDisk(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && s.Type != unix.TMPFS_MAGIC && s.Type != unix.RAMFS_MAGIC
}

// Commit gives the code's commit, and whether it has been changed since.
func Commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return unknown
	}
	id := strings.TrimSpace(string(out))
	if exec.CommandContext(ctx, "git", "diff", "--quiet", "HEAD", "--", "*.go").Run() != nil {
		id += ", with changes"
	}
	return id
}

// modules gives those of the program whose path has one of names in it.
func modules(names ...string) []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return []string{unknown}
	}
	var found []string
	for _, name := range names {
		for _, m := range info.Deps {
			if strings.Contains(m.Path, "/"+name) {
				found = append(found, name+" "+m.Version)
				break
			}
		}
	}
	return found
}

// Syncs gives how many times a second 4 KiB can be appended to a file in dir and
// synced with fdatasync, one after the other.
func Syncs(ctx context.Context, dir string, length time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fdatasync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, 64<<20); err != nil {
		return 0, fmt.Errorf("fallocate: %w", err)
	}
	page, n, begin := make([]byte, 4096), 0, time.Now()
	for ; time.Since(begin) < length && ctx.Err() == nil; n++ {
		if _, err := f.WriteAt(page, int64(n%(16<<10))*4096); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(begin).Seconds(), ctx.Err()
}

// PrivateBytes is the memory that the process has for itself: pages of files and
// shared memory are not counted.
func PrivateBytes() (int64, error) {
	text := strings.TrimSuffix(field("/proc/self/status", "RssAnon"), " kB")
	kib, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the memory of the process: %w", err)
	}
	return kib << 10, nil
}

// DirBytes is what the files below dir take on the disk.
func DirBytes(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		if s.Mode&unix.S_IFMT == unix.S_IFREG {
			sum += s.Blocks * 512
		}
		return nil
	})
	return sum, err
}

// Forget drops the files below dir from the kernel's cache, as far as it lets go
// of them; what is not written yet is written first.
func Forget(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// SyncAll writes what the file system of dir still has in memory, so that it is
// not written while the next one is measured.
func SyncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
