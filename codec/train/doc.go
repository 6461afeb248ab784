// Package train makes dictionaries for package codec out of samples: values of
// one kind.
//
//	d, err := train.Dictionary(samples, nil)
//	if err == nil && d.Stored < d.Without*9/10 { … }
//
// It works in two steps. What values have in common is found by the cover
// method (Liao, Petri, Moffat, Wirth: Effective Construction of Relative
// Lempel-Ziv Dictionaries): of all pieces of the samples, those whose substrings
// occur in most samples. Entropy tables are then made of how samples compress
// with that. Several lengths of pieces are tried; a part of the samples is kept
// back from training, and tells which is best and what is gained.
//
// # Guarantees
//
//   - Time and memory are bounded: at most [MaxSampleBytes] of samples are
//     looked at, which takes some 0.1 s and 10 MiB.
//   - Samples may be hostile: whatever they hold, there is a dictionary that
//     decodes what it encoded, or an error, never a panic.
//   - A dictionary's content is put together of substrings of 6 bytes that at
//     least [Shared] samples have: what one record alone has stays out of it.
//
// # Builds
//
// With the build tag nozstd, and under WebAssembly, there is no trainer: every
// call is an error.
package train
