//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// acceptFaults are errors of accept(2) that belong to one connection, to the network, or to a rule
// of a firewall.
var acceptFaults = [...]string{"EPROTO", "ENETDOWN", "EHOSTUNREACH", "EOPNOTSUPP", "EPERM", "EMFILE"}

// The server outlives them, by strace(1), in the event loop as well as at the control socket.
func TestAcceptFaults(t *testing.T) {
	for _, errno := range acceptFaults {
		t.Run(errno, func(t *testing.T) {
			t.Parallel()
			b := newSandbox(t)
			b.openUp(t)
			o := b.runInto(t, "said", b.traced("--seccomp-bpf", "-e", "trace=accept4",
				"-e", fmt.Sprintf("inject=accept4:error=%s:when=1+2", errno))...)
			if o.status != exitOK {
				t.Fatal(o)
			}
			server := serving(t, o.stdout)
			for range 2 {
				check(t, echoBack(server.address, "hello"))
				b.run(t, exitOK, "echod", "log-level", "--pid-file=p")
			}
			b.run(t, exitOK, "echod", "stop", "--pid-file=p")
			log, err := os.ReadFile(filepath.Join(b.dir, "l"))
			check(t, err)
			if !bytes.Contains(log, []byte(`level=WARN msg="accept failed"`)) {
				t.Errorf("nothing has failed:\n%s", log)
			}
		})
	}
}
