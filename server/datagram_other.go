//go:build !linux

package server

// echo is the best datagramEcho there is.
func (d *datagramSocket) echo() (func() error, error) { return d.echoMessages() }
