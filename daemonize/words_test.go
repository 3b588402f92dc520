package daemonize

import (
	"io"
	"strings"
	"testing"
)

// After the cut comes what was written, and nothing is waited for, although the other end is open.
func TestWordsCut(t *testing.T) {
	ours, theirs := handshakeSockets(t)
	w := &words{file: ours}
	text := strings.Repeat("words ", 5000)
	if _, err := theirs.WriteString(text); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if _, err := io.ReadFull(w, b); err != nil || string(b) != text[:100] {
		t.Fatalf("read %q, %v", b, err)
	}
	w.cut()
	rest, err := io.ReadAll(w)
	if err != nil || string(rest) != text[100:] {
		t.Errorf("read %d bytes, %v, want %d", len(rest), err, len(text)-100)
	}
	if _, err := theirs.WriteString("late"); err != nil {
		t.Fatal(err)
	}
}

// The cut reaches a Read that waits.
func TestWordsCutWaiting(t *testing.T) {
	ours, theirs := handshakeSockets(t)
	w := &words{file: ours}
	if _, err := theirs.WriteString("words"); err != nil {
		t.Fatal(err)
	}
	heardC, errC := make(chan string), make(chan error)
	go func() {
		b := make([]byte, 100)
		n, _ := w.Read(b)
		heardC <- string(b[:n])
		_, err := w.Read(b)
		errC <- err
	}()
	if got := <-heardC; got != "words" {
		t.Errorf("read %q", got)
	}
	w.cut()
	if err := <-errC; err != io.EOF {
		t.Errorf("error %v, want %v", err, io.EOF)
	}
}

// Who goes on writing for ever is not listened to for ever.
func TestWordsBounded(t *testing.T) {
	ours, theirs := handshakeSockets(t)
	if _, err := theirs.WriteString("yes yes yes"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(&words{file: ours, tail: true, left: 3}); string(got) != "yes" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}
