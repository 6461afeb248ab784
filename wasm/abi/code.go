package abi

import (
	"errors"

	"github.com/stratakv/strata/tiered/tier"
	"github.com/stratakv/strata/wasm/kv"
)

// Version is that of the calls and layouts. A host refuses a module that has
// another one.
const Version = 1

// Codes that calls return; those of package tier's sentinels and three more.
// What is not negative is a call's own result.
const (
	CodeOK             int32 = 0
	CodeNotFound       int32 = -1
	CodeClosed         int32 = -2 // no open store has this handle
	CodeTTL            int32 = -3
	CodeTooLarge       int32 = -4
	CodeFull           int32 = -5
	CodeVersion        int32 = -6
	CodeCorrupt        int32 = -7
	CodeUnknownOutcome int32 = -8  // reserved; no call in memory gives it
	CodeUnavailable    int32 = -9  // reserved
	CodeLocked         int32 = -10 // reserved
	CodeArgument       int32 = -11 // a number is out of range
	CodeBroken         int32 = -12 // a fault of the module; the store is closed
	CodeMemory         int32 = -13 // more memory than an instance gives
)

var codes = []struct {
	err  error
	code int32
}{
	{tier.ErrNotFound, CodeNotFound}, {tier.ErrClosed, CodeClosed}, {tier.ErrTTL, CodeTTL},
	{tier.ErrTooLarge, CodeTooLarge}, {tier.ErrFull, CodeFull}, {tier.ErrVersion, CodeVersion},
	{tier.ErrCorrupt, CodeCorrupt}, {tier.ErrUnknownOutcome, CodeUnknownOutcome},
	{tier.ErrUnavailable, CodeUnavailable}, {tier.ErrLocked, CodeLocked},
	{kv.ErrArgument, CodeArgument}, {ErrBroken, CodeBroken}, {ErrMemory, CodeMemory},
}

var (
	// ErrBroken: a fault of the module itself; the store was closed.
	ErrBroken = errors.New("fault inside the module")
	// ErrMemory: the stores of an instance may not have that much memory.
	ErrMemory = errors.New("more memory than an instance gives")
)

// Code is the code of err; CodeOK for nil.
func Code(err error) int32 {
	if err == nil {
		return CodeOK
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return CodeBroken
}

// Err is the error of a code; nil if it is not negative.
func Err(code int32) error {
	if code >= 0 {
		return nil
	}
	for _, c := range codes {
		if c.code == code {
			return c.err
		}
	}
	return ErrBroken
}
