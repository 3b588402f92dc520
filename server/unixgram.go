package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// Answers that may wait until a client of a Unix socket takes them: room for a burst, and not more
// than a client that never reads may cost.
const (
	lateAnswersMax = 64
	latePerClient  = 16
	lateBytesMax   = 1 << 20
	lateFor        = 10 * time.Second // then the answer is given up
	latePauseMin   = time.Millisecond
	latePauseMax   = 64 * time.Millisecond
)

// unixgramAnswers sends the answers of a Unix socket, which all go through one queue of the kernel
// or another that a client may leave full: its own, of net.unix.max_dgram_qlen datagrams, or, if it
// has called connect, the send buffer of the server. So nothing waits for room here. Answers for
// which there is none are kept, a few for each client, and tried again, in their order; the answers
// above are not sent. A client that has filled the send buffer keeps all others from being answered
// until it reads or is gone, and the kernel offers no way around that.
//
// It belongs to the goroutine that serves the socket.
type unixgramAnswers struct {
	socket *datagramSocket
	conn   *net.UnixConn
	kept   []lateAnswer
	bytes  int            // of kept
	counts map[string]int // of kept, by the name of the client
	pause  time.Duration
}

type lateAnswer struct {
	payload []byte
	to      *net.UnixAddr
	until   time.Time
}

func newUnixgramAnswers(d *datagramSocket, conn *net.UnixConn) *unixgramAnswers {
	return &unixgramAnswers{socket: d, conn: conn, counts: make(map[string]int)}
}

// answer sends p, keeps it or drops it, and counts what it did, but for what is kept.
func (u *unixgramAnswers) answer(p []byte, to net.Addr) {
	client, ok := to.(*net.UnixAddr)
	if !ok || client == nil {
		u.socket.answered(len(p), netip.AddrPort{}, errNoSource)
		return
	}
	err := errNoRoom
	if u.counts[client.Name] == 0 { // or the order would be lost
		err = sendUnixgram(u.conn, p, client)
	}
	if err == errNoRoom && u.keep(p, client) {
		return
	}
	u.socket.answered(len(p), netip.AddrPort{}, err)
}

// keep keeps an answer for later, and reports whether there is room for it.
func (u *unixgramAnswers) keep(p []byte, to *net.UnixAddr) bool {
	if len(u.kept) >= lateAnswersMax || u.counts[to.Name] >= latePerClient || u.bytes+len(p) > lateBytesMax {
		return false
	}
	u.kept = append(u.kept, lateAnswer{append([]byte(nil), p...), to, time.Now().Add(lateFor)})
	u.counts[to.Name]++
	u.bytes += len(p)
	if len(u.kept) == 1 {
		u.pause = latePauseMin
		u.wake()
	}
	return true
}

// wake has receiving end with an error after the pause, which resume is called for; or not at all,
// if there is nothing to be tried again. stop may set its deadline at the same time, which must be
// the one that holds.
func (u *unixgramAnswers) wake() {
	var deadline time.Time
	if len(u.kept) > 0 {
		deadline = time.Now().Add(u.pause)
	}
	u.conn.SetReadDeadline(deadline)
	if u.socket.stopping.Load() {
		u.conn.SetReadDeadline(time.Now())
	}
}

// resume reports whether err of receiving says that it is time to try again, and does so.
func (u *unixgramAnswers) resume(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || len(u.kept) == 0 || u.socket.stopping.Load() {
		return false
	}
	u.socket.begin()
	u.tryAgain(time.Now())
	u.wake()
	u.socket.progress.waiting()
	return true
}

// tryAgain sends what there is room for now, and gives up what has waited for too long.
func (u *unixgramAnswers) tryAgain(now time.Time) {
	full := make(map[string]bool)
	kept := u.kept[:0]
	for _, a := range u.kept {
		err := errNoRoom
		if !full[a.to.Name] {
			err = sendUnixgram(u.conn, a.payload, a.to)
		}
		if err == errNoRoom {
			full[a.to.Name] = true
			if now.Before(a.until) {
				kept = append(kept, a)
				continue
			}
		}
		u.forget(a)
		u.socket.answered(len(a.payload), netip.AddrPort{}, err)
	}
	progress := len(kept) < len(u.kept)
	clear(u.kept[len(kept):])
	u.kept = kept
	u.socket.publish()
	u.pause = min(2*u.pause, latePauseMax)
	if progress {
		u.pause = latePauseMin
	}
}

func (u *unixgramAnswers) forget(a lateAnswer) {
	u.bytes -= len(a.payload)
	if u.counts[a.to.Name]--; u.counts[a.to.Name] == 0 {
		delete(u.counts, a.to.Name)
	}
}

// end tries what is kept for the last time.
func (u *unixgramAnswers) end() {
	u.tryAgain(time.Now().Add(2 * lateFor))
}
