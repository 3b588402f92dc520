package daemonize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// An Identity is a user and the groups that a process has as this user.
type Identity struct {
	User   string // the name, or the number where there is no name
	UID    int
	GID    int
	Groups []int // supplementary groups, the primary one first: on some systems that is where it must be
}

// LookupIdentity finds USER or USER:GROUP, names or numbers, in the system's
// databases: /etc/passwd and /etc/group, and in a program built with cgo all that
// nsswitch.conf(5) names. Without GROUP it is the user's primary group; the supplementary
// groups are the user's in either case. A user number without an entry is
// allowed if GROUP is given.
func LookupIdentity(spec string) (*Identity, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	if name == "" || hasGroup && group == "" {
		return nil, fmt.Errorf("look up user %q: want USER or USER:GROUP", spec)
	}
	id, err := lookupUser(name, hasGroup)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	if hasGroup {
		if id.GID, err = lookupGroup(group); err != nil {
			return nil, fmt.Errorf("look up group %s: %w", group, err)
		}
	}
	supplementary := slices.DeleteFunc(id.Groups, func(gid int) bool { return gid == id.GID })
	id.Groups = append([]int{id.GID}, supplementary...)
	return id, nil
}

func lookupUser(name string, hasGroup bool) (*Identity, error) {
	u, err := user.Lookup(name)
	if number, numErr := strconv.ParseUint(name, 10, 31); err != nil && numErr == nil {
		u, err = user.LookupId(name)
		if err != nil && hasGroup {
			return &Identity{User: name, UID: int(number)}, nil
		}
	}
	if err != nil {
		return nil, cause(err)
	}
	id := &Identity{User: u.Username}
	if id.UID, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	if id.GID, err = strconv.Atoi(u.Gid); err != nil {
		return nil, err
	}
	gids, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	for _, gid := range gids {
		n, err := strconv.Atoi(gid)
		if err != nil {
			return nil, err
		}
		id.Groups = append(id.Groups, n)
	}
	return id, nil
}

func lookupGroup(name string) (int, error) {
	g, err := user.LookupGroup(name)
	if err == nil {
		return strconv.Atoi(g.Gid)
	}
	if number, numErr := strconv.ParseUint(name, 10, 31); numErr == nil {
		return int(number), nil
	}
	return 0, cause(err)
}

// cause says in few words what the errors of os/user say in many.
func cause(err error) error {
	var noUser user.UnknownUserError
	var noID user.UnknownUserIdError
	var noGroup user.UnknownGroupError
	switch {
	case errors.As(err, &noUser), errors.As(err, &noID):
		return errors.New("no such user")
	case errors.As(err, &noGroup):
		return errors.New("no such group")
	}
	return err
}

// DropPrivileges enters Daemon.Chroot and becomes Daemon.Identity, on all threads, for good, and
// checks that nothing is left: root cannot be had again; the ids and groups are the new ones; on
// Linux all sets of capabilities, the bounding set too, are empty, no_new_privs is set, the
// session keyring is a new one, and the caller's terminal cannot be typed into. Descriptors above 2
// that the process was started with, and that are not among Daemon.Sockets, are closed. Open what
// needs root, or is outside of the new root directory, before. An error leaves the process half
// way; it must end.
//
// Without Chroot and Identity it does nothing. A process that is Identity already gives up its
// capabilities and sets no_new_privs, and its descriptors above 2 become close-on-exec. What could
// not be given up, and does no harm, is in [Process.PrivilegesError].
func (p *Process) DropPrivileges() error {
	d, sys := p.daemon, p.daemon.system()
	if d.Chroot == "" && d.Identity == nil {
		return nil
	}
	id := d.Identity
	unprivileged := id != nil && os.Geteuid() != 0 && id.UID == os.Geteuid() && id.GID == os.Getegid()
	threads, err := sys.openThreads()
	noProc := errors.Is(err, fs.ErrNotExist)
	if err != nil {
		err = fmt.Errorf("look at the threads of this process: %w", needsProc(err))
	}
	switch {
	case unprivileged && noProc:
		// The process has nothing of root but capabilities, which it gives up on all
		// threads, unseen.
		p.privilegesErr = errors.Join(p.privilegesErr, err)
	case err != nil:
		return err
	case threads != nil:
		defer threads.Close()
	}
	becomes := id != nil && !unprivileged && id.UID != 0
	var bounded bool
	if becomes {
		if bounded, err = p.confine(); err != nil {
			return err
		}
	}
	if d.Chroot != "" {
		if err := p.enterRoot(); err != nil {
			return err
		}
	}
	switch {
	case unprivileged:
		err = p.confineUnprivileged()
	case id != nil:
		err = p.setIDs(id)
	}
	if err != nil || !becomes && !unprivileged {
		return err
	}
	return verifyDropped(sys, id, threads, bounded)
}

// PrivilegesError says what [Process.DropPrivileges] could not give up because the kernel does not
// have it, or does not let this process change it, as in a container with fewer capabilities, and
// that it could not look at the threads, for want of /proc; or returns nil. It is for the log: with
// no_new_privs none of it leads back to root.
func (p *Process) PrivilegesError() error { return p.privilegesErr }

