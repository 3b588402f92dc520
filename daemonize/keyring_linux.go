package daemonize

import (
	"crypto/rand"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// ownSessionKeyring leaves the caller's session keyring, with the keys of root's login in it, for
// a new one; see session-keyring(7).
//
// A session keyring belongs to a thread. An anonymous one would be another for each thread, so
// the threads join one by its name, which the permissions allow meanwhile to processes of this
// user: the name cannot be guessed. It is made by root, because the quota of an ordinary user may
// be used up; see keyrings(7).
func (kernel) ownSessionKeyring() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const (
		possessor = 0x3f000000 // everything
		user      = 0x00030000 // view and read, as the kernel has it
		search    = 0x00080000 // by the user, which joining needs
	)
	name := "daemonize-" + rand.Text()
	keyring, err := unix.AddKey("keyring", name, nil, unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return err
	}
	defer unix.KeyctlInt(unix.KEYCTL_UNLINK, keyring, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
	if err := unix.KeyctlSetperm(keyring, possessor|user|search); err != nil {
		return err
	}
	text, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, errno := psx.Syscall3(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, uintptr(unsafe.Pointer(text)), 0)
	runtime.KeepAlive(text)
	if errno != 0 {
		return errno
	}
	return unix.KeyctlSetperm(keyring, possessor|user)
}
