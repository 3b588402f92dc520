package daemonize

import "golang.org/x/sys/unix"

// monotonicMicroseconds is CLOCK_MONOTONIC now, or 0 if it cannot be had.
func monotonicMicroseconds() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0
	}
	return now.Nano() / 1000
}
