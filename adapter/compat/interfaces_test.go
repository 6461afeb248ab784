package compat

import (
	scslib "github.com/alexedwards/scs/v2"
	fiber2 "github.com/gofiber/fiber/v2"
	fiber3 "github.com/gofiber/fiber/v3"
	httpcachelib "github.com/gregjones/httpcache"

	"github.com/stratakv/strata/adapter/fiber"
	"github.com/stratakv/strata/adapter/httpcache"
	"github.com/stratakv/strata/adapter/scs"
)

var (
	_ scslib.Store            = (*scs.Store)(nil)
	_ scslib.CtxStore         = (*scs.Store)(nil)
	_ scslib.IterableStore    = (*scs.Store)(nil)
	_ scslib.IterableCtxStore = (*scs.Store)(nil)
	_ scs.Codec               = scslib.Codec(nil)

	_ fiber2.Storage = (*fiber.Storage)(nil)
	_ fiber3.Storage = (*fiber.Storage)(nil)

	_ httpcachelib.Cache = (*httpcache.Cache)(nil)
)
