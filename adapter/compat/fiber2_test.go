package compat

import (
	"net/http"
	"testing"
	"time"

	fiber2 "github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"
	"github.com/gofiber/fiber/v2/middleware/csrf"
	"github.com/gofiber/fiber/v2/middleware/idempotency"
	"github.com/gofiber/fiber/v2/middleware/limiter"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/stratakv/strata/adapter/fiber"
)

func TestFiber2(t *testing.T) { testFiber(t, newFiber2) }

// newFiber2 makes the program that testFiber visits, for fiber v2.
func newFiber2(storage func(name string) *fiber.Storage, served *int) app {
	sessions := session.New(session.Config{Storage: storage("session:"), Expiration: time.Hour})
	a := fiber2.New(fiber2.Config{DisableStartupMessage: true})
	in := func(do func(*session.Session) error) fiber2.Handler {
		return func(c *fiber2.Ctx) error {
			s, err := sessions.Get(c)
			if err != nil {
				return err
			}
			return do(s)
		}
	}
	a.Get("/put", in(func(s *session.Session) error { s.Set("user", "42"); return s.Save() }))
	a.Get("/get", func(c *fiber2.Ctx) error {
		s, err := sessions.Get(c)
		if err != nil {
			return err
		}
		user, _ := s.Get("user").(string)
		return c.SendString(user)
	})
	a.Get("/renew", in(func(s *session.Session) error {
		if err := s.Regenerate(); err != nil {
			return err
		}
		return s.Save()
	}))
	a.Get("/destroy", in((*session.Session).Destroy))
	a.Get("/reset", func(*fiber2.Ctx) error { return sessions.Reset() })

	serve := func(c *fiber2.Ctx) error { *served++; return c.SendString("page") }
	a.Get("/limited", limiter.New(limiter.Config{Storage: storage("limit:"), Max: 2, Expiration: time.Hour}), serve)
	a.Get("/cached", cache.New(cache.Config{Storage: storage("cache:"), Expiration: time.Hour}), serve)
	a.Post("/once", idempotency.New(idempotency.Config{Storage: storage("once:")}), serve)
	guard := csrf.New(csrf.Config{Storage: storage("csrf:"), KeyLookup: "header:X-Csrf-Token", CookieName: "csrf"})
	a.Get("/form", guard, serve)
	a.Post("/form", guard, serve)
	return func(r *http.Request) (*http.Response, error) { return a.Test(r, -1) }
}
