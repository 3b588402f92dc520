package daemonize

import (
	"os"
	"testing"
)

// What the launcher tells its daemon cannot be told by the one who starts the launcher.
func TestDetachForged(t *testing.T) {
	const secret = "FORGED"
	for _, test := range []struct {
		name    string
		waiting string // on the socket that is standard output
		env     []string
	}{
		{"no greeting", "", []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"other greeting", greeting("OTHER"), []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"greeting of nobody", greeting(""), []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET="}},
		{"beginning of a greeting", greeting(secret)[:15], []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"mark alone", "", []string{"_GO_DAEMON=1"}},
		{"secret alone", greeting(secret), []string{"DAEMONIZE_SECRET=" + secret}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := handshakeSockets(t)
			if _, err := ours.WriteString(test.waiting); err != nil {
				t.Fatal(err)
			}
			leash := newLeash(t)
			cmd := command(t, play{Role: "serve", Leash: leash.address()})
			cmd.Env = append(os.Environ(), test.env...)
			cmd.Stdout = theirs
			launcher := launch(t, cmd)
			d := leash.ready("serve")
			launcher.started()
			if d.Pid == cmd.Process.Pid {
				t.Error("the launcher takes itself for the daemon")
			}
		})
	}
}
