package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// mustBeNow checks the answer of daytime or of time, which was sent since before.
func mustBeNow(t *testing.T, b Builtin, answer []byte, before time.Time) {
	t.Helper()
	const slack = time.Second // the answer has whole seconds
	var got time.Time
	switch {
	case b == Time && len(answer) == 4:
		got = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(binary.BigEndian.Uint32(answer)) * time.Second)
	case b == Daytime:
		var err error
		if got, err = time.Parse("02 Jan 2006 15:04:05 MST\r\n", string(answer)); err != nil || len(answer) != 26 {
			t.Errorf("daytime answers %q, %v", answer, err)
			return
		}
		if text := string(answer); text != strings.ToUpper(text) || !strings.HasSuffix(text, " UTC\r\n") {
			t.Errorf("daytime answers %q", answer)
		}
	}
	if got.Before(before.Add(-slack)) || got.After(time.Now().Add(slack)) {
		t.Errorf("%v answers %q: %v, want %v", b, answer, got, before)
	}
}

// RFC 864 shows the first lines.
func TestChargenText(t *testing.T) {
	text := newChargenText()
	lines := strings.SplitAfter(string(text[:]), "\r\n")
	for i, want := range []string{
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n",
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n",
	} {
		if lines[i] != want || lines[i+95] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if want := "~ !\"#"; !strings.HasPrefix(lines[94], want) {
		t.Errorf("the last line is %q, want %q and so on", lines[94], want)
	}
}

func TestDiscard(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.service.Stream = Discard
		f.start()
		conn := f.dial()
		sent := randomBytes(3 * maxRead)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		conn.CloseWrite()
		if got, err := io.ReadAll(conn); err != nil || len(got) != 0 {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		f.log.await(t, 1, "connection closed", "bytes=0", "reason=eof")
		if st := f.service.Stats(); st.BytesReceived != uint64(len(sent)) || st.BytesSent != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// Daytime and time answer as soon as a client comes, and take nothing: what it sends changes
// nothing, nor does it get more if it stays.
func TestAnswerOnce(t *testing.T) {
	for _, b := range []Builtin{Daytime, Time} {
		t.Run(b.String(), func(t *testing.T) {
			forEach(t, func(t *testing.T, f *fixture) {
				f.service.Stream = b
				f.terms.Limits.Connections = 1
				f.start()
				for i := range 3 {
					before := time.Now()
					conn := f.dial()
					if i == 1 {
						conn.Write([]byte("what time is it?"))
					}
					got, err := io.ReadAll(conn)
					if err != nil {
						t.Fatal(err)
					}
					mustBeNow(t, b, got, before)
					conn.Close()
				}
				f.log.await(t, 3, "connection closed", "reason=eof")
				waitUntil(t, "nothing is taken", func() bool { return f.connectionsTaken() == 0 })
			})
		})
	}
}

// Chargen goes on for as long as the client takes what it gets, and drops what it sends.
func TestChargen(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.service.Stream = Chargen
		f.start()
		conn := f.dial()
		sent := randomBytes(3 * maxRead)
		sentC := make(chan error, 1)
		go func() {
			_, err := conn.Write(sent)
			conn.CloseWrite()
			sentC <- err
		}()
		got := make([]byte, 20*chargenPeriod)
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatal(err)
		}
		for i, c := range got {
			if c != chargenAt(i) {
				t.Fatalf("byte %d is %q", i, c)
			}
		}
		if err := wait(t, "the client to have sent all", sentC); err != nil {
			t.Error(err)
		}
		waitUntil(t, "all is received", func() bool { return f.service.Stats().BytesReceived == uint64(len(sent)) })
		if _, err := io.ReadFull(conn, got[:1000]); err != nil { // it has sent its last byte, and gets more
			t.Fatal(err)
		}
		conn.Close()
		f.log.await(t, 1, "connection closed", "id=1 ", "reason=reset")
	})
}

// A client of chargen that does not read is idle, and one that reads is not: it is served until the
// server ends.
func TestChargenIdleTimeout(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.service.Stream = Chargen
		f.terms.IdleTimeout = 200 * time.Millisecond
		f.start()
		f.dial()
		f.log.await(t, 1, "connection closed", "id=1 ", "reason=idle")
		f.service.Apply(Terms{IdleTimeout: patience})
		reader := f.dial()
		goneC := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, reader)
			goneC <- err
		}()
		waitUntil(t, "it has read much", func() bool { return f.service.Stats().BytesSent > 10<<20 })
		f.server.Close()
		wait(t, "the end of the text", goneC)
		f.log.await(t, 1, "connection closed", "id=2 ", "reason=shutdown")
	})
}

