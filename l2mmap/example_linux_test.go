package l2mmap_test

import (
	"fmt"
	"os"
	"time"

	"github.com/stratakv/strata/l2mmap"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("/dev/shm", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	control, err := l2mmap.OpenControl(dir, &l2mmap.ControlOptions{StoreID: storeID, Seed: seed})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = control.Close() }()
	pages, err := l2mmap.Open(dir, control, &l2mmap.PageOptions{Bytes: 1 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = pages.Close() }()
	// The owner ties both to what the durable tier was opened with.
	if _, err := control.Bind(l2mmap.Truth{Opening: 42, Version: 7, BootID: "boot"}, pages); err != nil {
		fmt.Println(err)
		return
	}

	key, now := "session:42", time.Now().UnixMilli()
	hash := hashOf(key)
	bucket := l2mmap.BucketOf(hash)
	word := control.Load(bucket) // before the truth is asked
	fmt.Println(pages.Fill(key, hash, []byte("loaded"), 0, now, word))

	control.Begin(bucket) // a write: begin, commit, L2, end
	fmt.Println(pages.Fill(key, hash, []byte("too late"), 0, now, word))
	fmt.Println(pages.Put(key, hash, []byte("written"), 0, now))
	control.End(bucket)

	frame, _, ok := pages.Get(nil, key, hash, func() int64 { return now })
	fmt.Println(string(frame), ok)
	// Output:
	// <nil>
	// fill refused
	// <nil>
	// written true
}

func ExampleAlone() {
	dir, err := os.MkdirTemp("/dev/shm", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cache, err := l2mmap.OpenAlone(dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = cache.Close() }()
	if err := cache.Set("greeting", []byte("hello"), time.Minute); err != nil {
		fmt.Println(err)
		return
	}
	err = cache.Update("greeting", func(old []byte, found bool) ([]byte, time.Duration, bool, error) {
		return append(old, " world"...), time.Minute, true, nil
	})
	value, found, _ := cache.Get("greeting")
	fmt.Println(string(value), found, err)
	// Output: hello world true <nil>
}
