package server

import (
	"context"
	"encoding/binary"
	"strings"
	"time"
)

// A Builtin is one of the small services that every engine serves itself: the event loops, too,
// where a client costs no goroutine. It is a [Handler] and a [PacketHandler].
type Builtin uint8

const (
	Echo    Builtin = iota // sends back what comes (RFC 862)
	Discard                // drops what comes (RFC 863)
	Chargen                // sends characters without end, or as many as a datagram has (RFC 864)
	Daytime                // sends the time once, to be read by people (RFC 867)
	Time                   // sends the time once, to be read by programs (RFC 868)
)

// String returns the name of the service in /etc/services.
func (b Builtin) String() string {
	return [...]string{"echo", "discard", "chargen", "daytime", "time"}[b]
}

// answersOnce tells that a client is owed one answer as soon as it comes, and nothing after it.
func (b Builtin) answersOnce() bool { return b == Daytime || b == Time }

// Serve is part of Handler. It returns an error when the connection has ended, or when its client
// has sent its last byte; nil when the client has been sent the only answer.
func (b Builtin) Serve(_ context.Context, conn *Conn) error {
	c := conn.client
	switch b {
	case Discard:
		return c.readAll(func([]byte) error { return nil })
	case Chargen:
		return c.generate()
	case Daytime, Time:
		return c.write(b.appendTime(nil, time.Now()))
	}
	return c.readAll(c.write)
}

// maxChargen is how many characters a datagram gets at most (RFC 864).
const maxChargen = 512

// AppendAnswer is part of PacketHandler. b may share the memory of question. An answer is never
// longer than the question, but for the 26 bytes of daytime and the 4 of time.
func (b Builtin) AppendAnswer(to, question []byte) (answer []byte, ok bool) {
	switch b {
	case Discard:
		return to, false
	case Chargen:
		for i := range min(len(question), maxChargen) {
			to = append(to, chargenAt(i))
		}
		return to, true
	case Daytime, Time:
		return b.appendTime(to, time.Now()), true
	}
	return append(to, question...), true
}

// appendTime appends the answer of daytime, in the form of xinetd, or of time. It is that of UTC,
// as the server may have no file about its time zone.
func (b Builtin) appendTime(to []byte, now time.Time) []byte {
	if b == Daytime {
		return append(to, strings.ToUpper(now.UTC().Format("02 Jan 2006 15:04:05 MST\r\n"))...)
	}
	const from1900 = 2208988800 // seconds from 1900 to 1970
	return binary.BigEndian.AppendUint32(to, uint32(now.Unix()+from1900))
}

// The text of chargen: lines of 72 of the 95 printing characters, each beginning one later. After
// 95 lines it begins again.
const (
	chargenLine   = 72 + len("\r\n")
	chargenPeriod = 95 * chargenLine
)

// chargenAt returns the byte of the text at position i.
func chargenAt(i int) byte {
	line, column := i/chargenLine, i%chargenLine
	if column >= 72 {
		return "\r\n"[column-72]
	}
	return ' ' + byte((line+column)%95)
}

// A chargenText is the text twice, so that a period of it begins at every position.
type chargenText [2 * chargenPeriod]byte

func newChargenText() *chargenText {
	t := new(chargenText)
	for i := range t {
		t[i] = chargenAt(i)
	}
	return t
}

// after returns what follows after so many bytes have been sent.
func (t *chargenText) after(sent uint64) []byte {
	at := int(sent % uint64(chargenPeriod))
	return t[at : at+chargenPeriod]
}
