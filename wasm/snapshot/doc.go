// Package snapshot moves records between stores: from a native store to one
// under WebAssembly and back, or into a file. The form is that of package
// codec/snapshot; `export` and `import` of the npm package and of a host's store
// make and take the same.
//
//	err := snapshot.Export(ctx, store, file, nil)
//	n, err := snapshot.Import(ctx, other, file, nil)
//
// # Guarantees
//
// Import reads the snapshot twice: first it checks all of it, and only then
// writes. A snapshot that is damaged, not whole, or not for this build changes
// nothing. What Import does write are single writes, not one: if the store
// refuses one of them, those before it stay.
//
// Deadlines stand as they are. Versions are the store's own: what was read
// before, in another store, is no version here.
//
// # Errors
//
// tiered.ErrCorrupt for a damaged snapshot; what the store, the reader or the
// writer says comes back wrapped.
package snapshot
