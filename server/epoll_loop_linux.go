package server

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// loopEvents is how many clients are served between two looks at the kernel's list of
// ready ones. The kernel goes round that list, so this is not a matter of fairness.
const loopEvents = 256

// A loop serves many clients from one thread. Its fields, and its clients, belong to the
// goroutine in run; what others want of it they hand over with do.
type loop struct {
	engine *epollEngine
	epfd   int
	wakefd int // an eventfd: do writes to it, which ends a wait

	now         time.Duration          // when the events at hand were reported
	clients     clientTable            // by descriptor
	others      map[int32]readyHandler // by descriptor: what is not a client
	services    map[*Service]*loopService
	unpublished []*loopService // that have bytes to publish
	idleAt      time.Duration  // when a client may have been idle for too long, or earlier
	polled      []poll         // clients that are asked for now and then
	pollAt      time.Duration  // when they are
	windowsAt   time.Duration  // when to look at the windows of clients
	windowPage  int            // of clients, with which the look goes on
	hot         bool           // events came in numbers: look for more before waiting
	woken       bool           // there are tasks
	stopped     bool

	progress progress
	load     atomic.Int64 // clients; others may read it, as well as full
	full     atomic.Bool  // it hardly ever waits
	idleTime idleTime

	buffers spareBuffers
	buf     [maxRead]byte
	events  [loopEvents]unix.EpollEvent

	mu    sync.Mutex
	tasks []func() // guarded by mu
	gone  bool     // guarded by mu; the descriptors are closed
}

// A readyHandler is what a loop watches besides its clients.
type readyHandler interface {
	ready()
}

func newLoop(e *epollEngine) (*loop, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakefd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epfd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	l := &loop{
		engine: e, epfd: epfd, wakefd: wakefd, idleAt: never,
		others: make(map[int32]readyHandler), services: make(map[*Service]*loopService),
	}
	if err := l.watch(int32(wakefd), (*waker)(l)); err != nil {
		unix.Close(wakefd)
		unix.Close(epfd)
		return nil, err
	}
	return l, nil
}

// watch makes h hear of it whenever fd is readable.
func (l *loop) watch(fd int32, h readyHandler) error {
	if errno := setInterest(l.epfd, unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); errno != 0 {
		return os.NewSyscallError("epoll_ctl", errno)
	}
	l.others[fd] = h
	return nil
}

// unwatch undoes watch.
func (l *loop) unwatch(fd int32) {
	setInterest(l.epfd, unix.EPOLL_CTL_DEL, fd, 0)
	delete(l.others, fd)
}

// run serves until a task sets stopped. It keeps a thread for itself, since it makes system calls
// the scheduler does not know of, and because a thread that stays on its processor is faster.
func (l *loop) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for !l.stopped {
		n := l.wait()
		for i := range n {
			l.dispatch(l.events[i])
		}
		// Tasks and deadlines come last: they may close any client, and its descriptor's number
		// must not be in use again while an event of the old one is still at hand.
		if l.woken {
			l.runTasks()
		}
		l.expire()
		l.publish()
		l.buffers.report(&l.engine.server.trimmer)
		if l.idleTime.windowOver(l.now) {
			l.assess()
		}
	}
	l.progress.waiting()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
	unix.Close(l.wakefd)
	unix.Close(l.epfd)
}

// wait returns how many events there are, after waiting for some.
func (l *loop) wait() int {
	n := 0
	if l.hot {
		n = pollEvents(l.epfd, l.events[:])
	}
	if n == 0 {
		start := l.engine.server.now()
		l.progress.waiting()
		l.idleTime.begin(start)
		n = awaitEvents(l.epfd, l.events[:], l.patience(start))
		l.now = l.engine.server.now()
		l.idleTime.end(l.now)
	} else {
		l.now = l.engine.server.now()
	}
	l.progress.working(l.now)
	l.hot = n > 1
	return n
}

// dispatch serves what the event is for.
func (l *loop) dispatch(ev unix.EpollEvent) {
	if c := l.clients.at(ev.Fd); c != nil {
		l.serve(c)
		return
	}
	if h, ok := l.others[ev.Fd]; ok {
		h.ready()
	}
}

// publish adds the bytes that were moved to the totals of the services.
func (l *loop) publish() {
	for _, g := range l.unpublished {
		g.service.totals.received.Add(g.received)
		g.service.totals.sent.Add(g.sent)
		g.received, g.sent, g.moved = 0, 0, false
	}
	l.unpublished = l.unpublished[:0]
}

// do makes the loop run task soon, between two rounds of events, and reports true, unless it has
// stopped. It may be called by any goroutine.
func (l *loop) do(task func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	l.tasks = append(l.tasks, task)
	if len(l.tasks) == 1 {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		unix.Write(l.wakefd, one[:])
	}
	return true
}

func (l *loop) runTasks() {
	l.woken = false
	l.mu.Lock()
	tasks := l.tasks
	l.tasks = nil
	l.mu.Unlock()
	for _, task := range tasks {
		task()
	}
}

// A waker is the loop as the handler of its own eventfd.
type waker loop

func (w *waker) ready() {
	var count [8]byte
	unix.Read(w.wakefd, count[:])
	w.woken = true
}
