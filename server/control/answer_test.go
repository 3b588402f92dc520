package control

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// endless returns a client of a server that answers with start, and then more again and again until
// the client has had enough.
func endless(t *testing.T, start, more string) *Client {
	t.Helper()
	l := mustListen(t, t.TempDir()+"/control.sock")
	endedC := make(chan struct{})
	go func() {
		defer close(endedC)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			repeat(conn, start, strings.Repeat(more, 1+64<<10/len(more)))
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-endedC
	})
	return NewClient(l.Addr().String())
}

func repeat(conn net.Conn, start, more string) {
	bufio.NewReader(conn).ReadString('\n')
	_, err := io.WriteString(conn, start)
	for err == nil {
		_, err = io.WriteString(conn, more)
	}
}

const goodHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"

// TestAnswersWithoutEnd: an answer of whatever call is given up.
func TestAnswersWithoutEnd(t *testing.T) {
	calls := map[string]func(*Client) error{
		"status":     func(c *Client) error { _, err := c.Status(deadline(t)); return err },
		"raw status": func(c *Client) error { _, err := c.RawStatus(deadline(t)); return err },
		"log level":  func(c *Client) error { _, err := c.LogLevel(deadline(t)); return err },
		"reload":     func(c *Client) error { _, err := c.Reload(deadline(t)); return err },
	}
	for name, call := range calls {
		for what, answer := range map[string][2]string{
			"text":        {goodHead + `{"message":"`, "a"},
			"white space": {goodHead, " "},
			"problem":     {"HTTP/1.1 500 No\r\nContent-Type: application/problem+json\r\n\r\n" + `{"detail":"`, "a"},
		} {
			if err := call(endless(t, answer[0], answer[1])); !errors.Is(err, ErrAnswerTooLong) {
				t.Errorf("%s, %s: got %v", name, what, err)
			}
		}
		if err := call(endless(t, "HTTP/1.1 200 OK\r\n", "X: y\r\n")); err == nil {
			t.Errorf("%s: a head without end is taken for an answer", name)
		}
	}
}

// TestListsWithoutEnd: neither a row nor the list goes on for ever.
func TestListsWithoutEnd(t *testing.T) {
	for name, test := range map[string]struct{ start, more string }{
		"a row":                   {goodHead + `{"connections":[{"remote":"`, "a"},
		"a row, after others":     {goodHead + `{"connections":[{"id":1},{"id":2},{"unknown":[`, "[],"},
		"rows":                    {goodHead + `{"connections":[{}`, ",{}"},
		"white space before rows": {goodHead + `{"connections":[`, "\n"},
		"white space before all":  {goodHead, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := 0
			var last error
			for _, err := range endless(t, test.start, test.more).Connections(deadline(t)) {
				if last = err; err == nil {
					rows++
				}
			}
			if !errors.Is(last, ErrAnswerTooLong) || rows > maxRows {
				t.Errorf("got %v after %d rows", last, rows)
			}
		})
	}
}

// TestRawListWithoutEnd: what is passed on as it comes has a bound, too.
func TestRawListWithoutEnd(t *testing.T) {
	body, err := endless(t, goodHead, "a").RawConnections(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	if !errors.Is(err, ErrAnswerTooLong) || n != maxListBytes {
		t.Errorf("got %d bytes, then %v", n, err)
	}
}

// TestLongAnswers that have an end are read, up to the bounds.
func TestLongAnswers(t *testing.T) {
	level := `{"level":"info"}`
	if got, err := clientOf(t, goodHead+level+strings.Repeat(" ", maxAnswerBytes-len(level))).LogLevel(deadline(t)); got != "info" || err != nil {
		t.Errorf("LogLevel: %q, %v", got, err)
	}
	row := `{"id":7,"remote":"` + strings.Repeat("a", maxRowBytes-100) + `"}`
	rows := 0
	for c, err := range clientOf(t, goodHead+`{"connections":[`+row+strings.Repeat(",\n"+row, 99)+"]}").Connections(deadline(t)) {
		if err != nil || c.ID != 7 {
			t.Fatalf("row %d: %v, %v", rows, c.ID, err)
		}
		rows++
	}
	if rows != 100 {
		t.Errorf("got %d rows, want 100", rows)
	}
}
