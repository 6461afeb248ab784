package session

// Backing is what a Store needs of a tiered store.
type Backing = backing

// NewStoreOver makes a Store over anything that does what a tiered store does.
func NewStoreOver(store Backing, opts *StoreOptions) *Store { return newStore(store, opts) }
