package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const syncName = "fdatasync"

func syncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// fileSystems names the file systems that statfs knows by number; those
// without a constant in x/sys stand with theirs.
var fileSystems = map[uint32]string{
	unix.EXT4_SUPER_MAGIC:      "ext4", // ext2 and ext3 share it
	unix.XFS_SUPER_MAGIC:       "xfs",
	unix.BTRFS_SUPER_MAGIC:     "btrfs",
	unix.F2FS_SUPER_MAGIC:      "f2fs",
	unix.TMPFS_MAGIC:           "tmpfs",
	unix.RAMFS_MAGIC:           "ramfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	unix.NFS_SUPER_MAGIC:       "nfs",
	unix.CIFS_SUPER_MAGIC:      "cifs",
	unix.SMB2_SUPER_MAGIC:      "smb2",
	unix.V9FS_MAGIC:            "9p",
	unix.FUSE_SUPER_MAGIC:      "fuse",
	unix.CEPH_SUPER_MAGIC:      "ceph",
	unix.EXFAT_SUPER_MAGIC:     "exfat",
	unix.MSDOS_SUPER_MAGIC:     "vfat",
	unix.ECRYPTFS_SUPER_MAGIC:  "ecryptfs",
	unix.REISERFS_SUPER_MAGIC:  "reiserfs",
	0x2fc12fc1:                 "zfs",
	0xca451a4e:                 "bcachefs",
	0x7366746e:                 "ntfs3",
}

func fileSystemName(dir string) string {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "unknown file system"
	}
	if name, ok := fileSystems[uint32(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", uint32(st.Type))
}
