package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/stratakv/strata/tiered"
)

// requestError is a fault of the request, or of the service before the store
// was asked: an HTTP status and one clear line.
type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return e.text }

func badRequest(format string, args ...any) error {
	return &requestError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// answers is the one table from the store's errors to HTTP. The first match
// counts: ErrUnknownOutcome also matches the context's error that caused it.
var answers = []struct {
	err    error
	status int
	text   string
}{
	{tiered.ErrUnknownOutcome, http.StatusGatewayTimeout, "outcome unknown: the write may or may not have happened"},
	{tiered.ErrNotFound, http.StatusNotFound, "not found"},
	{tiered.ErrVersion, http.StatusPreconditionFailed, "version does not match"},
	{tiered.ErrTTL, http.StatusBadRequest, "ttl out of range"},
	{tiered.ErrTooLarge, http.StatusRequestEntityTooLarge, "key, value or batch too large"},
	{tiered.ErrFull, http.StatusInsufficientStorage, "store is full; the old value stays"},
	{tiered.ErrUnavailable, http.StatusServiceUnavailable, "store is unavailable; nothing was done"},
	{tiered.ErrLocked, http.StatusServiceUnavailable, "store is unavailable; nothing was done"},
	{tiered.ErrClosed, http.StatusServiceUnavailable, "store is closed; nothing was done"},
	{context.Canceled, http.StatusServiceUnavailable, "request was cancelled; nothing was done"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "request took too long; nothing was done"},
	{tiered.ErrCorrupt, http.StatusInternalServerError, "record is damaged; it can be deleted"},
}

// answer gives the status and the line for err. What it does not know is 500
// and keeps the cause out of the answer: logged says to log it instead.
func answer(err error) (status int, text string, logged bool) {
	var bad *requestError
	if errors.As(err, &bad) {
		return bad.status, bad.text, false
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			return a.status, a.text, a.status == http.StatusInternalServerError
		}
	}
	return http.StatusInternalServerError, "internal error", true
}

// fail answers with err's status and one line of text.
func (s *service) fail(w http.ResponseWriter, err error) {
	status, text, logged := answer(err)
	if logged {
		s.log.Error("request failed", "err", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	failWith(w, status, text)
}

func failWith(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n") // an answer that cannot be written has no one to tell
}
