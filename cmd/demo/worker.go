package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// zipfExponent makes a few sessions hot: the first of 10,000 gets some 13 %
	// of the requests.
	zipfExponent = 1.1
	maxAnswer    = 1 << 20
	errorPause   = 50 * time.Millisecond // so that a dead server is not hammered
)

// worker sends one request at a time and judges its answer.
type worker struct {
	*loader
	rand     *rand.Rand
	zipf     *rand.Zipf
	sessions sessions
	seq      uint64 // grows by each write; the worker's number is in the run
	answer   bytes.Buffer
}

func newWorker(l *loader, n int) *worker {
	r := rand.New(rand.NewPCG(rand.Uint64(), uint64(n)))
	return &worker{
		loader:   l,
		rand:     r,
		zipf:     rand.NewZipf(r, zipfExponent, 1, uint64(l.config.keys-1)),
		sessions: sessions{rand: r, run: r.Uint64()},
	}
}

// run works until ctx ends; the last request is finished.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		i := int(w.zipf.Uint64())
		step := w.read
		if w.rand.Float64() < w.config.writes {
			step = w.write
		}
		if err := step(i); err != nil {
			w.failed.add(err)
			select {
			case <-ctx.Done():
			case <-time.After(errorPause):
			}
		}
	}
}

// read gets session i. An answer that breaks a promise counts as wrong; the
// error is for a request without a proper answer.
func (w *worker) read(i int) error {
	key, floor, begun := sessionKey(i), w.ledger.floor(i), time.Now()
	resp, err := w.do(http.MethodGet, key, "", nil)
	if err != nil {
		w.get.failed.Add(1)
		return err
	}
	w.get.add(time.Since(begun))
	switch resp.StatusCode {
	case http.StatusOK:
		w.judge(&w.get, w.judgeRead(i, key, floor, begun, resp.Header))
		return nil
	case http.StatusNotFound:
		w.get.missed.Add(1)
		w.judge(&w.get, floor.missed(time.Now()))
		return nil
	}
	return w.refused(&w.get, resp)
}

func (w *worker) judgeRead(i int, key string, floor entry, begun time.Time, h http.Header) error {
	sum, err := checkSession(w.answer.Bytes(), key)
	if err != nil {
		return err
	}
	version, ok := parseETag(h.Get("ETag"))
	if !ok {
		return errNoVersion
	}
	return w.ledger.shown(i, floor, entry{version, true, sum, notBefore(h, begun)})
}

// notBefore is the time before which the record of an answer cannot expire, by
// the server's own dates: its clock need not be ours.
func notBefore(h http.Header, begun time.Time) time.Time {
	expires, err1 := http.ParseTime(h.Get("Expires"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err1 != nil || err2 != nil {
		return begun
	}
	return begun.Add(expires.Sub(date) - clockMargin)
}

// write puts session i.
func (w *worker) write(i int) error {
	w.seq++
	key, floor, begun := sessionKey(i), w.ledger.floor(i), time.Now()
	body, sum := w.sessions.record(key, w.seq, begun)
	resp, err := w.do(http.MethodPut, key, "?ttl="+sessionTTL.String(), body)
	if err != nil {
		w.put.failed.Add(1)
		return err
	}
	w.put.add(time.Since(begun))
	if resp.StatusCode != http.StatusNoContent {
		return w.refused(&w.put, resp)
	}
	version, ok := parseETag(resp.Header.Get("ETag"))
	if !ok {
		w.judge(&w.put, errNoVersion)
		return nil
	}
	w.judge(&w.put, w.ledger.wrote(i, floor, entry{version, true, sum, begun.Add(sessionTTL - clockMargin)}))
	return nil
}

// do sends a request and reads its answer into w.answer. It has no context of
// the run: what is sent is finished, within the client's timeout.
func (w *worker) do(method, key, query string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.config.url+"/v1/kv/"+key+query, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	defer resp.Body.Close()
	w.answer.Reset()
	_, err = w.answer.ReadFrom(io.LimitReader(resp.Body, maxAnswer))
	return resp, plain(err)
}

// plain takes the key and the ports out of a transport's error, so that equal
// faults count as equal.
func plain(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var network *net.OpError
	if errors.As(err, &network) {
		err = fmt.Errorf("%s: %w", network.Op, network.Err)
	}
	return err
}

// refused is the error of an answer with an unexpected status.
func (w *worker) refused(op *operation, resp *http.Response) error {
	op.failed.Add(1)
	text, _, _ := bytes.Cut(w.answer.Bytes()[:min(w.answer.Len(), 120)], []byte("\n"))
	return fmt.Errorf("%s: %s", resp.Status, text)
}

func (w *worker) judge(op *operation, err error) {
	if err != nil {
		op.wrong.Add(1)
		w.wrong.add(err)
	}
}
