//go:build linux

package main

import (
	"net"
	"path/filepath"
	"testing"
)

// A server that only its control socket leads to may end before it has answered that it will: then
// it is not running.
func TestStopByCallOfServerThatEnds(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	l, err := net.Listen("unix", filepath.Join(b.dir, "s"))
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := c.Read(make([]byte, 1)); err == nil { // a call, and not a look at which process it is
				l.Close()
			}
			c.Close() // what was not read makes this a reset
		}
	}()
	o := b.run(t, exitOK, "echod", "stop", "--pid-file=p", "--control-socket=s")
	if o.stdout != "echod: not running\n" || o.stderr != "" {
		t.Error(o)
	}
}
