package daemonize

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A leash holds the processes of a test: they report to it and wait there for their
// cues. All that ever reported are ended with the test.
type leash struct {
	t        *testing.T
	listener net.Listener
	joinedC  chan *performer
	allC     chan []*performer // all who have joined, when the listener is closed
	waiting  []*performer      // joined, and not asked for yet
}

// A line is what one end of a leash says to the other.
type line struct{ Event, Words string }

// An introduction is the first thing that a process says.
type introduction struct {
	Role string
	Pid  int
}

// A performer is a process on the leash.
type performer struct {
	introduction
	t      *testing.T
	conn   net.Conn
	lineC  chan line
	handle processHandle
}

func newLeash(t *testing.T) *leash {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &leash{t: t, listener: listener, joinedC: make(chan *performer, 100)}
	l.allC = make(chan []*performer, 1)
	go func() { l.allC <- l.accept() }()
	t.Cleanup(l.close)
	return l
}

// close ends all who have joined. Nobody can join any more.
func (l *leash) close() {
	l.listener.Close()
	if all, open := <-l.allC; open {
		close(l.allC)
		for _, p := range all {
			p.end()
		}
	}
}

func (l *leash) address() string { return l.listener.Addr().String() }

// accept returns all who joined when the listener is closed.
func (l *leash) accept() (all []*performer) {
	defer close(l.joinedC)
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return all
		}
		p := &performer{t: l.t, conn: conn, lineC: make(chan line, 100)}
		decoder := json.NewDecoder(conn)
		if decoder.Decode(&p.introduction) != nil {
			conn.Close()
			continue
		}
		p.handle, err = processOf(p.Pid)
		if err != nil {
			l.t.Errorf("watch pid %d: %v", p.Pid, err)
			continue
		}
		go p.listen(decoder)
		all = append(all, p)
		l.joinedC <- p
	}
}

// processOf returns a handle also of a process that has ended meanwhile. The first process of a
// container has another number here; who started the container ends it.
func processOf(pid int) (processHandle, error) {
	if pid == 1 {
		return pidHandle{pid, hasEnded}, nil
	}
	h, err := kernel{}.process(pid)
	if errors.Is(err, syscall.ESRCH) {
		return pidHandle{pid, hasEnded}, nil
	}
	return h, err
}

func (p *performer) listen(decoder *json.Decoder) {
	defer close(p.lineC)
	for {
		var said line
		if decoder.Decode(&said) != nil {
			return
		}
		p.lineC <- said
	}
}

func (p *performer) end() {
	p.handle.signal(syscall.SIGKILL)
	p.awaitEnd()
	p.handle.close()
	p.conn.Close()
}

// await returns the next process that joins in a role.
func (l *leash) await(role string) *performer {
	l.t.Helper()
	deadlineC := time.After(patience)
	for {
		if i := slices.IndexFunc(l.waiting, func(p *performer) bool { return p.Role == role }); i >= 0 {
			p := l.waiting[i]
			l.waiting = slices.Delete(l.waiting, i, i+1)
			return p
		}
		select {
		case p, open := <-l.joinedC:
			if !open {
				l.t.Fatalf("no %q can come any more", role)
			}
			l.waiting = append(l.waiting, p)
		case <-deadlineC:
			l.t.Fatalf("no %q has come", role)
		}
	}
}

// ready returns the next daemon in a role that becomes ready like serve.
func (l *leash) ready(role string) *performer {
	l.t.Helper()
	p := l.await(role)
	p.expect("detached")
	p.expect("ready")
	return p
}

// expect waits for an event, which must be the next one, and returns what was said about it.
func (p *performer) expect(event string) string {
	p.t.Helper()
	select {
	case said, open := <-p.lineC:
		if !open {
			p.t.Fatalf("%q, pid %d, ended before %q", p.Role, p.Pid, event)
		}
		if said.Event != event {
			p.t.Fatalf("%q, pid %d, says %q, not %q", p.Role, p.Pid, said, event)
		}
		return said.Words
	case <-time.After(patience):
		p.t.Fatalf("%q, pid %d, does not say %q", p.Role, p.Pid, event)
	}
	return ""
}

// cue gives the process a cue that it waits for.
func (p *performer) cue(event string) {
	p.t.Helper()
	if err := json.NewEncoder(p.conn).Encode(line{Event: event}); err != nil {
		p.t.Fatal(err)
	}
}

// awaitEnd returns when the process has ended. A zombie has.
func (p *performer) awaitEnd() {
	p.t.Helper()
	if ended, err := awaitEnd(context.Background(), p.handle, p.Pid, patience); err != nil || !ended {
		p.t.Errorf("%q, pid %d, has not ended (%v)", p.Role, p.Pid, err)
	}
}

func (p *performer) alive() bool {
	ended, err := p.handle.wait(0)
	return err == nil && !ended
}

// An actor is the process's own end of the leash.
type actor struct {
	play
	process *Process // nil for a program
	encoder *json.Encoder
	cueC    chan string
	kept    []io.Closer // open as long as the process lives
}

func newActor(p play, process *Process) (*actor, error) {
	if p.Leash == "" {
		return &actor{play: p, process: process}, nil
	}
	conn, err := net.Dial("tcp", p.Leash)
	if err != nil {
		return nil, err
	}
	a := &actor{play: p, process: process, encoder: json.NewEncoder(conn), cueC: make(chan string)}
	go a.listen(json.NewDecoder(conn))
	return a, a.encoder.Encode(introduction{p.Role, os.Getpid()})
}

// listen ends the process when the test has ended without doing so.
func (a *actor) listen(decoder *json.Decoder) {
	for {
		var said line
		if decoder.Decode(&said) != nil {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		a.cueC <- said.Event
	}
}

func (a *actor) say(event, words string) { a.encoder.Encode(line{event, words}) }

func (a *actor) await(event string) {
	for cue := range a.cueC {
		if cue == event {
			return
		}
	}
}
