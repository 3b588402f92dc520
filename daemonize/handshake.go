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
	"strings"
	"syscall"
)

// The launcher and the daemon talk over a pair of connected Unix sockets. One end is
// the daemon's standard output and error. Before the daemon is started, the launcher
// writes a greeting to it: a secret, and the descriptors the daemon is to have. The
// same secret is in the daemon's environment; a process for which the two agree was
// started by Detach. What the daemon then writes is text for
// the terminal, up to a frame: NUL, the secret, a JSON object, newline. The
// secret cannot be guessed by whatever else writes to standard error, so no
// text can pass for a frame.

// greeting is the line that waits for the daemon on its standard output.
func greeting(secret string) string { return "daemonize/1 " + secret + "\n" }

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
}

func newHandshake(sys system, secret string, fd int) *handshake {
	return &handshake{sys: sys, secret: secret, launcher: os.NewFile(uintptr(fd), "launcher")}
}

// recognise returns the handshake if the calling process is a daemon started by Detach, and
// nil if it is anything else. It takes away the variables that it looked at. An error may come with
// a handshake, which is then good for telling the launcher.
func recognise(sys system) (*handshake, error) {
	secret := os.Getenv(secretVariable)
	marked := os.Getenv(markVariable) != ""
	if err := forgetLaunch(); err != nil {
		return nil, fmt.Errorf("clean environment: %w", err)
	}
	if secret == "" || !marked {
		return nil, nil
	}
	want := greeting(secret)
	got, err := sys.peekInput(1)
	if err != nil && !notGreeted(err) {
		// To go on as a launcher would start a chain of them.
		return newHandshake(sys, secret, 1), fmt.Errorf("look for the launcher: %w", err)
	}
	if !strings.HasPrefix(string(got), want) {
		return nil, nil
	}
	fd, err := sys.dup(1)
	if err != nil {
		return newHandshake(sys, secret, 1), fmt.Errorf("keep the way to the launcher: %w", err)
	}
	h := newHandshake(sys, secret, fd)
	if _, h.stdio, err = sys.receive(1, len(want)); err != nil {
		return h, fmt.Errorf("receive descriptors from the launcher: %w", err)
	}
	if h.sockets, err = receiveSockets(sys, 1); err != nil {
		return h, fmt.Errorf("receive sockets from the launcher: %w", err)
	}
	return h, nil
}

// notGreeted tells whether an error of reading from standard output means that no greeting is
// there: it is closed, or no socket, or one without a peer or with nothing to read.
func notGreeted(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EBADF, syscall.ENOTSOCK, syscall.EAGAIN, syscall.ENOTCONN, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.ECONNRESET,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
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

func (h *handshake) redirect(fd int) error {
	if err := h.sys.dup2(h.stdio[fd], fd); err != nil {
		return fmt.Errorf("redirect descriptor %d: %w", fd, err)
	}
	return nil
}
