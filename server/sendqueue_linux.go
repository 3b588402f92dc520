package server

import "syscall"

// finLength is what the end of the stream counts in sendQueue.
const finLength = 1

// sendQueue returns how many bytes of a TCP connection its peer's system has not acknowledged. ok
// is false if that cannot be known.
func sendQueue(fd uintptr) (n int, ok bool) { return unsentBytes(int32(fd)), true }

// brokenBy returns the error that a connection has broken with, and has the system forget it.
func brokenBy(fd uintptr) syscall.Errno { return socketError(int32(fd)) }
