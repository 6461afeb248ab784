package host

import (
	"log/slog"
	"sync"
	"time"
)

// complaintEvery is how far apart two lines about the same thing are.
const complaintEvery = time.Minute

// complaints is a log that nobody can flood: of each kind it writes one line in
// complaintEvery.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex // guards last
	last map[string]time.Time
}

func (c *complaints) warn(kind, text string, err error) {
	now := time.Now()
	c.mu.Lock()
	if c.last == nil {
		c.last = make(map[string]time.Time)
	}
	last, told := c.last[kind]
	quiet := told && now.Sub(last) < complaintEvery
	if !quiet {
		c.last[kind] = now
	}
	c.mu.Unlock()
	if !quiet {
		c.log.Warn(text, slog.String("package", "host"), slog.Any("error", err))
	}
}
