package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// datagramBuffer holds every datagram of UDP, of 65507 bytes at most over IPv4 and 65527 over IPv6,
// with room to spare: one that fills it was cut.
const datagramBuffer = 1 << 16

// ServePacket answers the datagrams that arrive at pc as v says, until Shutdown or Close of the
// server, or Shutdown of v, is called or receiving fails for good; it then returns ErrServerClosed
// or the error. As with Serve, only what can never get better is for good, and nil for v is echo.
//
// An answer of a *net.UDPConn that is bound to all addresses comes from the address that was asked,
// on Linux, macOS and the BSDs; elsewhere, and from a net.PacketConn that hides a *net.UDPConn, it
// comes from the address that the system chooses, and a client that asked another one will not know
// it.
//
// An echo answers every sender, and that can be forged. An answer of a Builtin is never larger than
// the question, but for daytime and time, see DatagramLimits.PerSource; besides, these are
// received, counted in [Stats], and not answered (RFC 862 did not foresee it, CERT VU#417980 does):
//
//   - from the port of a service that would answer in turn, without end: echo, chargen, domain, ntp
//     and the like, or from a port at which the server itself serves datagrams;
//   - the same payload from the same address and port more than 1000 times, each within 200 ms of
//     the one before, which is what an exchange with such a service at any other port looks like.
//     There is no answer to it for a second, which ends that. Payloads of less than 3 bytes, which
//     clients cannot help repeating, may come 100 000 times, empty ones 10 million times;
//   - from or to a broadcast, multicast or unspecified address;
//   - more than Limits.Datagrams allows;
//   - cut, being larger than any of UDP.
//
// An answer over a Unix socket waits for its client for a few seconds, while others are served; see
// [RefusedUnsent].
//
// Of the datagrams refused for one reason, at most one a second is logged, at level Warn:
//
//	msg="datagram refused" network=udp local=[::]:7 remote=192.0.2.1:19 bytes=64 reason=loop-port held_back=0
//
// pc is closed when ServePacket returns. ServePacket may be called for several sockets at once.
// Outside of Linux each costs a buffer of 64 KB. Close and Shutdown do not wait for datagrams that
// are still in the kernel's queue.
func (s *Server) ServePacket(pc net.PacketConn, v *Service) error {
	return s.servePacket(pc, v, s.datagramWay(v))
}

// PreparePacket is to ServePacket what Prepare is to Serve.
func (s *Server) PreparePacket(pc net.PacketConn, v *Service) (serve func() error, err error) {
	return s.preparePacket(pc, v, s.datagramWay(v))
}

// datagramWay returns the best way to serve the packet sockets of v, nil being echo.
func (s *Server) datagramWay(v *Service) datagramWay {
	custom := false
	if v != nil {
		_, custom = v.packet()
	}
	if s.Portable || custom {
		return (*datagramSocket).messages
	}
	return (*datagramSocket).native
}

// A datagramWay prepares a socket for being served in one of the ways to do that, and returns the
// function that then serves it until it is stopped or receiving fails for good.
type datagramWay func(*datagramSocket) (receive func() error, err error)

// servePacket is ServePacket with one of the ways to do it.
func (s *Server) servePacket(pc net.PacketConn, v *Service, way datagramWay) error {
	serve, err := s.preparePacket(pc, v, way)
	if err != nil {
		pc.Close()
		return err
	}
	return serve()
}

func (s *Server) preparePacket(pc net.PacketConn, v *Service, way datagramWay) (serve func() error, err error) {
	v, err = s.beginServe(v)
	if err != nil {
		return nil, err
	}
	defer s.endServe(v)
	if c, ok := pc.(*net.UnixConn); ok {
		refuseDescriptors(c)
	}
	d := newDatagramSocket(v, pc)
	receive, err := way(d)
	if err != nil {
		return nil, err
	}
	return func() error { return d.serve(receive) }, nil
}

// serve serves a socket that was prepared.
func (d *datagramSocket) serve(receive func() error) error {
	defer d.conn.Close()
	s, v := d.server, d.service
	if _, err := s.beginServe(v); err != nil {
		return err
	}
	defer s.endServe(v)
	s.noteDatagramSocket(d, true)
	stop := context.AfterFunc(v.accepting, d.stop)
	defer stop()
	err := receive()
	d.publish()
	d.progress.waiting()
	s.noteDatagramSocket(d, false)
	if v.accepting.Err() != nil {
		return ErrServerClosed
	}
	return err
}

// A datagramSocket is a socket being served. The goroutine that serves it owns it, but for
// stopping.
type datagramSocket struct {
	server   *Server
	service  *Service
	kind     Builtin // that the service is, unless it is custom
	custom   bool
	conn     net.PacketConn
	bound    netip.AddrPort // invalid if it is no UDP socket
	stopping atomic.Bool
	backoff  backoff // after errors of receiving
	tally    datagramTally
	now      time.Duration // by the clock of the server, when the last datagrams were received
	repeats  datagramRepeats
	drops    socketDrops
	progress progress
}

func newDatagramSocket(v *Service, pc net.PacketConn) *datagramSocket {
	kind, custom := v.packet()
	d := &datagramSocket{server: v.server, service: v, kind: kind, custom: custom, conn: pc, repeats: newDatagramRepeats(), drops: newSocketDrops(pc)}
	d.bound = addrPort(pc.LocalAddr())
	return d
}

