package main

import (
	"fmt"
	"slices"

	"echod/server"
)

func parseAddresses(texts []string) ([]server.Address, error) {
	var addresses []server.Address
	for _, text := range texts {
		a, err := server.ParseAddress(text)
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
