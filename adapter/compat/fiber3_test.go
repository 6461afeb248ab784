package compat

import (
	"net/http"
	"testing"
	"time"

	fiber3 "github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/extractors"
	"github.com/gofiber/fiber/v3/middleware/cache"
	"github.com/gofiber/fiber/v3/middleware/csrf"
	"github.com/gofiber/fiber/v3/middleware/idempotency"
	"github.com/gofiber/fiber/v3/middleware/limiter"
	"github.com/gofiber/fiber/v3/middleware/session"

	"github.com/stratakv/strata/adapter/fiber"
)

func TestFiber3(t *testing.T) { testFiber(t, newFiber3) }

// newFiber3 makes the program that testFiber visits, for fiber v3.
func newFiber3(storage func(name string) *fiber.Storage, served *int) app {
	a := fiber3.New()
	handler, sessions := session.NewWithStore(session.Config{Storage: storage("session:"), IdleTimeout: time.Hour})
	in := func(do func(*session.Middleware) error) fiber3.Handler {
		return func(c fiber3.Ctx) error { return do(session.FromContext(c)) }
	}
	a.Get("/put", handler, in(func(s *session.Middleware) error { s.Set("user", "42"); return nil }))
	a.Get("/get", handler, func(c fiber3.Ctx) error {
		user, _ := session.FromContext(c).Get("user").(string)
		return c.SendString(user)
	})
	a.Get("/renew", handler, in((*session.Middleware).Regenerate))
	a.Get("/destroy", handler, in((*session.Middleware).Destroy))
	a.Get("/reset", func(c fiber3.Ctx) error { return sessions.Reset(c) })

	serve := func(c fiber3.Ctx) error { *served++; return c.SendString("page") }
	a.Get("/limited", limiter.New(limiter.Config{Storage: storage("limit:"), Max: 2, Expiration: time.Hour}), serve)
	a.Get("/cached", cache.New(cache.Config{Storage: storage("cache:"), Expiration: time.Hour}), serve)
	a.Post("/once", idempotency.New(idempotency.Config{Storage: storage("once:")}), serve)
	guard := csrf.New(csrf.Config{
		Storage: storage("csrf:"), Extractor: extractors.FromHeader("X-Csrf-Token"), CookieName: "csrf",
	})
	a.Get("/form", guard, serve)
	a.Post("/form", guard, serve)
	return func(r *http.Request) (*http.Response, error) {
		return a.Test(r, fiber3.TestConfig{Timeout: 0})
	}
}
