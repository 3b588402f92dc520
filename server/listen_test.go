package server

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// A name stands for its addresses, each once and IPv4 first; what is no name for itself.
func TestResolve(t *testing.T) {
	lookUp := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if host != "name.test" {
			return nil, errors.New("no such name")
		}
		var ips []netip.Addr
		for _, ip := range []string{"::1", "127.0.0.1", "fe80::1%eth0", "::ffff:127.0.0.1", "127.0.0.2", "::1"} {
			ips = append(ips, netip.MustParseAddr(ip))
		}
		return ips, nil
	}
	for text, want := range map[string][]string{
		"udp://name.test:7":   {"udp://127.0.0.1:7", "udp://127.0.0.2:7", "udp://[::1]:7", "udp://[fe80::1%eth0]:7"},
		"tcp://127.0.0.1:0":   {"tcp://127.0.0.1:0"},
		"tcp://:7":            {"tcp://:7"},
		"tcp://[::]:7":        {"tcp://[::]:7"},
		"unix:///name.test":   {"unix:///name.test"},
		"tcp://other.test:80": nil,
	} {
		a, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		addresses, err := a.resolve(t.Context(), lookUp)
		if (err != nil) != (want == nil) {
			t.Errorf("%s: %v", text, err)
		}
		var got []string
		for _, a := range addresses {
			got = append(got, a.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
