package l2mmap

// Readable reports whether all of the mapping can be read.
func (c *Cache) Readable() bool {
	return guard(c.mem, func() error {
		for at := 0; at < len(c.mem); at += memoryPage {
			c.mem.load(at)
		}
		return nil
	}) == nil
}

// Shareable reports whether files on a file system of this type are shared.
func Shareable(fsType uint32) bool { return shareable(fsType) }
