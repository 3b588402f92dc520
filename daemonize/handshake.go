package daemonize

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
)

// The launcher and the daemon talk over a pair of connected Unix sockets. One end is
// the daemon's standard output and error, and its channel. Before the daemon is started, the
// launcher writes a greeting to it: a secret, and the descriptors the daemon is to have. The
// same secret is in the daemon's environment; a process for which the two agree was
// started by Detach. What the daemon then writes is text for
// the terminal, up to a frame: NUL, the secret, a JSON object, newline. The
// secret cannot be guessed by whatever else writes to standard error, so no
// text can pass for a frame.

func newSecret() string { return rand.Text() }

// A frame is the last thing that the daemon says.
type frame struct {
	Ready   bool    `json:"ready"`
	Status  int     `json:"status,omitempty"`  // exit status, when not ready
	Message string  `json:"message,omitempty"` // what Ready or Abort were given
	Running *Holder `json:"running,omitempty"` // who holds the pid file, when that is why
}

func marker(secret string) []byte { return []byte("\x00" + secret + " ") }

func (f frame) encode(secret string) ([]byte, error) {
	object, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(append(marker(secret), object...), '\n'), nil
}

// readFrame copies text from r to output until the frame or EOF. At EOF without a frame
// it returns nil.
func readFrame(r io.Reader, output io.Writer, secret string) (*frame, error) {
	start := marker(secret)
	var held []byte // may be the beginning of a frame
	chunk := make([]byte, 4096)
	for {
		n, err := r.Read(chunk)
		held = append(held, chunk[:n]...)
		if at := bytes.Index(held, start); at >= 0 {
			if end := bytes.IndexByte(held[at:], '\n'); end >= 0 {
				// The text belongs to somebody else's terminal: what cannot be
				// shown there must not keep the frame from being read.
				output.Write(held[:at])
				return decodeFrame(held[at+len(start) : at+end])
			}
		} else {
			keep := overlap(held, start)
			output.Write(held[:len(held)-keep])
			held = held[len(held)-keep:]
		}
		if err != nil {
			output.Write(held)
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				return nil, nil
			}
			return nil, err
		}
	}
}

func decodeFrame(object []byte) (*frame, error) {
	var f frame
	if err := json.Unmarshal(object, &f); err != nil {
		return nil, fmt.Errorf("read the daemon's report: %w", err)
	}
	return &f, nil
}

// overlap returns the length of the longest end of b that start begins with.
func overlap(b, start []byte) int {
	for n := min(len(b), len(start)-1); n > 0; n-- {
		if bytes.HasPrefix(start, b[len(b)-n:]) {
			return n
		}
	}
	return 0
}

// A handshake is the daemon's end of the conversation.
type handshake struct {
	sys      system
	secret   string
	launcher *os.File // where the frame goes; close-on-exec
	stdio    []int    // what standard input, output and error will lead to, until they do

	sockets []*Socket // what was handed over to the launcher
	files   map[string]*os.File
}

func newHandshake(sys system, secret string, fd int) *handshake {
	return &handshake{sys: sys, secret: secret, launcher: os.NewFile(uintptr(fd), "launcher")}
}

// finish says the last word to the launcher. Standard output and error are put where
// they shall be first: no text may come after the frame.
func (h *handshake) finish(f frame) error {
	if err := h.settleOutput(); err != nil && f.Ready {
		return err
	}
	b, err := f.encode(h.secret)
	if err != nil {
		return err
	}
	defer h.launcher.Close()
	if _, err := h.launcher.Write(b); err != nil {
		return fmt.Errorf("tell the launcher: %w", err)
	}
	return nil
}

// settleInput puts standard input in place, and has output and error ready for later: /dev/null
// may be out of reach when the root directory has changed.
func (h *handshake) settleInput(keep bool) error {
	if got := len(h.stdio); keep && got != 3 {
		h.stdio = nil
		return fmt.Errorf("receive descriptors from the launcher: want 3, got %d", got)
	}
	if !keep {
		null, err := h.sys.open(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", os.DevNull, err)
		}
		h.stdio = []int{null, null, null}
	}
	return h.redirect(0)
}

// logTo has standard output and error lead to f from settleOutput on.
func (h *handshake) logTo(f *os.File) error {
	fd, err := h.sys.dup(int(f.Fd()))
	if err != nil {
		return fmt.Errorf("keep %s for standard output: %w", f.Name(), err)
	}
	for _, old := range slices.Compact(slices.Clone(h.stdio[1:])) {
		if old != h.stdio[0] {
			h.sys.close(old)
		}
	}
	h.stdio[1], h.stdio[2] = fd, fd
	return nil
}

// settleOutput puts standard output and error in place. It can be called again after an error.
func (h *handshake) settleOutput() error {
	if h.stdio == nil {
		return nil
	}
	for fd := 1; fd <= 2; fd++ {
		if err := h.redirect(fd); err != nil {
			return err
		}
	}
	for _, fd := range slices.Compact(h.stdio) {
		h.sys.close(fd)
	}
	h.stdio = nil
	return nil
}

// redirect leaves standard output and error alone where the program has put another file.
func (h *handshake) redirect(fd int) error {
	if fd > 0 && !sameFile(fd, int(h.launcher.Fd())) {
		return nil
	}
	if err := h.sys.dup2(h.stdio[fd], fd); err != nil {
		return fmt.Errorf("redirect descriptor %d: %w", fd, err)
	}
	return nil
}