func TestDatagramBuiltins(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for _, b := range []Builtin{Chargen, Daytime, Time} {
				f := newDatagrams(t, way, "127.0.0.1:0")
				f.service.Packet = b
				f.start()
				conn := f.dial("", f.host())
				for _, size := range []int{0, 1, 100, 512, 513, 5000} {
					before := time.Now()
					if _, err := conn.Write(randomBytes(size)); err != nil {
						t.Fatal(err)
					}
					got := make([]byte, datagramBuffer)
					n, err := conn.Read(got)
					if err != nil {
						t.Fatal(err)
					}
					if b != Chargen {
						mustBeNow(t, b, got[:n], before)
						continue
					}
					want := newChargenText()[:min(size, 512)]
					if !bytes.Equal(got[:n], want) {
						t.Errorf("chargen answers %d bytes with %q", size, got[:n])
					}
				}
			}
		})
	}
}

func TestDatagramDiscard(t *testing.T) {
	for _, way := range datagramCases() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			f := newDatagrams(t, way, "127.0.0.1:0")
			f.service.Packet = Discard
			f.start()
			conn := f.dial("", f.host())
			for range 5 {
				if _, err := conn.Write([]byte("gone")); err != nil {
					t.Fatal(err)
				}
			}
			waitUntil(t, "all are received", func() bool { return f.service.Stats().Datagrams.Received == 5 })
			st := f.service.Stats()
			if st.Datagrams.Sent != 0 || st.BytesReceived != 20 || st.BytesSent != 0 || st.Datagrams.Refused.Total() != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// The time is longer than the question, so a source gets it a few times a second only, unless the
// terms say otherwise.
func TestDatagramTimeHasARate(t *testing.T) {
	f := newDatagrams(t, datagramCases()[0], "127.0.0.1:0")
	f.service.Packet = Daytime
	f.start()
	conn := f.dial("", f.host())
	ask := func(n int) {
		for range n {
			if _, err := conn.Write(randomBytes(8)); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused := func() uint64 { return f.service.Stats().Datagrams.Refused[RefusedSourceRate] }
	waitUntil(t, "it is too much", func() bool { ask(timePerSource); return refused() > 0 })
	f.terms.Limits.Datagrams.PerSource = -1
	f.service.Apply(f.terms)
	received := func() uint64 { return f.service.Stats().Datagrams.Received }
	before, seen := refused(), received()
	ask(5 * timePerSource)
	waitUntil(t, "all are received", func() bool { return received() >= seen+5*timePerSource })
	if refused() != before {
		t.Errorf("without a limit %d more were refused", refused()-before)
	}
}

// reverse sends back a line the other way round, and then ends.
type reverse struct{ doneC chan error }

func (r reverse) Serve(ctx context.Context, c *Conn) error {
	line := make([]byte, 100)
	n, err := c.Read(line)
	if err == nil && string(line[:n]) == "wait" {
		<-ctx.Done()
		err = ctx.Err()
	}
	if err == nil {
		_, err = c.Write(reversed(line[:n]))
	}
	r.doneC <- err
	return err
}

func (reverse) AppendAnswer(to, question []byte) ([]byte, bool) {
	return append(to, reversed(question)...), len(question) > 0
}

func reversed(p []byte) []byte {
	var r []byte
	for i := range p {
		r = append(r, p[len(p)-1-i])
	}
	return r
}

func TestHandler(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		handler := reverse{make(chan error, 1)}
		f.service.Stream = handler
		f.start()
		conn := f.dial()
		if _, err := conn.Write([]byte("stressed")); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != "desserts" {
			t.Errorf("got %q, %v", got, err)
		}
		wait(t, "the handler", handler.doneC)
		f.log.await(t, 1, "connection closed", "bytes=8", "reason=eof")

		waiting := f.dial()
		if _, err := waiting.Write([]byte("wait")); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "it is read", func() bool { return f.service.Stats().BytesReceived == 12 })
		f.server.Disconnect(2)
		if err := wait(t, "the handler", handler.doneC); !errors.Is(err, context.Canceled) {
			t.Errorf("the handler ended with %v", err)
		}
		f.log.await(t, 1, "connection closed", "id=2 ", "reason=disconnected")
	})
}

func TestPacketHandler(t *testing.T) {
	for _, portable := range []bool{false, true} {
		f := newDatagrams(t, datagramCase{}, "127.0.0.1:0")
		f.server.Portable = portable
		f.service.Packet = reverse{}
		pc := f.open()
		servedC := make(chan error, 1)
		go func() { servedC <- f.server.ServePacket(pc, &f.service) }()
		defer f.server.Close()
		conn := f.dial("", f.host())
		for _, question := range []string{"", "stressed"} {
			if _, err := conn.Write([]byte(question)); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, 100)
		if n, err := conn.Read(got); err != nil || string(got[:n]) != "desserts" {
			t.Errorf("got %q, %v", got[:n], err)
		}
		f.server.Close()
		if err := wait(t, "ServePacket", servedC); !errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrServerClosed) {
			t.Errorf("ServePacket returned %v", err)
		}
	}
}
