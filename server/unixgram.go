package server

import (
	"net"
	"net/netip"
	"time"
)

// Answers that may wait until a client of a Unix socket takes them: room for a burst, and not more than a client
// that never reads may cost.
const (
	lateAnswersMax = 64
	latePerClient  = 16
	lateBytesMax   = 1 << 20
	lateFor        = 10 * time.Second // then the answer is given up
	latePauseMin   = time.Millisecond
	latePauseMax   = 64 * time.Millisecond
)

// unixgramAnswers sends the answers of a Unix socket, which all go through one queue of the kernel or another
// that a client may leave full: its own, of net.unix.max_dgram_qlen datagrams, or, if it has called connect, the send
// buffer of the server. So nothing waits for room here. Answers for which there is none are kept, a few for each client,
// and tried again, in their order; those above are not sent. A client that has filled the send
// buffer keeps all others from being answered until it reads or is gone, and the kernel offers no way around that.
//
// It belongs to the goroutine that serves the socket.
type unixgramAnswers struct {
	socket *datagramSocket
	conn   *net.UnixConn
	kept   []lateAnswer
	bytes  int            // of kept
	counts map[string]int // of kept, by the name of the client
	timer  *time.Timer    // calls tryAgain; nil before it is needed
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

// keep keeps an answer for later, and reports whether there is a place for it.
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

// wake has tryAgain called after the pause.
func (u *unixgramAnswers) wake() {
	if u.timer == nil {
		u.timer = time.AfterFunc(u.pause, func() { u.socket.do(func() { u.tryAgain(time.Now()) }) })
		return
	}
	u.timer.Reset(u.pause)
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
	if len(kept) > 0 {
		u.wake()
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
	if u.timer == nil {
		return
	}
	u.timer.Stop()
	u.tryAgain(time.Now().Add(2 * lateFor))
}