// confine gives up all that ids do not stand for. It reports whether the capability bounding set is
// empty. What setuid(2) takes away is still there, and it is done before chroot(2): package cap
// looks into /proc in a program that was built with cgo.
func (p *Process) confine() (bounded bool, err error) {
	sys := p.daemon.system()
	if err := sys.closeInherited(); err != nil {
		return false, fmt.Errorf("close inherited descriptors: %w", err)
	}
	err = sys.dropBoundingSet()
	bounded = err == nil
	if err := p.tolerate("empty the capability bounding set", err); err != nil {
		return false, err
	}
	if err := p.tolerate("leave the session keyring", sys.ownSessionKeyring()); err != nil {
		return false, err
	}
	if err := sys.clearInheritable(); err != nil {
		return false, fmt.Errorf("give up inheritable capabilities: %w", err)
	}
	if err := sys.noNewPrivileges(); err != nil {
		return false, fmt.Errorf("set no_new_privs: %w", err)
	}
	return bounded, p.tolerate("deny typing into the terminal", sys.denyTerminalInput())
}

// confineUnprivileged is for a process that has its user already, and may have capabilities.
func (p *Process) confineUnprivileged() error {
	sys := p.daemon.system()
	if err := sys.closeOnExec(3); err != nil {
		return fmt.Errorf("mark descriptors close-on-exec: %w", err)
	}
	if err := sys.clearCapabilities(); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := sys.noNewPrivileges(); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// tolerate keeps an error that says that the system does not have something, or does not let it be
// used. Any other is returned.
func (p *Process) tolerate(work string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", work, err)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EDQUOT) {
		p.privilegesErr = errors.Join(p.privilegesErr, err)
		return nil
	}
	return err
}

func (p *Process) setIDs(id *Identity) error {
	sys := p.daemon.system()
	if err := sys.setgroups(id.Groups); err != nil {
		return fmt.Errorf("set supplementary groups of %s: %w", id.User, err)
	}
	if err := sys.setgid(id.GID); err != nil {
		return fmt.Errorf("set group to %d: %w", id.GID, err)
	}
	if err := sys.setuid(id.UID); err != nil {
		return fmt.Errorf("set user to %s: %w", id.User, err)
	}
	return nil
}

// enterRoot changes the root directory, and the working directory with it: one
// that stays outside is a way out.
func (p *Process) enterRoot() error {
	d, sys := p.daemon, p.daemon.system()
	if err := checkRoot(sys, d.Chroot); err != nil {
		return fmt.Errorf("change root to %s: %w", d.Chroot, err)
	}
	// A directory that is open is a way out. The lock is lost with it, but such a directory is
	// root's, and not where files are removed for their age.
	p.dirLock.Close()
	if err := sys.chroot(d.Chroot); err != nil {
		return fmt.Errorf("change root to %s: %w", d.Chroot, err)
	}
	if err := sys.chdir(d.dir()); err != nil {
		return fmt.Errorf("change directory to %s inside %s: %w", d.dir(), d.Chroot, err)
	}
	if p.pidFile != nil {
		p.pidFile.path = InsideRoot(p.pidFile.path, d.Chroot)
	}
	p.madeDir = InsideRoot(p.madeDir, d.Chroot)
	return nil
}

// InsideRoot returns what the absolute path becomes once root is the root directory, see
// [Daemon].Chroot, or nothing if it is out of reach then. It is for what a program remembers from
// before, such as the path of its log.
func InsideRoot(path, root string) string {
	inside, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/")+"/")
	if !ok {
		return ""
	}
	return "/" + inside
}

// ErrPrivileged says that a process that gave up root could have it back.
var ErrPrivileged = errors.New("privileges are still there")

// verifyDropped looks for a way back to root, and at what each thread is left with, if threads is
// not nil.
func verifyDropped(sys system, id *Identity, threads *os.Root, bounded bool) error {
	if err := sys.setuid(0); err == nil {
		return fmt.Errorf("give up root: %w: setuid(0) works", ErrPrivileged)
	}
	left, err := foreignIDs(sys, id)
	if err == nil && left == "" && threads != nil {
		left, err = sys.privileged(threads, threadLimits{id.UID, bounded})
	}
	if err != nil {
		return fmt.Errorf("look at what is left of root: %w", err)
	}
	if left != "" {
		return fmt.Errorf("give up root: %w: %s", ErrPrivileged, left)
	}
	return nil
}

// threadLimits are what a thread may be left with.
type threadLimits struct {
	uid     int
	bounded bool // the bounding set is empty
}

func foreignIDs(sys system, id *Identity) (string, error) {
	c, err := sys.credentials()
	if err != nil {
		return "", err
	}
	if c.uid != id.UID || c.euid != id.UID {
		return fmt.Sprintf("user %d, effective %d", c.uid, c.euid), nil
	}
	for _, gid := range append([]int{c.gid, c.egid}, c.groups...) {
		if gid != id.GID && !slices.Contains(id.Groups, gid) {
			return fmt.Sprintf("group %d", gid), nil
		}
	}
	return "", nil
}
