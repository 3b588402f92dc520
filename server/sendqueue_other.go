//go:build !(linux || darwin || freebsd || netbsd)

package server

import "syscall"

// finLength is what the end of the stream counts in sendQueue.
const finLength = 0

// sendQueue cannot be known here: what the system has taken counts as delivered.
func sendQueue(uintptr) (n int, ok bool) { return 0, false }

func brokenBy(uintptr) syscall.Errno { return 0 }
