package gin_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	stratagin "github.com/stratakv/strata/adapter/gin"
	"github.com/stratakv/strata/tiered"
)

// A counter, and a login that renews the session's id. A program opens its store
// with tiered.Open.
func Example() {
	db, err := tiered.OpenMemory(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := stratagin.New(db, nil)
	if err != nil {
		log.Fatal(err)
	}
	const name = "__Host-session"
	router := gin.New()
	router.Use(sessions.Sessions(name, store))
	router.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		n, _ := session.Get("visits").(int)
		session.Set("visits", n+1)
		if err := session.Save(); err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
			return
		}
		c.String(http.StatusOK, "%v, visit %d", session.Get("user"), n+1)
	})
	router.GET("/login", func(c *gin.Context) {
		session, err := store.Get(c.Request, name) // gorilla's
		if err == nil {
			session.ID = "" // another id from here on
			session.Values["user"] = "alice"
			err = session.Save(c.Request, c.Writer)
		}
		if err != nil {
			c.AbortWithStatus(http.StatusServiceUnavailable)
		}
	})

	var cookies []*http.Cookie
	for _, path := range []string{"/", "/", "/login", "/"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		cookies = w.Result().Cookies()
		fmt.Printf("%s %d %q\n", path, w.Code, w.Body)
	}
	// Output:
	// / 200 "<nil>, visit 1"
	// / 200 "<nil>, visit 2"
	// /login 200 ""
	// / 200 "alice, visit 3"
}
