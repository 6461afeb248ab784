//go:build !wasm && !nozstd

package codec

import "runtime"

const windowBytes = 256 << 10

// encoders is the number of encoders: fewer where one is large.
func encoders(level int) int {
	atMost := 8
	switch level {
	case 3:
		atMost = 4
	case 4:
		atMost = 2
	}
	return min(runtime.GOMAXPROCS(0), atMost)
}

func decoders() int { return runtime.GOMAXPROCS(0) }
