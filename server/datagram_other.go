//go:build !linux

package server

// native is the best datagramWay there is.
func (d *datagramSocket) native() (func() error, error) { return d.messages() }
