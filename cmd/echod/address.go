package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// address is where to serve, as --listen has it.
type address struct {
	network  string // "tcp"
	hostPort string
}

func (a address) String() string { return a.network + "://" + a.hostPort }

func parseAddresses(texts []string) ([]address, error) {
	var addresses []address
	for _, text := range texts {
		a, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("parse --listen %q: %w", text, err)
		}
		if slices.Contains(addresses, a) {
			return nil, fmt.Errorf("parse --listen %q: given twice", text)
		}
		addresses = append(addresses, a)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("parse --listen: no address given")
	}
	return addresses, nil
}

func parseAddress(text string) (address, error) {
	network, rest, found := strings.Cut(text, "://")
	if !found {
		network, rest = "tcp", text
	}
	if network != "tcp" {
		return address{}, fmt.Errorf("scheme %s is not served, want tcp://HOST:PORT or HOST:PORT", network)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return address{}, fmt.Errorf("want tcp://HOST:PORT or HOST:PORT")
	}
	n, err := net.LookupPort(network, port)
	if err != nil || port == "" {
		return address{}, fmt.Errorf("port %q is no number from 0 to 65535", port)
	}
	return address{network, net.JoinHostPort(host, fmt.Sprint(n))}, nil
}
