//go:build unix && !linux

package daemonize

// Reachable returns nil: there are no user namespaces here.
func (id *Identity) Reachable() error { return nil }
