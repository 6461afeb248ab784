// Package abitest drives the reactor's calls with what a fuzzer makes up: one
// store by sound calls, beside a plain map that says what each must answer, and
// one by calls whose numbers, lengths and bytes are made up too. Whatever the
// second is given, a call answers with a code, and the first stays right.
//
// The same driver runs over package abi and over the module under wazero.
package abitest
