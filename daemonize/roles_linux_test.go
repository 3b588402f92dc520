package daemonize

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// systemRoles are those that use what only this system has.
func systemRoles() map[string]role {
	return map[string]role{
		"log":                logTo,
		"use files":          useFiles,
		"use log":            useLog,
		"drop":               drop,
		"confined":           confined,
		"forge command line": forgeCommandLine,
	}
}

// systemPrograms are no daemons, and for what only this system has.
func systemPrograms() map[string]role {
	return map[string]role{
		"forge":          forge,
		"replace itself": replaceItself,
		"be root":        beRoot,
	}
}

// exiting tells whether a process has begun to end, or is gone. It closes its files only after
// that; see PF_EXITING in the kernel's sched.h, and proc_pid_stat(5).
func exiting(pid int) bool {
	const flags, ends = 6, 0x4 // the fields are counted after the name
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	value, err := strconv.ParseUint(fields[flags], 10, 64)
	return err == nil && value&ends != 0
}

// drop gives up privileges and tries to have them back. It has threads from before and after.
func drop(a *actor) int {
	threads := func() {
		var started sync.WaitGroup
		for range 5 {
			started.Add(1)
			go func() {
				runtime.LockOSThread()
				started.Done()
				select {}
			}()
		}
		started.Wait()
	}
	threads()
	if err := a.process.DropPrivileges(); err != nil {
		a.process.Abort(1, err)
		return 1
	}
	threads()
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("setuid", fmt.Sprint(syscall.Setuid(0)))
	a.say("setreuid", fmt.Sprint(syscall.Setreuid(-1, 0)))
	a.say("setgid", fmt.Sprint(syscall.Setgid(0)))
	a.say("setgroups", fmt.Sprint(syscall.Setgroups([]int{0})))
	_, _, errno := syscall.RawSyscall(syscall.SYS_SETREUID, ^uintptr(0), 0, 0)
	a.say("seteuid of a thread", errno.Error())
	a.say("dropped", "")
	a.await("end")
	return 0
}

// forgeCommandLine pretends to have been started with another command line.
func forgeCommandLine(a *actor) int {
	os.Args[0], os.Args[1] = "forged", "forged"
	if err := a.process.DropPrivileges(); err != nil {
		a.process.Abort(1, err)
		return 1
	}
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("forged", fmt.Sprint(forgeKept(a.Daemon.Identity != nil)))
	a.await("end")
	return 0
}

// forgeKept puts a file of its own before the one that the command line is kept in. With the
// seals it must be that of another user to be seen through.
func forgeKept(sealed bool) error {
	forged, err := unix.MemfdCreate(keptName, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	if _, err := unix.Write(forged, []byte("forged\x00forged")); err != nil {
		return err
	}
	if sealed {
		if _, err := unix.FcntlInt(uintptr(forged), unix.F_ADD_SEALS, unix.F_SEAL_WRITE); err != nil {
			return err
		}
	}
	for kept := range 100 {
		if _, err := unix.FcntlInt(uintptr(kept), unix.F_GET_SEALS, 0); err != nil || kept == forged {
			continue // it is no memory file
		}
		if kept > forged {
			return nil
		}
		if _, err := unix.FcntlInt(uintptr(kept), unix.F_DUPFD_CLOEXEC, 100); err != nil {
			return err
		}
		return unix.Dup3(forged, kept, unix.O_CLOEXEC)
	}
	return os.ErrNotExist
}
