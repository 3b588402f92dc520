package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"echod/daemonize"
	"echod/server/control"
)

// An instance is a server that was found.
type instance struct {
	place
	pid      int  // 0 where the system does not tell
	ready    bool // or it is starting
	bySocket bool // it answers at its control socket, and no pid file leads to it

	others []*instance // at other default places
}

// String tells a person where the instance is.
func (i *instance) String() string {
	where := "pid file " + i.pidFile
	if i.bySocket {
		where = "control socket " + i.socket
	}
	return fmt.Sprintf("pid %d, %s", i.pid, where)
}

// client returns what calls this instance and no other, or nil if it has no control socket.
func (i *instance) client() *control.Client {
	if i.socket == "" {
		return nil
	}
	client := control.NewClient(i.socket)
	if i.pidFile != "" {
		client.Verify = i.verify
	}
	return client
}

// verify makes sure that the process behind the control socket is the one that was found, now that
// the two are connected: the pid file or the socket may have passed to another process meanwhile.
func (i *instance) verify(peer control.Peer) error {
	if i.bySocket {
		return i.verifyWithoutPidFile(peer)
	}
	holder, err := daemonize.Find(i.pidFile)
	if err != nil {
		return err
	}
	if holder.Pid != 0 && holder.Pid != peer.PID {
		return fmt.Errorf("it is that of pid %d, and pid file %s of pid %d", peer.PID, i.pidFile, holder.Pid)
	}
	return nil
}

// verifyWithoutPidFile believes root, the caller, and the user that the directory of the socket
// belongs to, unless everybody may write to it. The server began to listen as one of them.
func (i *instance) verifyWithoutPidFile(peer control.Peer) error {
	if i.pid != 0 && peer.PID != i.pid {
		return fmt.Errorf("it was that of pid %d, and is that of pid %d", i.pid, peer.PID)
	}
	if peer.UID == 0 || peer.UID == os.Geteuid() {
		return nil
	}
	dir, err := os.Stat(filepath.Dir(i.socket))
	if err != nil {
		return err
	}
	if st, ok := dir.Sys().(*syscall.Stat_t); ok && int(st.Uid) == peer.UID && dir.Mode().Perm()&0o002 == 0 {
		return nil
	}
	return fmt.Errorf("it is that of user %d", peer.UID)
}
