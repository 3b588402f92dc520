//go:build unix

package server

import (
	"math"
	"syscall"
)

// descriptorReserve is how many descriptors are left for everything that is not a client.
const descriptorReserve = 64

// descriptorLimit returns how many clients the process has descriptors for, 0 if there is no limit.
func descriptorLimit() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil || r.Cur > math.MaxInt32 {
		return 0
	}
	return max(1, int(r.Cur)-descriptorReserve)
}
