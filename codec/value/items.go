package value

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The first bytes of CBOR items that are looked at here: a major type in the
// upper three bits, and tag 0.
const (
	majorBytes = 2
	majorText  = 3
	majorMap   = 5
	timeTag    = 0xc0
)

// checkLengths refuses lengths that do not fit an int of 32 bits. The decoder
// would cut them there, and take what follows for something else.
func checkLengths(data []byte) error {
	for len(data) > 0 {
		major := data[0] >> 5
		size, arg, ok := itemHead(data)
		if !ok {
			return nil // the decoder says what is wrong
		}
		data = data[size:]
		if major < majorBytes || major > majorMap {
			continue
		}
		if arg > math.MaxInt32 {
			return errors.New("length of an item is out of range")
		}
		if major <= majorText {
			data = data[min(arg, uint64(len(data))):]
		}
	}
	return nil
}

// checkTimes refuses a time that is written in a form that cannot be read
// back, as of the year 10000. data has passed checkLengths and is well-formed:
// its items lie one behind the other, however they nest.
func checkTimes(data []byte) error {
	tagged := false
	for len(data) > 0 {
		first := data[0]
		size, arg, _ := itemHead(data)
		data = data[size:]
		if major := first >> 5; major == majorBytes || major == majorText {
			content := data[:arg]
			data = data[arg:]
			if tagged && major == majorText {
				if _, err := time.Parse(time.RFC3339, string(content)); err != nil {
					return err
				}
			}
		}
		tagged = first == timeTag
	}
	return nil
}

// itemHead returns the length of the first item's head and its argument; ok is
// false if it is cut, reserved or of indefinite length. data is not empty.
func itemHead(data []byte) (size int, arg uint64, ok bool) {
	info := data[0] & 0x1f
	if info < 24 {
		return 1, uint64(info), true
	}
	if info > 27 || len(data) < 1+1<<(info-24) {
		return 0, 0, false
	}
	switch info {
	case 24:
		return 2, uint64(data[1]), true
	case 25:
		return 3, uint64(binary.BigEndian.Uint16(data[1:])), true
	case 26:
		return 5, uint64(binary.BigEndian.Uint32(data[1:])), true
	default:
		return 9, binary.BigEndian.Uint64(data[1:]), true
	}
}
