//go:build !linux

package daemonize

// monotonicMicroseconds is 0: the service manager that asks for it runs on Linux only.
func monotonicMicroseconds() int64 { return 0 }
