package server

import (
	"net"
	"net/netip"
)

// messages is a datagramWay for UDP sockets by the means of package net. It is what native is
// where there is nothing better.
func (d *datagramSocket) messages() (func() error, error) {
	conn, ok := d.conn.(*net.UDPConn)
	if !ok || conn.RemoteAddr() != nil {
		return d.packets()
	}
	if err := forbidBroadcast(conn); err != nil {
		return nil, err
	}
	if err := receiveArrivals(conn); err != nil {
		return nil, err
	}
	return func() error { return d.receiveMessages(conn) }, nil
}

func (d *datagramSocket) receiveMessages(conn *net.UDPConn) error {
	buf, control, reply := make([]byte, datagramBuffer), make([]byte, arrivalSpace), make([]byte, arrivalSpace)
	scratch := d.scratch()
	for {
		n, controlled, _, from, err := conn.ReadMsgUDPAddrPort(buf, control)
		if err != nil {
			if d.goesOn(err) {
				continue
			}
			return err
		}
		at := readArrival(control[:controlled])
		d.begin()
		if answer, ok := d.respond(buf, n, scratch, from, at); ok {
			d.progress.waiting() // until the kernel has room
			_, _, err := conn.WriteMsgUDPAddrPort(answer, reply[:writeDeparture(reply, at)], from)
			d.begin()
			d.answered(len(answer), from, err)
		}
		d.publish()
		d.progress.waiting()
	}
}

// packets is a datagramWay for what knows no more than net.PacketConn asks for, or has one
// client only.
func (d *datagramSocket) packets() (func() error, error) { return d.receivePackets, nil }

func (d *datagramSocket) receivePackets() error {
	answer, resume := d.answer, func(error) bool { return false }
	if conn, ok := d.conn.(*net.UnixConn); ok && conn.RemoteAddr() == nil {
		u := newUnixgramAnswers(d, conn)
		defer u.end()
		answer, resume = u.answer, u.resume
	}
	buf, scratch := make([]byte, datagramBuffer), d.scratch()
	for {
		n, from, err := d.conn.ReadFrom(buf)
		if err != nil {
			if resume(err) || d.goesOn(err) {
				continue
			}
			return err
		}
		d.begin()
		if a, ok := d.respond(buf, n, scratch, addrPort(from), arrival{}); ok {
			answer(a, from)
		}
		d.publish()
		d.progress.waiting()
	}
}

// respond is accept and answerTo.
func (d *datagramSocket) respond(buf []byte, n int, scratch []byte, from netip.AddrPort, at arrival) ([]byte, bool) {
	if !d.accept(buf[:n], n, from, at) {
		return nil, false
	}
	return d.answerTo(buf, n, scratch)
}

// scratch returns room for answers of a handler that is no Builtin.
func (d *datagramSocket) scratch() []byte {
	if !d.custom {
		return nil
	}
	return make([]byte, datagramBuffer)
}

// begin notes that a datagram was received, or that an answer is sent.
func (d *datagramSocket) begin() {
	d.now = d.server.now()
	d.progress.working(d.now)
}

// answer sends an answer, and waits for room in the kernel.
func (d *datagramSocket) answer(p []byte, to net.Addr) {
	d.progress.waiting()
	err := d.send(p, to)
	d.begin()
	d.answered(len(p), addrPort(to), err)
}

// send sends over a socket that may be connected to its only client.
func (d *datagramSocket) send(p []byte, to net.Addr) error {
	if conn, ok := d.conn.(net.Conn); ok && conn.RemoteAddr() != nil {
		_, err := conn.Write(p)
		return err
	}
	if to == nil {
		return errNoSource
	}
	_, err := d.conn.WriteTo(p, to)
	return err
}
