package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"echod/logging"

	"github.com/spf13/cobra"
)

// A reader of our output that is slow, is gone, or has a full disk decides nothing: a verb that
// does something does it first and speaks then, and its exit status is that of its work.

// sayf prints a line to standard output, in which nothing unprintable is left.
func (p *program) sayf(format string, args ...any) {
	fmt.Fprintln(p.stdout, logging.Printable(p.name+": "+fmt.Sprintf(format, args...)))
}

// worksFirst has what a verb prints held until its work is done.
func (p *program) worksFirst(cmd *cobra.Command) *cobra.Command {
	work := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		catchBrokenPipes()
		var held heldOutput
		stdout, stderr := p.stdout, p.stderr
		p.stdout, p.stderr = held.stream(stdout), held.stream(stderr)
		err := work(cmd, args)
		p.stdout, p.stderr = stdout, stderr
		if lost := held.release(); lost != nil {
			p.report(fmt.Errorf("%s: print: %w", cmd.Name(), lost))
		}
		return err
	}
	return cmd
}

// catchBrokenPipes makes writing to standard output or error without a reader an error, as it is
// elsewhere; otherwise it ends the process, whatever it has achieved. PIPE is caught and not
// ignored: what is ignored is inherited by programs.
func catchBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// maxHeld bounds what is held: a daemon that does not get ready may say very much.
const maxHeld = 1 << 20

// A heldOutput is what shall be written later, to one or more streams, in the order in which it
// came. The zero value is empty.
type heldOutput struct {
	mu      sync.Mutex // the words of a daemon come from another goroutine
	pieces  []heldPiece
	size    int
	through bool // nothing is held any more
}

type heldPiece struct {
	to   io.Writer
	text []byte
}

// stream returns a writer whose text will go to w.
func (h *heldOutput) stream(w io.Writer) io.Writer { return &heldStream{h, w} }

type heldStream struct {
	held *heldOutput
	to   io.Writer
}

// Write drops what is more than can be held.
func (s *heldStream) Write(text []byte) (int, error) {
	h := s.held
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.through {
		return s.to.Write(text)
	}
	kept := text[:min(len(text), maxHeld-h.size)]
	if len(kept) > 0 {
		h.pieces = append(h.pieces, heldPiece{s.to, append([]byte(nil), kept...)})
		h.size += len(kept)
	}
	return len(text), nil
}

// release writes all that was held, and has what comes later written at once. Of the errors it
// returns the first that does not say that the reader has gone away.
func (h *heldOutput) release() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.through = true
	var lost error
	for _, piece := range h.pieces {
		_, err := piece.to.Write(piece.text)
		if lost == nil && !errors.Is(err, syscall.EPIPE) {
			lost = err
		}
	}
	h.pieces = nil
	return lost
}
