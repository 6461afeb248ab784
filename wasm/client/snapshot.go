package client

import (
	"context"
	"io"

	"github.com/stratakv/strata/wasm/snapshot"
)

// Export writes a snapshot of one moment to w. The store waits meanwhile.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	return s.call(ctx, "export", func(raw Raw, boot float64) error {
		return raw.Snapshot(boot, func(block []byte) error {
			_, err := w.Write(block)
			return err
		})
	})
}

// Import checks the snapshot in r and then stores its records, over what is
// there under their keys. A snapshot that is damaged or not whole changes
// nothing; if the store is full (tiered.ErrFull), what was stored before stays.
func (s *Store) Import(ctx context.Context, r io.ReadSeeker) error {
	return s.call(ctx, "import", func(raw Raw, boot float64) error {
		start, err := r.Seek(0, io.SeekCurrent)
		if err == nil {
			err = raw.Restore(true, boot, snapshot.Blocks(r))
		}
		if err == nil {
			_, err = r.Seek(start, io.SeekStart)
		}
		if err == nil {
			err = raw.Restore(false, boot, snapshot.Blocks(r))
		}
		return err
	})
}
