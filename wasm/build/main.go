// Command build builds the reactor and puts strata.wasm into wasm/js, or where -o
// says:
//
//	go run ./wasm/build [-o file] [-nozstd] [-most bytes]
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/stratakv/strata"

func main() {
	out := flag.String("o", "", "the file to write; \"\": wasm/js/strata.wasm of this module")
	nozstd := flag.Bool("nozstd", false, "leave zstd out: half as large, values are stored as they are")
	most := flag.Int("most", 0, "fail if the module is larger with gzip; 0: whatever it is")
	flag.Parse()
	if err := run(*out, *nozstd, *most); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(out string, nozstd bool, most int) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	dir := strings.TrimSpace(string(root))
	if out == "" {
		out = filepath.Join(dir, "wasm", "js", "strata.wasm")
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	tags := ""
	if nozstd {
		tags = "nozstd"
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-tags="+tags, "-o", out, "./wasm")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return report(out, most)
}

// report prints how large the module is.
func report(file string, most int) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var packed counter
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(raw); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, %d with gzip\n", filepath.Base(file), len(raw), packed)
	if most > 0 && int(packed) > most {
		return fmt.Errorf("%d bytes with gzip are more than %d", packed, most)
	}
	return nil
}

// counter counts what is written to it.
type counter int

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
