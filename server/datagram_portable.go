package server

import "net"

// echoMessages is a datagramEcho for UDP sockets by the means of package net. It is what echo is
// where there is nothing better.
func (d *datagramSocket) echoMessages() (func() error, error) {
	conn, ok := d.conn.(*net.UDPConn)
	if !ok || conn.RemoteAddr() != nil {
		return d.echoPackets()
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
		if d.accept(buf[:n], n, from, at) {
			d.progress.waiting() // until the kernel has room
			_, _, err := conn.WriteMsgUDPAddrPort(buf[:n], reply[:writeDeparture(reply, at)], from)
			d.begin()
			d.answered(n, from, err)
		}
		d.publish()
		d.progress.waiting()
	}
}

// echoPackets is a datagramEcho for what knows no more than net.PacketConn asks for, or has one
// client only.
func (d *datagramSocket) echoPackets() (func() error, error) { return d.receivePackets, nil }

func (d *datagramSocket) receivePackets() error {
	answer, resume := d.answer, func(error) bool { return false }
	if conn, ok := d.conn.(*net.UnixConn); ok && conn.RemoteAddr() == nil {
		u := newUnixgramAnswers(d, conn)
		defer u.end()
		answer, resume = u.answer, u.resume
	}
	buf := make([]byte, datagramBuffer)
	for {
		n, from, err := d.conn.ReadFrom(buf)
		if err != nil {
			if resume(err) || d.goesOn(err) {
				continue
			}
			return err
		}
		d.begin()
		if d.accept(buf[:n], n, addrPort(from), arrival{}) {
			answer(buf[:n], from)
		}
		d.publish()
		d.progress.waiting()
	}
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
