package main

import (
	"fmt"

	"echod/daemonize"
	"echod/server/control"
)

// An instance is a server that was found.
type instance struct {
	place
	pid   int  // 0 where the system does not tell
	ready bool // or it is starting
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

// verify makes sure that the process behind the control socket is the one that holds the pid file, now
// that the two are connected: either may have passed to another process since they were found.
func (i *instance) verify(peer control.Peer) error {
	holder, err := daemonize.Find(i.pidFile)
	if err != nil {
		return err
	}
	if holder.Pid != 0 && holder.Pid != peer.PID {
		return fmt.Errorf("it is that of pid %d, and pid file %s of pid %d", peer.PID, i.pidFile, holder.Pid)
	}
	return nil
}
