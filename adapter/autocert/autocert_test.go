package autocert_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/stratakv/strata/adapter/autocert"
	"github.com/stratakv/strata/storetest"
	"github.com/stratakv/strata/tiered"
	"golang.org/x/crypto/acme"
	acmeautocert "golang.org/x/crypto/acme/autocert"
)

func open(t *testing.T, opts *tiered.Options) (*autocert.Cache, *tiered.Store) {
	t.Helper()
	db, err := tiered.OpenMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := autocert.New(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, db
}

func TestMissIsErrCacheMissItself(t *testing.T) {
	c, _ := open(t, nil)
	if data, err := c.Get(t.Context(), "nonexistent"); err != acmeautocert.ErrCacheMiss || data != nil {
		t.Errorf("got %v, %v; want nil and ErrCacheMiss by ==", data, err)
	}
}

func TestPutGet(t *testing.T) {
	c, _ := open(t, nil)
	for _, want := range [][]byte{{1}, {}, nil, []byte("\x00\xff"), bytes.Repeat([]byte("a"), 1<<20)} {
		given := bytes.Clone(want)
		if err := c.Put(t.Context(), "k", given); err != nil {
			t.Fatal(err)
		}
		for i := range given {
			given[i]++
		}
		for range 2 {
			got, err := c.Get(t.Context(), "k")
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %d bytes, %v; want the %d that were put", len(got), err, len(want))
			}
			for i := range got {
				got[i]++
			}
		}
	}
}

func TestDelete(t *testing.T) {
	c, _ := open(t, nil)
	if err := c.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if _, err := c.Get(t.Context(), "k"); err != acmeautocert.ErrCacheMiss {
			t.Errorf("got %v, want ErrCacheMiss", err)
		}
	}
}

func TestKeys(t *testing.T) {
	c, db := open(t, nil)
	keys := []string{"", "a", "a+rsa", "acme_account+key", "a/b", "../a", "a+token", "\x00", "ä"}
	for _, key := range keys {
		if err := c.Put(t.Context(), key, []byte("of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range keys {
		if got, err := c.Get(t.Context(), key); err != nil || string(got) != "of "+key {
			t.Errorf("%q: got %q, %v", key, got, err)
		}
		if _, err := db.Get(t.Context(), "autocert:"+key); err != nil {
			t.Errorf("%q: got %v under the default prefix", key, err)
		}
	}
	other, err := autocert.New(db, &autocert.Options{Prefix: "other:"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Get(t.Context(), "a"); err != acmeautocert.ErrCacheMiss {
		t.Errorf("got %v under another prefix, want ErrCacheMiss", err)
	}
}

func TestNothingExpires(t *testing.T) {
	clock := storetest.NewClock()
	c, _ := open(t, &tiered.Options{Clock: clock})
	if err := c.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	clock.Advance(50 * 365 * 24 * time.Hour)
	if _, err := c.Get(t.Context(), "k"); err != nil {
		t.Errorf("got %v after 50 years, want the value", err)
	}
	c, _ = open(t, &tiered.Options{MaxTTL: time.Hour})
	if err := c.Put(t.Context(), "k", []byte("v")); !errors.Is(err, tiered.ErrTTL) {
		t.Errorf("got %v in a store that bounds lifetimes, want ErrTTL", err)
	}
}

func TestEvictingStoreIsRefused(t *testing.T) {
	db, err := tiered.OpenMemory(&tiered.Options{Evict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if c, err := autocert.New(db, nil); err == nil || c != nil {
		t.Errorf("got %v, %v; want an error", c, err)
	}
}

func TestContextIsHonoured(t *testing.T) {
	c, _ := open(t, nil)
	if err := c.Put(t.Context(), "k", []byte("old")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Put(ctx, "k", []byte("new")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: got %v, want context.Canceled", err)
	}
	if err := c.Delete(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: got %v, want context.Canceled", err)
	}
	if _, err := c.Get(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: got %v, want context.Canceled", err)
	}
	if got, err := c.Get(t.Context(), "k"); err != nil || string(got) != "old" {
		t.Errorf("got %q, %v; want the value of before", got, err)
	}
}

func TestOutageIsNoMiss(t *testing.T) {
	c, db := open(t, &tiered.Options{Limits: tiered.Limits{ValueBytes: 10}})
	if err := c.Put(t.Context(), "k", make([]byte, 11)); !errors.Is(err, tiered.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	db.Close()
	if _, err := c.Get(t.Context(), "k"); !errors.Is(err, tiered.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// TestManager: autocert itself serves a certificate from a store that was closed
// and opened again, and finds none for another host.
func TestManager(t *testing.T) {
	dir, shared := t.TempDir(), t.TempDir()
	for _, first := range []bool{true, false} {
		db, err := tiered.Open(dir, &tiered.Options{L2Bytes: 1 << 20, SharedDir: shared})
		if err != nil {
			t.Fatal(err)
		}
		c, err := autocert.New(db, nil)
		if err != nil {
			t.Fatal(err)
		}
		if first {
			err = c.Put(t.Context(), "example.org", certificate(t, "example.org"))
		} else {
			err = serve(c)
		}
		if err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func serve(c *autocert.Cache) error {
	m := &acmeautocert.Manager{
		Cache: c, Prompt: acmeautocert.AcceptTOS, HostPolicy: acmeautocert.HostWhitelist("example.org"),
		Client: &acme.Client{DirectoryURL: "http://127.0.0.1:1/none"}, // nobody is there to be asked
	}
	hello := &tls.ClientHelloInfo{
		ServerName: "example.org", CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SupportedCurves: []tls.CurveID{tls.CurveP256}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
	}
	cert, err := m.GetCertificate(hello)
	if err != nil {
		return err
	}
	return cert.Leaf.VerifyHostname("example.org")
}

// certificate is a key and a certificate in autocert's form.
func certificate(t *testing.T, host string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	priv, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: priv}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
}
