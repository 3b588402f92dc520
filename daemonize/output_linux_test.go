package daemonize

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// logTo is ready, and prints then to the logs in the directory a.Words. At last it panics.
func logTo(a *actor) int {
	if err := a.logTo("early"); err != nil {
		return broken(err)
	}
	if err := a.logTo("log"); err != nil {
		return broken(err)
	}
	fmt.Fprintln(os.Stderr, "for the launcher")
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	log.Print("when ready")
	if err := a.logTo("reopened"); err != nil {
		return broken(err)
	}
	log.Print("when reopened")
	a.say("ready", "")
	a.await("panic")
	go panic("late")
	select {}
}

func (a *actor) logTo(name string) error {
	f, err := os.OpenFile(filepath.Join(a.Words, name), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	return a.process.LogTo(f)
}

// What a daemon prints when it is ready is in its log, and so is the panic that ends it; the next
// daemon says of the pid file that it was left.
func TestLogTo(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("KeepStdio=%v", keep), func(t *testing.T) {
			leash := newLeash(t)
			p := play{Role: "log", Words: t.TempDir(), Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.KeepStdio = keep
			if r := launch(t, command(t, p)).started(); r.stderr != "for the launcher\n" {
				t.Errorf("the launcher says %q", r.stderr)
			}
			d := leash.await("log")
			d.expect("ready")
			for fd, target := range procDescriptors(t, d.Pid) {
				if leads := strings.HasPrefix(target, p.Words); leads != (fd == 1 || fd == 2) {
					t.Errorf("descriptor %d leads to %s", fd, target)
				}
			}
			d.cue("panic")
			d.awaitEnd()
			if got := readFile(t, filepath.Join(p.Words, "early")); got != "" {
				t.Errorf("the first log has %q", got)
			}
			if got := readFile(t, filepath.Join(p.Words, "log")); !strings.HasSuffix(got, " when ready\n") || strings.Count(got, "\n") != 1 {
				t.Errorf("the log has %q", got)
			}
			got := readFile(t, filepath.Join(p.Words, "reopened"))
			if !strings.Contains(got, " when reopened\n") || !strings.Contains(got, "panic: late") || !strings.Contains(got, "goroutine ") {
				t.Errorf("the reopened log has %q", got)
			}
			var stale *StaleError
			if _, err := Find(p.Daemon.PidFile); !errors.As(err, &stale) {
				t.Errorf("after the panic: %v", err)
			}
			p.Role = "serve"
			launch(t, command(t, p)).started()
			if got := leash.await("serve").expect("detached"); !strings.Contains(got, fmt.Sprint(d.Pid)) {
				t.Errorf("the next one takes over %q, want pid %d", got, d.Pid)
			}
		})
	}
}
