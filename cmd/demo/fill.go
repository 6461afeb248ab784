package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const (
	sessionTTL  = 30 * time.Minute
	fillBatch   = 256
	clockMargin = 2 * time.Second // HTTP dates have whole seconds
)

// fill writes all sessions, in batches, so that reads find them from the start.
func (l *loader) fill(ctx context.Context) error {
	made := sessions{rand: rand.New(rand.NewPCG(rand.Uint64(), 0)), run: rand.Uint64()}
	for first := 0; first < l.config.keys; first += fillBatch {
		var body bytes.Buffer
		lines := json.NewEncoder(&body)
		last := min(first+fillBatch, l.config.keys)
		begun := time.Now()
		for i := first; i < last; i++ {
			key := sessionKey(i)
			text, _ := made.record(key, uint64(i), begun)
			line := map[string]string{"op": "set", "key": key, "value": string(text), "ttl": sessionTTL.String()}
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
		if err := l.postBatch(ctx, &body); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted while filling")
			}
			return fmt.Errorf("filling: %w (is the demo running? go run ./cmd/demo)", err)
		}
		for i := first; i < last; i++ {
			l.ledger.stored(i, begun.Add(sessionTTL-clockMargin))
		}
	}
	return nil
}

func (l *loader) postBatch(ctx context.Context, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.config.url+"/v1/batch", body)
	if err != nil {
		return err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status + ": " + strings.TrimSpace(string(text)))
	}
	return nil
}
