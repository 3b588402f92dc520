package daemonize

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What a program does before Detach happens in both processes. Standard input is the caller's in
// the launcher only, and the program can find out which of the two it is.
func TestInputBeforeDetach(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("KeepStdio=%v", keep), func(t *testing.T) {
			leash := newLeash(t)
			record := publicDir(t) + "/record"
			p := play{Role: "serve", Leash: leash.address(), Before: []string{"read input"}, Log: record, Daemon: Daemon{KeepStdio: keep}}
			cmd := command(t, p)
			cmd.Stdin = strings.NewReader("for the launcher")
			launch(t, cmd).started()
			leash.ready("serve")
			want := "false \"for the launcher\" <nil>\ntrue \"\" <nil>\n"
			if got := readFile(t, record); got != want {
				t.Errorf("read:\n%swant:\n%s", got, want)
			}
		})
	}
}

// Before Detach the descriptors of the daemon are /dev/null and the socket of the handshake: no
// pipe that a program could find something in.
func TestDescriptorsBeforeDetach(t *testing.T) {
	leash := newLeash(t)
	record := publicDir(t) + "/record"
	p := play{Role: "serve", Leash: leash.address(), Before: []string{"list descriptors"}, Log: record}
	launch(t, command(t, p)).started()
	leash.ready("serve")
	got := strings.Fields(readFile(t, record))
	if len(got) != 4 || got[0] != os.DevNull || !strings.HasPrefix(got[1], "socket:") || got[2] != got[1] || got[3] != got[1] {
		t.Errorf("descriptors 0 to 3 lead to %v", got)
	}
}
