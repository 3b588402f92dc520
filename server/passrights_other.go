//go:build !linux

package server

import "syscall"

// refuseDescriptors has no effect: the system cannot refuse them. Here each client has a goroutine,
// and each socket for datagrams, so that nothing else waits while a descriptor is closed.
func refuseDescriptors(syscall.Conn) (already bool) { return false }
