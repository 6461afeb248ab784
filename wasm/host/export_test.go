package host

import (
	"context"
	"math"

	"github.com/tetratelabs/wazero/api"

	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/abi/abitest"
)

// NewClockOf is a clock over now.
var NewClockOf = newClockOf

// Calls makes the calls of a module, as the fuzzer's driver wants it.
type Calls struct{ *Module }

func (c Calls) Call(name string, args ...float64) (int32, error) {
	raw := make([]uint64, len(args))
	for i, kind := range abitest.Signatures[name] {
		if kind == 'd' {
			raw[i] = api.EncodeF64(args[i])
			continue
		}
		v := args[i]
		if v > math.MaxInt32 || v < math.MinInt32 {
			v = math.MaxInt32
		}
		raw[i] = api.EncodeI32(int32(v))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	code, err := c.call(context.Background(), name, raw...)
	if name == "buffer" && code > 0 {
		c.buffer, c.capacity = uint32(code), uint32(max(args[0], 0))
	}
	return code, err
}

func (c Calls) Put(b []byte) {
	if uint32(len(b)) <= c.capacity {
		c.module.Memory().Write(c.buffer, b)
	}
}

func (c Calls) Cells() abi.Cells { return c.cell() }

func (c Calls) Out(cells abi.Cells) []byte { return c.out(cells.Ptr, cells.Len+cells.Next) }

// Exports are the names of the module's functions.
func (m *Module) Exports() map[string]api.FunctionDefinition {
	all := map[string]api.FunctionDefinition{}
	for name, f := range m.functions {
		all[name] = f.Definition()
	}
	return all
}
