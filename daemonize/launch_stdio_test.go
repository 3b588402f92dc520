package daemonize

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// What the daemon has started may keep its standard output: that does not keep the launcher.
func TestLaunchHandedDown(t *testing.T) {
	for _, words := range []string{"be ready", "end"} {
		t.Run(words, func(t *testing.T) {
			leash := newLeash(t)
			launcher := launch(t, command(t, play{Role: "hand down", Words: words, Leash: leash.address()}))
			program, d := leash.await("hold"), leash.await("hand down")
			d.cue(words)
			r := launcher.wait()
			switch {
			case words == "be ready" && (r.exit != 0 || !program.alive() || !d.alive()):
				t.Error(r)
			case words == "end" && (r.Status != 5 || r.stderr != "last words\n"):
				t.Error(r)
			}
		})
	}
}

// A launcher may be started without some or all of the standard descriptors.
func TestLaunchClosedStdio(t *testing.T) {
	for _, closed := range []string{"0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/KeepStdio=%v", closed, keep), func(t *testing.T) {
				leash := newLeash(t)
				cmd := command(t, play{Role: "serve", Leash: leash.address(), Daemon: Daemon{KeepStdio: keep}})
				launch(t, through(t, cmd, "sh", "-c", `exec `+closed+`; exec "$@"`, "sh")).started()
				leash.ready("serve")
			})
		}
	}
}

// A standard error that nobody reads any more does not keep the daemon from starting.
func TestLaunchBrokenOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	leash := newLeash(t)
	cmd := command(t, play{Role: "speak", Words: "nobody hears this", Leash: leash.address()})
	cmd.Stderr = w
	launcher := launch(t, cmd)
	leash.await("speak").expect("ready")
	launcher.started()
}

// $(start) and ssh host start wait for the end of the launcher's output, not for that of the
// daemon.
func TestLaunchOutputEnds(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	cmd.Stdout, cmd.Stderr = w, w
	launcher := launch(t, cmd)
	w.Close()
	r.SetReadDeadline(time.Now().Add(patience))
	if output, err := io.ReadAll(r); err != nil {
		t.Errorf("after %q: %v", output, err)
	}
	launcher.started()
	leash.ready("serve")
}

// Detach passes on what a daemon has said before its end, however slowly it is taken.
func TestLaunchSlowOutput(t *testing.T) {
	leash := newLeash(t)
	words := strings.Repeat("words ", 10_000)
	d := inProcess(t, play{Role: "abort", Words: "9 " + words, Leash: leash.address()})
	d.Output = slowWriter{}
	_, _, err := d.Detach()
	var failed *StartError
	if !errors.As(err, &failed) || failed.Status != 9 || failed.Message != words {
		t.Errorf("error %.100v, want status 9 and %d bytes", err, len(words))
	}
}

// A slowWriter is a terminal far away.
type slowWriter struct{}
