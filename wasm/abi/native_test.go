package abi_test

import (
	"fmt"
	"math"
	"reflect"
	"runtime"

	"github.com/stratakv/strata/wasm/abi"
	"github.com/stratakv/strata/wasm/abi/abitest"
)

// native makes calls without a module.
type native struct {
	abi.Instance
	buffer []byte
}

func (n *native) Call(name string, args ...float64) (int32, error) {
	switch name {
	case "abi_version":
		return abi.Version, nil
	case "yield", "collections":
		return 0, nil
	case "collect":
		runtime.GC()
		return 0, nil
	case "buffer":
		b, code := n.Buffer(int32Of(args[0]))
		if code == abi.CodeOK {
			n.buffer = b
		}
		return code, nil
	}
	method, ok := methods[name]
	if !ok {
		return 0, fmt.Errorf("no such call")
	}
	var in []reflect.Value
	for i, kind := range abitest.Signatures[name] {
		if kind == 'i' {
			in = append(in, reflect.ValueOf(int32Of(args[i])))
		} else {
			in = append(in, reflect.ValueOf(args[i]))
		}
	}
	out := reflect.ValueOf(&n.Instance).MethodByName(method).Call(in)
	return int32(out[0].Int()), nil
}

// int32Of is v as the boundary makes it.
func int32Of(v float64) int32 {
	if v > math.MaxInt32 || v < math.MinInt32 {
		return math.MaxInt32
	}
	return int32(v)
}

func (n *native) Put(b []byte) { copy(n.buffer, b) }

func (n *native) Cells() abi.Cells { return n.Instance.Cells }

func (n *native) Out(abi.Cells) []byte { return n.Instance.Out() }

var methods = map[string]string{
	"open": "Open", "close": "Close", "look": "Look", "get": "Get", "has": "Has", "set": "Set", "touch": "Touch",
	"delete": "Delete", "compare_and_delete": "CompareAndDelete", "compare_and_set": "CompareAndSet", "write": "Write",
	"get_many": "GetMany", "scan": "Scan", "delete_prefix": "DeletePrefix", "sweep": "Sweep", "clear": "Clear",
	"stats": "Stats", "export_begin": "ExportBegin", "export_next": "ExportNext", "import_begin": "ImportBegin",
	"import_next": "ImportNext",
}
