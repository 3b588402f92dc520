//go:build !linux

package server

// echo serves the socket until it is stopped or receiving fails for good.
func (d *datagramSocket) echo() error { return d.echoMessages() }
