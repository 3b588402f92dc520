package daemonize

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// Whatever the pieces that a frame comes in, and whatever the text before it.
func TestReadFrame(t *testing.T) {
	const secret = "SECRET"
	want := &frame{Status: 73, Message: "a\nb\x00", Running: &Holder{Pid: 5, Ready: true}}
	encoded, err := want.encode(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "text\n", "\x00", "\x00SECRET", "\x00SECRE\x00SECRET", "\x00OTHER {\"ready\":true}\n"} {
		input := text + string(encoded) + "text after the frame"
		for name, r := range map[string]*strings.Reader{"at once": strings.NewReader(input), "by the byte": strings.NewReader(input)} {
			var output bytes.Buffer
			reader := iotest.DataErrReader(r)
			if name == "by the byte" {
				reader = iotest.OneByteReader(r)
			}
			got, err := readFrame(reader, &output, secret)
			if diff := cmp.Diff(want, got); diff != "" || err != nil || output.String() != text {
				t.Errorf("text %q, %s: output %q, error %v, frame (-want +got):\n%s", text, name, output.String(), err, diff)
			}
		}
	}
}

// Without a whole frame all is text.
func TestReadFrameNone(t *testing.T) {
	const secret = "SECRET"
	for _, input := range []string{"", "text", "\x00SECRET ", "\x00SECRET {\"ready\":true}", "\x00SECRE {\"ready\":true}\n"} {
		var output bytes.Buffer
		f, err := readFrame(strings.NewReader(input), &output, secret)
		if f != nil || err != nil || output.String() != input {
			t.Errorf("%q: frame %v, error %v, output %q", input, f, err, output.String())
		}
	}
}

// What was written by somebody who knows the secret, and is no frame, is an error.
func TestReadFrameBroken(t *testing.T) {
	_, err := readFrame(strings.NewReader("\x00SECRET nonsense\n"), new(bytes.Buffer), "SECRET")
	if err == nil || !strings.HasPrefix(err.Error(), "read the daemon's report: ") {
		t.Errorf("error %v", err)
	}
}

// elsewhere is a system in which the process has not started a session.
type elsewhere struct{ kernel }

func (elsewhere) sessionID() (int, error) { return 4, nil }

// Before a daemon does anything else, it looks whether it got what it must have.
func TestHandshakeIncomplete(t *testing.T) {
	if err := leadSession(elsewhere{}); err == nil || err.Error() != "start session: still in session 4" {
		t.Errorf("error %v", err)
	}
	h := &handshake{sys: kernel{}, stdio: []int{5}}
	if err := h.settleInput(true); err == nil || err.Error() != "receive descriptors from the launcher: want 3, got 1" {
		t.Errorf("error %v", err)
	}
	if err := h.settleOutput(); err != nil || h.stdio != nil {
		t.Errorf("standard output and error shall lead to %v, %v", h.stdio, err)
	}
}

// Text without the secret is no frame, and comes through whole; the frame behind it is found.
func FuzzReadFrame(f *testing.F) {
	const secret = "SECRET"
	for _, text := range []string{"", "text\n", "\x00", "\x00SECRE", "\x00OTHER {}\n", "\x00\x00SECRET"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, secret+" ") {
			return
		}
		encoded, err := frame{Ready: true, Message: text}.encode(secret)
		if err != nil {
			t.Fatal(err)
		}
		var output bytes.Buffer
		got, err := readFrame(iotest.OneByteReader(strings.NewReader(text+string(encoded))), &output, secret)
		if err != nil || got == nil || !got.Ready || got.Message != text && utf8.ValidString(text) {
			t.Errorf("frame %+v, error %v", got, err)
		}
		if output.String() != text {
			t.Errorf("output %q, want %q", output.String(), text)
		}
	})
}

// handshakeSockets returns the two ends that a launcher and its daemon talk through.
func handshakeSockets(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, theirs, err := kernel{}.socketpair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}
