//go:build !wasm

package l1

import "sort"

// heapPage is the allocator's unit of memory.
const heapPage = 8 << 10

// class is one of the allocator's sizes, and what an object of it takes: its
// share of the pages that are cut into objects of one size, with what is left at
// their end, up to an eighth.
type class struct{ size, takes int64 }

// classes are those of Go 1.26, ascending; what is larger gets pages of its own.
// TestClasses compares them with what the allocator does.
var classes = [...]class{
	cut(16, 1), cut(24, 1), cut(32, 1), cut(48, 1), cut(64, 1), cut(80, 1), cut(96, 1), cut(112, 1), cut(128, 1),
	cut(144, 1), cut(160, 1), cut(176, 1), cut(192, 1), cut(208, 1), cut(224, 1), cut(240, 1), cut(256, 1),
	cut(288, 1), cut(320, 1), cut(352, 1), cut(384, 1), cut(416, 1), cut(448, 1), cut(480, 1), cut(512, 1),
	cut(576, 1), cut(640, 1), cut(704, 1), cut(768, 1), cut(896, 1), cut(1024, 1),
	cut(1152, 1), cut(1280, 1), cut(1408, 2), cut(1536, 1), cut(1792, 2), cut(2048, 1),
	cut(2304, 2), cut(2688, 1), cut(3072, 3), cut(3200, 2), cut(3456, 3), cut(4096, 1),
	cut(4864, 3), cut(5376, 2), cut(6144, 3), cut(6528, 4), cut(6784, 5), cut(6912, 6), cut(8192, 1),
	cut(9472, 7), cut(9728, 6), cut(10240, 5), cut(10880, 4), cut(12288, 3), cut(13568, 5), cut(14336, 7), cut(16384, 2),
	cut(18432, 9), cut(19072, 7), cut(20480, 5), cut(21760, 8), cut(24576, 3), cut(27264, 10), cut(28672, 7), cut(32768, 4),
}

// cut is the class of so many pages cut into objects of size.
func cut(size, pages int64) class {
	objects := pages * heapPage / size
	return class{size, (pages*heapPage + objects - 1) / objects}
}

// heapBytes is the memory that the allocator takes for an object of n bytes.
func heapBytes(n int64) int64 {
	i := sort.Search(len(classes), func(i int) bool { return classes[i].size >= n })
	if i < len(classes) {
		return classes[i].takes
	}
	return (n + heapPage - 1) &^ (heapPage - 1)
}
