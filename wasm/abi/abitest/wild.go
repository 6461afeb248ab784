package abitest

import (
	"encoding/binary"
	"math"
)

// wildCall makes a call with what the input says, of any store but the sound
// one. Nothing is asked of its answer but that it comes.
func (d *driver) wildCall() {
	names := Names()
	name := names[int(d.byte())%len(names)]
	if name == "buffer" || name == "close" || name == "collect" {
		return // the former two may take away what is the driver's own
	}
	if d.byte()%4 == 0 && len(d.snapshot) > 0 {
		block := []byte(string(d.snapshot[int(d.byte())%len(d.snapshot)]))
		block[int(d.byte())*7%len(block)] ^= d.byte()
		d.text(string(block))
	} else {
		d.text(string(d.take(int(d.byte()))))
	}
	args := make([]float64, len(Signatures[name]))
	for i, kind := range Signatures[name] {
		if kind == 'i' {
			args[i] = float64(d.integer())
		} else {
			args[i] = d.double()
		}
	}
	if len(args) > 0 && name != "open" {
		args[0] = d.handle()
	}
	if h := d.call(name, args...); name == "open" && h > 0 {
		d.call("close", float64(h))
	}
}

func (d *driver) handle() float64 {
	switch h := d.integer(); {
	case d.byte()%8 != 0, h == d.sound:
		return float64(d.wild)
	default:
		return float64(h)
	}
}

func (d *driver) integer() int32 {
	switch d.byte() % 8 {
	case 0:
		return -1
	case 1:
		return math.MaxInt32
	case 2:
		return math.MinInt32
	case 3:
		return int32(binary.LittleEndian.Uint32(append(d.take(4), 0, 0, 0, 0)[:4]))
	}
	return int32(d.byte())
}

func (d *driver) double() float64 {
	switch d.byte() % 8 {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1)
	case 2:
		return math.Inf(-1)
	case 3:
		return math.Float64frombits(binary.LittleEndian.Uint64(append(d.take(8), make([]byte, 8)...)[:8]))
	case 4:
		return 1e300
	}
	return float64(d.byte())
}
