package abi

// Break makes the next call of a store panic.
func (in *Instance) Break(h int32) { in.stores[h&(MaxStores-1)].Store.Close() }
