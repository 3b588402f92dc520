package daemonize

import (
	"os"
	"os/signal"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ownChildPoll is how often the end of the caller's own child is looked for again, until the caller
// has waited for it.
const ownChildPoll = 100 * time.Millisecond

// ReapOrphans waits for the children that the process has not started itself, until stop is called:
// process 1, as in a container, gets the orphans of all others, which stay zombies if it does not
// wait for them. own tells the children that the caller waits for, with package os/exec for
// instance, and is asked for each that has ended; nil stands for none. Orphans that end while such
// a one is not waited for stay until it is.
func ReapOrphans(own func(pid int) bool) (stop func()) {
	childC, stopC, endedC := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(childC, syscall.SIGCHLD)
	go func() {
		defer close(endedC)
		for {
			var againC <-chan time.Time
			if reap(own) {
				againC = time.After(ownChildPoll)
			}
			select {
			case <-childC:
			case <-againC:
			case <-stopC:
				return
			}
		}
	}()
	return func() {
		signal.Stop(childC)
		close(stopC)
		<-endedC
	}
}

// reap waits for all children that have ended, up to one of the caller's, and reports whether there
// is one.
func reap(own func(pid int) bool) bool {
	for {
		pid := endedChild()
		if pid == 0 {
			return false
		}
		if own != nil && own(pid) {
			return true
		}
		if err := ignoringEINTR(func() error { return unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED, nil) }); err != nil {
			return false
		}
	}
}

// endedChild returns a child that has ended, which remains to be waited for, or 0.
func endedChild() int {
	// x/sys names of siginfo_t only what comes before the pid, which is at the beginning of a
	// union.
	var info unix.Siginfo
	err := ignoringEINTR(func() error {
		return unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	})
	if err != nil { // ECHILD, if there are no children
		return 0
	}
	offset := unsafe.Offsetof(info.Code) + 4
	offset = (offset + unsafe.Alignof(uintptr(0)) - 1) &^ (unsafe.Alignof(uintptr(0)) - 1)
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset)))
}
