package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// The pause after an accept that failed doubles from the first to the second of these.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// acceptWarnings is the shortest time between two warnings about failed accepts.
const acceptWarnings = time.Second

// An acceptor takes clients from a listener and sits out what will pass.
type acceptor struct {
	listener net.Listener
	logger   *slog.Logger
	pause    time.Duration // before the next try; 0 if the last one succeeded
	warnings throttle
}

// next returns the next client, or the error that ends accepting: that of ctx, or one that would
// come back at once on every further try.
func (a *acceptor) next(ctx context.Context) (net.Conn, error) {
	for {
		conn, err := a.listener.Accept()
		if err == nil {
			a.pause = 0
			return conn, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !passing(err) {
			return nil, err
		}
		a.pause = min(max(2*a.pause, acceptPauseMin), acceptPauseMax)
		a.warn(err)
		if !sleep(ctx, a.pause) {
			return nil, ctx.Err()
		}
	}
}

func (a *acceptor) warn(err error) {
	if heldBack, ok := a.warnings.allow(time.Now(), acceptWarnings); ok {
		a.logger.LogAttrs(context.Background(), slog.LevelWarn, "accept failed",
			slog.String("local", a.listener.Addr().String()), slog.Any("error", err),
			slog.Duration("retry_in", a.pause), slog.Uint64("held_back", heldBack))
	}
}

// passing tells whether accepting may work again after err: the client was gone already, or a
// resource ran out that others will give back.
func passing(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	var t interface{ Temporary() bool } // what net/http asks; net's own errors still answer
	return errors.As(err, &t) && t.Temporary()
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
