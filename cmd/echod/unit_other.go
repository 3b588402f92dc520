//go:build !linux

package main

// A unit is the service of systemd(1) that a server belongs to. Here there is none.
type unit struct{}

func unitOf(string, int) *unit { return nil }

func (*unit) refusal(int) error { return nil }
