package l3bolt

// FileSystemType is what the type of a directory's file system says of it.
func FileSystemType(fsType uint32) (memory, remote bool) {
	return memoryType(fsType), remoteType(fsType)
}
