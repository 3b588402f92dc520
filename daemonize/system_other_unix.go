//go:build unix && !linux

package daemonize

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func (kernel) closeOnExec(first int) error { return markOpenDescriptors("/dev/fd", first) }

func (kernel) closeInherited() error { return closeInherited("/dev/fd") }

// emptySignalMask does nothing: golang.org/x/sys has no pthread_sigmask(3) here. A
// signal that is blocked in the launcher stays blocked in the daemon.
func (kernel) emptySignalMask() (restore func(), err error) { return func() {}, nil }

func (kernel) dup2(from, to int) error { return unix.Dup2(from, to) }

// claim and claimant have no meaning here: locks of flock(2) and fcntl(2) exclude one
// another on the BSDs, and the file's content has to name the owner.
func (kernel) claim(int) error           { return nil }
func (kernel) claimant(int) (int, error) { return 0, errors.ErrUnsupported }

// There are no capabilities here, no session keyring and no filter of system calls that this
// package knows; what the ids say is all there is.
func (kernel) openThreads() (*os.Root, error)                    { return nil, nil }
func (kernel) dropBoundingSet() error                            { return nil }
func (kernel) ownSessionKeyring() error                          { return nil }
func (kernel) clearInheritable() error                           { return nil }
func (kernel) clearCapabilities() error                          { return nil }
func (kernel) noNewPrivileges() error                            { return nil }
func (kernel) privileged(*os.Root, threadLimits) (string, error) { return "", nil }
func (kernel) denyTerminalInput() error                          { return nil }

// evidence is not asked for where the kernel names no holder.
func (kernel) evidence(int, fileInfo) (evidence, error) { return evidence{}, errors.ErrUnsupported }

// awaitZombie needs waitid(2), which golang.org/x/sys does not have here.
func (kernel) awaitZombie(int) error { return errors.ErrUnsupported }

func (kernel) process(pid int) (processHandle, error) { return newPidHandle(pid) }

// processStart is not known without kvm(3). The lock of the pid file, looked at just before a
// signal is sent, has to do.
func processStart(int) string { return "" }

func (kernel) keepCommandLine([]byte) error { return errors.ErrUnsupported }

func (kernel) keptCommandLine(int) ([]byte, error) { return nil, errors.ErrUnsupported }
