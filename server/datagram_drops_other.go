//go:build !linux

package server

// kernelDrops cannot tell here.
func kernelDrops(uintptr) (drops uint32, ok bool) { return 0, false }
