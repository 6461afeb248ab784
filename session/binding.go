package session

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxAgentBytes is what is recorded of a user agent.
const maxAgentBytes = 160

// client is what is known of who sent a request.
type client struct {
	known   bool // false outside net/http: nothing is checked
	agent   string
	address netip.Addr // without zone; the zero Addr: unknown
}

func (b *Binding) client(r *http.Request) client {
	c := client{known: true, agent: agentOf(r)}
	if b.IPv4Bits > 0 || b.IPv6Bits > 0 {
		c.address = b.Address(r).Unmap().WithZone("")
	}
	return c
}

// prefix is what is recorded of c's address, "" if nothing.
func (b *Binding) prefix(c client) string {
	bits := b.IPv6Bits
	if c.address.Is4() {
		bits = b.IPv4Bits
	}
	if bits == 0 || !c.address.IsValid() {
		return ""
	}
	p, err := c.address.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}

// mismatch says why c may not use r, "" if it may.
func (b *Binding) mismatch(r *record, c client) string {
	if !c.known {
		return ""
	}
	if r.address != "" && (b.IPv4Bits > 0 || b.IPv6Bits > 0) {
		p, err := netip.ParsePrefix(r.address)
		if err != nil || !p.Contains(c.address) {
			return ReasonAddress
		}
	}
	if b.Agent && r.agent != "" && r.agent != c.agent {
		return ReasonAgent
	}
	return ""
}

// agentOf is the part of r's user agent that is recorded.
func agentOf(r *http.Request) string {
	agent := r.UserAgent()
	if len(agent) > maxAgentBytes {
		agent = agent[:maxAgentBytes]
	}
	return strings.ToValidUTF8(agent, "")
}

// remoteAddress is the address of r's connection.
func remoteAddress(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr()
}
