//go:build !linux

package probe

// newEngines is a portable engine for all connections.
func newEngines(p *plan) ([]engine, error) {
	return []engine{newPortable(p)}, nil
}
