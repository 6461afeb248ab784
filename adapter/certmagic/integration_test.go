package certmagic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	certs "github.com/caddyserver/certmagic"
	"github.com/stratakv/strata/adapter/certmagic"
	"go.uber.org/zap"
)

// authority is a certs.Issuer that signs whatever it is asked to.
type authority struct {
	key    *ecdsa.PrivateKey
	life   time.Duration
	issued atomic.Int64
}

func newAuthority(t *testing.T, life time.Duration) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: key, life: life}
}

func (a *authority) IssuerKey() string { return "test-authority" }

func (a *authority) Issue(_ context.Context, csr *x509.CertificateRequest) (*certs.IssuedCertificate, error) {
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.issued.Add(1)), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(a.life),
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, csr.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &certs.IssuedCertificate{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// newConfig is a certmagic of its own, as another process would have it.
func newConfig(t *testing.T, storage certs.Storage, issuer certs.Issuer) *certs.Config {
	t.Helper()
	var cfg *certs.Config
	cache := certs.NewCache(certs.CacheOptions{
		GetConfigForCert: func(certs.Certificate) (*certs.Config, error) { return cfg, nil },
		Logger:           zap.NewNop(),
	})
	t.Cleanup(cache.Stop)
	cfg = certs.New(cache, certs.Config{
		Storage: storage, Issuers: []certs.Issuer{issuer}, Logger: zap.NewNop(),
		OCSP: certs.OCSPConfig{DisableStapling: true},
	})
	return cfg
}

// TestCertmagic: certmagic itself obtains a certificate, once though several ask
// at the same time, and serves it from the store after a reopening.
func TestCertmagic(t *testing.T) {
	dir, issuer := t.TempDir(), newAuthority(t, 90*24*time.Hour)
	for range 2 {
		db, err := openDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			storage, err := certmagic.New(db, &certmagic.Options{Poll: 5 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer storage.Close()
			cfg := newConfig(t, storage, issuer)
			wg.Go(func() {
				if err := cfg.ObtainCertSync(t.Context(), "example.org"); err != nil {
					t.Error(err)
				}
				cert, err := cfg.CacheManagedCertificate(t.Context(), "example.org")
				if err != nil || cert.Leaf.VerifyHostname("example.org") != nil {
					t.Errorf("got %v, want the certificate", err)
				}
			})
		}
		wg.Wait()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := issuer.issued.Load(); got != 1 {
		t.Errorf("got %d certificates, want 1", got)
	}
}

// TestCleanStorage: certmagic's own cleaning finds what has expired, and only that.
func TestCleanStorage(t *testing.T) {
	s := newStorage(t, openStore(t, nil), nil)
	for name, life := range map[string]time.Duration{"old.example.org": -time.Hour, "new.example.org": time.Hour} {
		if err := newConfig(t, s, newAuthority(t, life)).ObtainCertSync(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, s, "ocsp/damaged-staple")
	err := certs.CleanStorage(t.Context(), s, certs.CleanStorageOptions{
		Logger: zap.NewNop(), OCSPStaples: true, ExpiredCerts: true, Interval: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{
		"certificates/test-authority/old.example.org":                     false,
		"certificates/test-authority/new.example.org/new.example.org.crt": true,
		"certificates/test-authority/new.example.org/new.example.org.key": true,
		"ocsp": false, "last_clean.json": true,
	} {
		if got := s.Exists(t.Context(), key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}
