package l3bolt_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stratakv/strata/l3bolt"
)

// TestFileSystemTypes: what is known of a directory by its file system's type.
func TestFileSystemTypes(t *testing.T) {
	for _, c := range []struct {
		name           string
		fsType         uint32
		memory, remote bool
	}{
		{"nobody knows", 0, false, false},
		{"ext4", unix.EXT4_SUPER_MAGIC, false, false},
		{"xfs", unix.XFS_SUPER_MAGIC, false, false},
		{"btrfs", unix.BTRFS_SUPER_MAGIC, false, false},
		{"overlayfs", unix.OVERLAYFS_SUPER_MAGIC, false, false},
		{"f2fs", unix.F2FS_SUPER_MAGIC, false, false},
		{"bcachefs", unix.BCACHEFS_SUPER_MAGIC, false, false},
		{"zfs", 0x2fc12fc1, false, false},
		{"tmpfs", unix.TMPFS_MAGIC, true, false},
		{"ramfs", unix.RAMFS_MAGIC, true, false},
		{"nfs", 0x6969, false, true},
		{"smb", 0x517b, false, true},
		{"smb2", 0xfe534d42, false, true},
		{"cifs", 0xff534d42, false, true},
		{"ceph", 0x00c36400, false, true},
		{"afs", 0x5346414f, false, true},
		{"kafs", 0x6b414653, false, true},
		{"coda", 0x73757245, false, true},
		{"ncp", 0x564c, false, true},
		{"9p", 0x01021997, false, true},
		{"fuse", 0x65735546, false, true},
	} {
		if memory, remote := l3bolt.FileSystemType(c.fsType); memory != c.memory || remote != c.remote {
			t.Errorf("%s: got memory %v, remote %v, want %v, %v", c.name, memory, remote, c.memory, c.remote)
		}
	}
}
