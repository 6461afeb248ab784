package tiered

// openDir opens the memory store: there are no files here, dir is ignored.
func openDir(_ string, o *Options) (*Store, error) { return openMemory(o) }
