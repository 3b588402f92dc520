package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"
)

// The pause after an accept that failed doubles from the first to the second of these.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// warningGap is the shortest time between two warnings about the same thing.
const warningGap = time.Second

// A backoff sits out errors that pass.
type backoff struct {
	pause    time.Duration // the last one; 0 if a try has succeeded since
	warnings throttle
}

// failed returns how long to wait before the next try, after one on the address local failed with
// err. Now and then it writes the warning msg to log.
func (b *backoff) failed(msg string, err error, local string, log *slog.Logger) time.Duration {
	b.pause = min(max(2*b.pause, acceptPauseMin), acceptPauseMax)
	if heldBack, ok := b.warnings.allow(time.Now(), warningGap); ok {
		log.LogAttrs(context.Background(), slog.LevelWarn, msg,
			slog.String("local", local), slog.Any("error", err),
			slog.Duration("retry_in", b.pause), slog.Uint64("held_back", heldBack))
	}
	return b.pause
}

func (b *backoff) succeeded() { b.pause = 0 }

// permanent tells that accepting, or receiving, can never work again after err: the socket is
// closed, is no socket, or does not listen. After everything else it may. See "Error handling" in
// accept(2): it can be the error of one connection, or of the network. A list of the errors that
// pass would never be complete.
func permanent(err error) bool {
	for _, never := range []error{
		syscall.EBADF, syscall.EINVAL, syscall.ENOTSOCK, syscall.EFAULT,
		net.ErrClosed, os.ErrClosed, io.EOF, io.ErrClosedPipe,
	} {
		if errors.Is(err, never) {
			return true
		}
	}
	return false
}

// accept returns the next client of l, or the error that ends accepting: that of ctx, or one that
// is permanent.
func (b *backoff) accept(ctx context.Context, l net.Listener, log *slog.Logger) (net.Conn, error) {
	for {
		conn, err := l.Accept()
		if err == nil {
			b.succeeded()
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if permanent(err) {
			return nil, err
		}
		if !sleep(ctx, b.failed("accept failed", err, l.Addr().String(), log)) {
			return nil, ctx.Err()
		}
	}
}

// sleep waits for d and reports true, or reports false as soon as ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
