//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	raceDuration = 20 * time.Second
	raceStarters = 50
	raceStoppers = 5 // fewer would hardly get a turn
)

// A race is many starts of one daemon against some that stop it, again and again. Ports differ, so
// that nothing but the pid file keeps two daemons from serving at the same time.
type race struct {
	*sandbox
	host string // of 127.0.0.0/8, this race's own
	endC chan struct{}

	mu       sync.Mutex
	outcomes map[string]int // what start and stop said, without the numbers
	errs     []string
}

// However many start a daemon and stop it, at no moment are there two; at the end there is none or
// one, and no file without an owner.
func TestStartsRaceStops(t *testing.T) {
	if testing.Short() {
		t.Skipf("takes %v", raceDuration)
	}
	t.Parallel()
	r := &race{
		sandbox:  newSandbox(t),
		host:     fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)),
		endC:     make(chan struct{}),
		outcomes: make(map[string]int),
	}
	r.openUp(t)
	var all sync.WaitGroup
	for range raceStarters {
		all.Go(func() { r.repeat("start", "--listen="+r.host+":0", "--pid-file=p", "--log-file=l") })
	}
	for range raceStoppers {
		all.Go(func() { r.repeat("stop", "--pid-file=p", "--timeout=0") })
	}
	all.Go(func() { r.play("kill-by-pid-file", filepath.Join(r.dir, "p"), r.bin) })
	all.Go(func() { r.play("watch-listeners", r.host) })
	time.AfterFunc(raceDuration, func() { close(r.endC) })
	all.Wait()
	t.Logf("what was said, and how often: %v", r.outcomes)
	for _, err := range r.errs {
		t.Error(err)
	}
	r.settle(t)
	r.readLog(t)
}

func (r *race) failf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}

// repeat runs a verb until the race is over.
func (r *race) repeat(args ...string) {
	for {
		select {
		case <-r.endC:
			return
		default:
		}
		o, err := r.try(r.dir, append([]string{"echod"}, args...)...)
		if err != nil {
			r.failf("%v", err)
			return
		}
		r.judge(args[0], o)
	}
}

// judge sees to it that a verb did what it was asked to, or what it was asked to was undone by
// another one.
func (r *race) judge(verb string, o outcome) {
	said := regexp.MustCompile(`[0-9][0-9.:]*|, log .*| \(looked at .*|\n`).ReplaceAllString(o.stdout+o.stderr, "")
	r.mu.Lock()
	r.outcomes[said]++
	r.mu.Unlock()
	expected := map[string][]string{
		"start": {
			"echod: serving tcp://, pid ",
			"echod: already running, pid ",
			"echod: told to end before it was ready: signal terminated", // stop came early
			"echod: daemon ended before it was ready: signal: terminated",
		},
		"stop": {"echod: stopped, pid ", "echod: not running"},
	}
	if !slices.Contains(expected[verb], said) {
		r.failf("%s: %v", verb, o)
	}
}

// play runs a role until the race is over; what it prints is an error. It is a process, because one
// that starts others all the time has no time for anything else.
func (r *race) play(role string, args ...string) {
	cmd := exec.Command(filepath.Join(r.bin, role), args...)
	release, err := cmd.StdinPipe()
	if err != nil {
		r.failf("%v", err)
		return
	}
	time.AfterFunc(raceDuration, func() { release.Close() })
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		r.failf("%s: %v\n%s", role, err, said)
	}
}

// settle sees to it that at most one daemon is left, which stop ends, and then nothing.
func (r *race) settle(t *testing.T) {
	t.Helper()
	if left := processesFrom(r.bin); len(left) > 1 {
		t.Errorf("%d processes are left", len(left))
	}
	r.run(t, exitOK, "echod", "stop", "--pid-file=p", "--timeout=0")
	r.run(t, 3, "echod", "status", "--pid-file=p")
	entries, err := os.ReadDir(r.dir)
	check(t, err)
	for _, e := range entries {
		if e.Name() != "l" {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// readLog sees to it that by the log, too, each daemon ended before the next one served. The last
// line of one is in the file before it lets go of the pid file.
func (r *race) readLog(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(r.dir, "l"))
	check(t, err)
	lines := regexp.MustCompile(`(?m)^time=(\S+) level=INFO msg=(started|stopped) pid=(\d+) `).FindAllStringSubmatch(string(log), -1)
	serving, served := "", 0
	for _, line := range lines {
		at, event, pid := line[1], line[2], line[3]
		switch {
		case event == "started" && serving == "":
			serving = pid
			served++
		case event == "stopped" && serving == pid:
			serving = ""
		default:
			t.Errorf("at %s pid %s has %s, while %q serves", at, pid, event, serving)
		}
	}
	if serving != "" {
		t.Errorf("pid %s has not stopped", serving)
	}
	if served < 2 {
		t.Errorf("%d daemons served: that was no race", served)
	}
}