// stop makes echo return. An answer that waits for room in the kernel has closeGrace.
func (d *datagramSocket) stop() {
	d.stopping.Store(true)
	now := time.Now()
	if d.conn.SetReadDeadline(now) != nil || d.conn.SetWriteDeadline(now.Add(closeGrace)) != nil {
		d.conn.Close() // it knows no deadlines
	}
}

// accept counts a datagram of n bytes, of which payload may be a part, and tells whether it is to
// be answered. Some net.PacketConn cannot tell from.
func (d *datagramSocket) accept(payload []byte, n int, from netip.AddrPort, at arrival) bool {
	d.backoff.succeeded()
	d.tally.received++
	d.tally.bytesReceived += uint64(min(n, datagramBuffer))
	if d.kind == Discard {
		return false
	}
	why := d.judge(payload, n, from, at)
	if why == notRefused {
		return true
	}
	d.refuse(why, n, from, nil)
	return false
}

func (d *datagramSocket) judge(payload []byte, n int, from netip.AddrPort, at arrival) Reason {
	source := from.Addr().Unmap()
	switch {
	case n >= datagramBuffer:
		return RefusedOversize
	case d.server.loops(from):
		return RefusedLoopPort
	case at.foreign, at.to.IsMulticast(), at.to == broadcast(), from.IsValid() && notUnicast(source):
		return RefusedBroadcast
	}
	if budget := d.service.terms.Load().budget; budget != nil {
		if why := budget.take(d.now, d.zoned(source, at)); why != notRefused {
			return why
		}
	}
	if from.IsValid() && d.repeats.tooMany(d.now, payload, from) {
		return RefusedRepeat
	}
	return notRefused
}

// answerTo returns the answer to the datagram in the first n bytes of buf, where a Builtin puts it,
// or false if there is none. scratch is room for the answer of other handlers.
func (d *datagramSocket) answerTo(buf []byte, n int, scratch []byte) (answer []byte, ok bool) {
	switch {
	case d.custom:
		return d.service.Packet.AppendAnswer(scratch[:0], buf[:n])
	case d.kind == Echo:
		return buf[:n], true
	}
	return d.kind.AppendAnswer(buf[:0], buf[:n])
}

// zoned returns the address of a sender with its zone, if it is link-local and the zone is known.
func (d *datagramSocket) zoned(source netip.Addr, at arrival) netip.Addr {
	if !source.Is6() || !source.IsLinkLocalUnicast() || source.Zone() != "" {
		return source
	}
	if at.index == 0 { // a socket that is bound to one link-local address is not told
		return source.WithZone(d.bound.Addr().Zone())
	}
	return source.WithZone(strconv.FormatUint(uint64(at.index), 10))
}

// answered counts an answer of n bytes, or why it was not sent.
func (d *datagramSocket) answered(n int, to netip.AddrPort, err error) {
	switch {
	case err == nil:
		d.tally.sent++
		d.tally.bytesSent += uint64(n)
	case errors.Is(err, syscall.EACCES): // what send(2) says of a broadcast address
		d.refuse(RefusedBroadcast, n, to, err)
	default:
		d.refuse(RefusedUnsent, n, to, err)
	}
}

// refuse counts a datagram that is not answered, and says so in the log, unless another one was
// refused for the same reason within the last second.
func (d *datagramSocket) refuse(why Reason, n int, from netip.AddrPort, err error) {
	heldBack, ok := d.service.refusals.note(why)
	if !ok {
		return
	}
	attrs := [...]slog.Attr{
		slog.String("network", d.conn.LocalAddr().Network()), slog.String("local", d.conn.LocalAddr().String()),
		slog.String("remote", from.String()), slog.Int("bytes", n), slog.String("reason", why.String()),
		slog.Uint64("held_back", heldBack), slog.Any("error", err),
	}
	shown := len(attrs)
	if err == nil {
		shown--
	}
	d.service.log.LogAttrs(context.Background(), slog.LevelWarn, "datagram refused", attrs[:shown]...)
}

// goesOn tells whether receiving may work again after err, and waits a little if it may not work at
// once.
func (d *datagramSocket) goesOn(err error) bool {
	if d.stopping.Load() || errors.Is(err, os.ErrDeadlineExceeded) || permanent(err) {
		return false
	}
	for _, errno := range []syscall.Errno{
		syscall.EINTR, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.ENOPROTOOPT, syscall.EPROTO, syscall.EACCES, syscall.EMSGSIZE,
	} {
		if errors.Is(err, errno) {
			return true // the error is gone with the call that has reported it
		}
	}
	local := d.conn.LocalAddr().String()
	return sleep(d.service.accepting, d.backoff.failed("receive failed", err, local, d.service.log))
}

// Why an answer is not sent: the client's socket has no address, or the kernel no room for the
// answer.
var (
	errNoSource = errors.New("the client has no address")
	errNoRoom   = errors.New("the client does not read, or another one has filled the send buffer")
)

// addrPort returns the address of a UDP socket, and an invalid one for other addresses.
func addrPort(a net.Addr) netip.AddrPort {
	if udp, ok := a.(*net.UDPAddr); ok && udp != nil {
		return udp.AddrPort()
	}
	return netip.AddrPort{}
}
