package session

// Records is what a Manager needs of a store.
type Records = records

// NewOver makes a Manager over anything that keeps records.
func NewOver(store Records, opts *Options) (*Manager, error) { return newManager(store, opts) }
