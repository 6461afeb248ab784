package tiered

import "sync"

// gate lets calls in until it is shut, and shutting waits for those inside.
type gate struct {
	mu   sync.RWMutex // held for reading by each call inside
	over bool         // written under mu
}

// enter returns false once the gate is shut; else leave must follow.
func (g *gate) enter() bool {
	g.mu.RLock()
	if g.over {
		g.mu.RUnlock()
		return false
	}
	return true
}

func (g *gate) leave() { g.mu.RUnlock() }

// shut waits until nobody is inside.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
}
