package server

import (
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
)

// An endReason says why a session ended.
type endReason uint8

const (
	reasonNone endReason = iota // it has not
	reasonEOF
	reasonIdle
	reasonReset
	reasonTimeout
	reasonShutdown
	reasonDisconnected
	reasonError
)

// String returns the word that the log shows.
func (r endReason) String() string {
	return [...]string{"", "eof", "idle", "reset", "timeout", "shutdown", "disconnected", "error"}[r]
}

// byServer tells whether it was the server's wish that the session ended.
func (r endReason) byServer() bool {
	return r == reasonShutdown || r == reasonDisconnected
}

// unreachable is what a connection returns that was given up because nothing came from the client
// any more: what routers have said of it, if they have said something.
var unreachable = [...]syscall.Errno{
	syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN,
}

// reasonFor tells why a client is gone after its connection returned err.
func reasonFor(err error) endReason {
	switch {
	case errors.Is(err, io.EOF):
		return reasonEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reasonIdle
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return reasonReset
	case slices.ContainsFunc(unreachable[:], func(errno syscall.Errno) bool { return errors.Is(err, errno) }):
		return reasonTimeout
	}
	return reasonError
}
