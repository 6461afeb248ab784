package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// bodies reads request bodies within a budget, so that many large ones at a
// time are refused instead of exhausting the memory.
type bodies struct {
	mu   sync.Mutex // guards free
	free int64      // bytes that may still be taken
}

func newBodies(maxBytes int64) *bodies { return &bodies{free: maxBytes} }

func (b *bodies) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.free {
		return false
	}
	b.free -= n
	return true
}

func (b *bodies) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
}

// read returns the whole body, of at most maxBytes. The caller owns it until
// he calls release.
func (b *bodies) read(w http.ResponseWriter, r *http.Request, maxBytes int) (body []byte, release func(), err error) {
	tooLarge := &requestError{http.StatusRequestEntityTooLarge, fmt.Sprintf("body is over %d bytes", maxBytes)}
	if r.ContentLength > int64(maxBytes) {
		return nil, nil, tooLarge
	}
	var taken int64
	release = func() { b.give(taken) }
	grow := func(n int) bool {
		if !b.take(int64(n)) {
			return false
		}
		taken += int64(n)
		body = append(make([]byte, 0, cap(body)+n), body...)
		return true
	}
	// A length that is only announced gets no more than 1 MiB ahead of its
	// bytes; one byte more than announced lets Read find the end.
	step := min(int(r.ContentLength)+1, 1<<20)
	if r.ContentLength < 0 {
		step = 16 << 10
	}
	in := http.MaxBytesReader(w, r.Body, int64(maxBytes))
	for {
		if len(body) == cap(body) {
			if !grow(max(step, cap(body))) {
				release()
				return nil, nil, &requestError{http.StatusServiceUnavailable, "too many large bodies at a time; nothing was done"}
			}
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, release, nil
		}
		if err != nil {
			release()
			var over *http.MaxBytesError
			if errors.As(err, &over) {
				return nil, nil, tooLarge
			}
			return nil, nil, badRequest("body could not be read to its end")
		}
	}
}
