//go:build linux

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"echod/server"
)

// newSteered is a service that steers nothing but itself, until stop is ordered. Its log goes
// to the returned text, which may be read once it has ended.
func newSteered(t *testing.T) (*service, *strings.Builder) {
	t.Helper()
	text := new(strings.Builder)
	v := newService(&settings{drainTimeout: patience}, nil, watchSignals())
	t.Cleanup(v.signals.release)
	v.log = newServerLog(new(slog.LevelVar))
	v.log.Logger = slog.New(slog.NewTextHandler(text, nil))
	v.server = &server.Server{Logger: v.log.Logger}
	return v, text
}

// release lets all signals act by default again.
func (w *signals) release() {
	for _, c := range []chan os.Signal{w.stopC, w.drainC, w.reloadC, w.reopenC, w.unusedC, w.pipeC} {
		signal.Stop(c)
	}
}

// steer carries out orders as run does, until one ends the service.
func (v *service) steer() {
	defer close(v.endedC)
	for {
		select {
		case o := <-v.orderC:
			if v.obey(o) {
				return
			}
		case r := <-v.upkeep.doneC:
			v.upkeep.finish(r)
		}
	}
}

func askIn(v *service, verb string) <-chan result {
	resultC := make(chan result, 1)
	go func() {
		message, err := v.ask(context.Background(), verb)
		resultC <- result{message, err}
	}()
	return resultC
}

// TestReloadIsBuiltThenPutInPlace, or the old configuration stays, with the reason.
func TestReloadIsBuiltThenPutInPlace(t *testing.T) {
	v, text := newSteered(t)
	inUse := "old"
	next, refusal := "new", error(nil)
	v.configure = func() (func(), error) {
		return func() { inUse = next }, refusal
	}
	go v.steer()
	if r := <-askIn(v, "reload"); r.err != nil || !strings.HasSuffix(r.message, "; configuration reloaded") || inUse != "new" {
		t.Errorf("got %+v, in use is %q", r, inUse)
	}
	next, refusal = "newer", errors.New("line 7: no such word")
	if r := <-askIn(v, "reload"); r.err == nil || r.err.Error() != "the configuration stays as it was: line 7: no such word" || inUse != "new" {
		t.Errorf("got %+v, in use is %q", r, inUse)
	}
	if r := <-askIn(v, "stop"); r.err != nil {
		t.Error(r.err)
	}
	<-v.endedC
	for _, line := range []string{`msg="configuration reloaded"`, `level=ERROR msg="configuration not reloaded" error="line 7`} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("the log lacks %s:\n%s", line, text)
		}
	}
}

// TestStopWaitsForNoUpkeep: a reload that hangs, in a file system, does not keep the service from
// ending, and all who wait for it are told.
func TestStopWaitsForNoUpkeep(t *testing.T) {
	v, _ := newSteered(t)
	begunC, releaseC := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(releaseC) })
	v.configure = func() (func(), error) {
		close(begunC)
		<-releaseC
		return nil, errors.New("too late")
	}
	go v.steer()
	hangs := askIn(v, "reload")
	<-begunC
	waits := askIn(v, "reopen")
	if r := <-askIn(v, "stop"); r.err != nil || r.message != "stopping" {
		t.Errorf("stop: %+v", r)
	}
	for _, c := range []<-chan result{hangs, waits, askIn(v, "reopen")} {
		if r := <-c; !errors.Is(r.err, errEnding) {
			t.Errorf("got %+v, want %v", r, errEnding)
		}
	}
}

// TestUpkeepOnceForAll: what is asked for while a reload is under way is done once more for all.
func TestUpkeepOnceForAll(t *testing.T) {
	v, _ := newSteered(t)
	runs := 0
	begunC, releaseC := make(chan struct{}, 10), make(chan struct{})
	v.configure = func() (func(), error) {
		runs++
		begunC <- struct{}{}
		<-releaseC
		return func() {}, nil
	}
	doneC := make(chan result, 5)
	for range 5 { // the goroutine that steers is this one
		v.obey(order{verb: "reload", doneC: doneC})
	}
	<-begunC
	close(releaseC)
	v.upkeep.finish(<-v.upkeep.doneC)
	v.upkeep.finish(<-v.upkeep.doneC)
	for range 5 {
		if r := <-doneC; r.err != nil {
			t.Error(r.err)
		}
	}
	if runs != 2 {
		t.Errorf("the configuration was built %d times, want 2", runs)
	}
}

// TestAskGivesUp when whoever asked does.
func TestAskGivesUp(t *testing.T) {
	v, _ := newSteered(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.ask(ctx, "stop"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestInterruptedStart: a signal to end that comes before the server is ready ends the start;
// others do not.
func TestInterruptedStart(t *testing.T) {
	w := watchSignals()
	defer w.release()
	send := func(s syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	send(syscall.SIGHUP)
	send(syscall.SIGUSR1)
	if err := waitUntil("HUP and USR1 have come", func() bool { return len(w.reloadC)+len(w.reopenC) == 2 }); err != nil {
		t.Fatal(err)
	}
	if err := w.interrupted(); err != nil {
		t.Errorf("after HUP and USR1: %v", err)
	}
	send(syscall.SIGQUIT)
	if err := waitUntil("QUIT has come", func() bool { return len(w.drainC) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := w.interrupted(); !errors.Is(err, errToldToEnd) {
		t.Errorf("after QUIT: %v", err)
	}
}
