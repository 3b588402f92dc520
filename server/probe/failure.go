package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Failure is a kind of thing that goes wrong under load.
type Failure string

// The failures.
const (
	FailRefused     Failure = "refused"     // nobody listens, or the server refused
	FailUnreachable Failure = "unreachable" // no way leads there
	FailTimeout     Failure = "timeout"     // nothing came within Timeout
	FailReset       Failure = "reset"       // the server broke the connection
	FailClosed      Failure = "closed"      // the server ended the connection before everything was back
	FailCorrupt     Failure = "corrupt"     // something else came back
	FailLate        Failure = "late"        // a datagram came back after its time-out, or once more
	FailPorts       Failure = "ports"       // this machine has no local port or queue place left
	FailDescriptors Failure = "descriptors" // this process may open no more descriptors
	FailOther       Failure = "other"
)

// failureOf is the kind of failure that err is.
func failureOf(err error) Failure {
	for _, k := range []struct {
		err  error
		kind Failure
	}{
		{syscall.ECONNREFUSED, FailRefused},
		{syscall.ENOENT, FailRefused},
		{syscall.EHOSTUNREACH, FailUnreachable},
		{syscall.ENETUNREACH, FailUnreachable},
		{syscall.ENETDOWN, FailUnreachable},
		{syscall.ETIMEDOUT, FailTimeout},
		{os.ErrDeadlineExceeded, FailTimeout},
		{context.DeadlineExceeded, FailTimeout},
		{syscall.ECONNRESET, FailReset},
		{syscall.ECONNABORTED, FailReset},
		{syscall.EPIPE, FailReset},
		{io.EOF, FailClosed},
		{io.ErrUnexpectedEOF, FailClosed},
		{errCorrupt, FailCorrupt},
		{errLate, FailLate},
		{syscall.EADDRNOTAVAIL, FailPorts},
		{syscall.EAGAIN, FailPorts},
		{syscall.EMFILE, FailDescriptors},
		{syscall.ENFILE, FailDescriptors},
	} {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	var netError net.Error
	if errors.As(err, &netError) && netError.Timeout() {
		return FailTimeout
	}
	return FailOther
}

// What an engine says of an echo that is none.
var (
	errCorrupt = errors.New("something else came back than was sent")
	errLate    = errors.New("came back after it had been given up, or once more")
)
