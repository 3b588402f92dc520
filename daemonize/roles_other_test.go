//go:build !linux

package daemonize

import "syscall"

func systemRoles() map[string]role { return nil }

// exiting tells whether a process has ended.
func exiting(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

func systemPrograms() map[string]role { return nil }
