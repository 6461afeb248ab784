//go:build !nozstd

package codec

const windowBytes = 64 << 10

// There is one thread, and memory never shrinks.
func encoders(int) int { return 1 }

func decoders() int { return 1 }
