package daemonize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Capabilities, the bounding set and no_new_privs belong to a thread. Package cap changes them on
// all threads, with and without cgo; syscall.AllThreadsSyscall does so only without.

// dropBoundingSet empties the set that limits what the execution of a file can add; see
// capabilities(7). It needs CAP_SETPCAP, which setuid(2) takes away.
func (kernel) dropBoundingSet() error {
	for value := range cap.MaxBits() {
		if err := cap.DropBound(value); err != nil {
			return err
		}
	}
	return nil
}

// clearInheritable leaves the effective and the permitted set to setuid(2).
func (kernel) clearInheritable() error {
	if err := cap.ResetAmbient(); err != nil {
		return err
	}
	caps, err := cap.GetPID(0)
	if err == nil {
		err = caps.ClearFlag(cap.Inheritable)
	}
	if err != nil {
		return err
	}
	return caps.SetProc()
}

func (kernel) clearCapabilities() error {
	if err := cap.ResetAmbient(); err != nil {
		return err
	}
	return cap.NewSet().SetProc()
}

func (kernel) noNewPrivileges() error {
	_, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1)
	return err
}

// openThreads opens the directory of the threads of this process, while it is within reach:
// in a new root directory there is no /proc.
func (kernel) openThreads() (*os.Root, error) { return os.OpenRoot("/proc/self/task") }

// privileged looks at each thread, because what one has left can be used for all.
func (kernel) privileged(threads *os.Root, want threadLimits) (string, error) {
	ids, err := fs.ReadDir(threads.FS(), ".")
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		status, err := threads.ReadFile(id.Name() + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return "", err
		}
		if left := want.leftIn(string(status)); left != "" {
			return fmt.Sprintf("thread %s has %s", id.Name(), left), nil
		}
	}
	return "", nil
}

// leftIn returns the first field of a thread's status, see proc_pid_status(5), that is not as it
// should be, or nothing. A field that a kernel does not have is no privilege.
func (c threadLimits) leftIn(status string) string {
	wanted := map[string]string{
		"Uid":        strings.TrimSpace(strings.Repeat(fmt.Sprintf("%d\t", c.uid), 4)),
		"CapInh":     noCapabilities,
		"CapPrm":     noCapabilities,
		"CapEff":     noCapabilities,
		"CapAmb":     noCapabilities,
		"NoNewPrivs": "1",
	}
	if c.bounded {
		wanted["CapBnd"] = noCapabilities
	}
	for line := range strings.Lines(status) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if want, ok := wanted[field]; ok && value != want {
			return field + " " + value
		}
	}
	return ""
}

const noCapabilities = "0000000000000000"
