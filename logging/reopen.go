package logging

import (
	"context"
	"fmt"
	"os"
	"time"
)

// reopenTimeout is how long the file systems of both files may hang until a
// Reopen is given up.
const reopenTimeout = 5 * time.Second

// Reopen opens the file at [File.Path] and goes on writing there. When it
// returns nil, the file before will not be written to any more, so that it can
// be compressed. Every line goes whole to one of the two, none is lost, and
// loggers do not wait.
//
// If the path cannot be opened, the file before stays in use and the error is
// that of [OpenFile]. If a file system does not answer, Reopen gives up after
// 5 s with [os.ErrDeadlineExceeded]. After Close it returns [os.ErrClosed].
// An error in closing the file before is returned too; then the new one is in
// use already.
func (f *File) Reopen() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), reopenTimeout, errStalled)
	defer cancel()
	path := f.Path()
	if err := f.reopen(ctx, path); err != nil {
		return fmt.Errorf("reopen log file %s: %w", path, cause(err))
	}
	return nil
}

func (f *File) reopen(ctx context.Context, path string) error {
	select {
	case f.turnC <- struct{}{}:
		defer func() { <-f.turnC }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if f.queue.isClosed() {
		return os.ErrClosed // before a file is created for nothing
	}
	next, err := openWithin(ctx, path, f.owner)
	if err != nil {
		return err
	}
	return f.goOnWith(ctx, next)
}

// openWithin is openLog for file systems that may hang. A file that is opened
// too late is closed again.
func openWithin(ctx context.Context, path string, owner int) (*openedFile, error) {
	type result struct {
		file *openedFile
		err  error
	}
	resultC := make(chan result)
	go func() {
		file, err := openLog(path, owner)
		select {
		case resultC <- result{file, err}:
		case <-ctx.Done():
			if err == nil {
				file.Close()
			}
		}
	}()
	select {
	case r := <-resultC:
		return r.file, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// goOnWith has the writer go over to next.
func (f *File) goOnWith(ctx context.Context, next *openedFile) error {
	doneC := make(chan error, 1)
	err := f.queue.change(ctx, func() bool {
		swapped, err := f.swap(next)
		doneC <- err
		return swapped
	})
	if err != nil {
		next.Close()
		return err
	}
	select {
	case err := <-doneC:
		return err
	case <-ctx.Done():
		return context.Cause(ctx) // the writer goes on with it
	}
}

// swap makes next the file for all further lines and for crashes, and closes
// the one before; or, if both are the same, closes next, for the writer may be
// in the middle of a line. Only the writer may call it.
func (f *File) swap(next *openedFile) (swapped bool, err error) {
	before := f.lines.f
	if isSame(before, next) {
		return false, next.Close()
	}
	f.lines.f = next.File

	f.mu.Lock()
	f.file = next
	err = f.redirectCrashes()
	f.mu.Unlock()

	// On NFS, close(2) is the last to tell of lines that got lost.
	if closeErr := before.Close(); err == nil {
		err = closeErr
	}
	return true, err
}

func isSame(a, b appendFile) bool {
	infoA, errA := a.Stat()
	infoB, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
