package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
)

// A Client calls the server behind a control socket. How long a call may take is its context's
// business.
//
// An error is a [*Problem] if it is the server's answer, and [ErrAnswerTooLong] if that has no end.
// It is ErrNotExist of io/fs when there is no socket, and ECONNREFUSED of syscall when nobody
// listens there.
type Client struct {
	// Verify, unless nil, decides about the process at the other end: for each call, when the
	// client has connected and before it sends anything. Its error is that of the call. It is
	// not asked where the system does not tell which process that is. It must be set before the
	// first call.
	Verify func(Peer) error

	path string
	http http.Client
}

// A Peer is the process that serves a control socket.
type Peer struct {
	UID int // of the process when it began to listen
	PID int // 0 where it cannot be seen, as in another pid namespace
}

// NewClient returns a client for the socket at path. Nothing is opened before the first call, and
// no connection is kept between two.
func NewClient(path string) *Client {
	c := &Client{path: path}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, _, err := c.connect(ctx)
		return conn, err
	}
	c.http = http.Client{
		Transport: &http.Transport{
			DialContext: dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeadBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// Peer connects, and returns which process serves the socket: an empty Peer where the system does
// not tell. Nothing is sent.
func (c *Client) Peer(ctx context.Context) (Peer, error) {
	if err := CheckPath(c.path); err != nil {
		return Peer{}, err
	}
	conn, peer, err := c.connect(ctx)
	if err != nil {
		return Peer{}, c.explain(err)
	}
	return peer, conn.Close()
}

// connect verifies the peer on the connection that is going to be used.
func (c *Client) connect(ctx context.Context) (net.Conn, Peer, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.path)
	if err != nil {
		return nil, Peer{}, err
	}
	peer, err := findServer(conn.(*net.UnixConn)) // by the network
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return conn, Peer{}, nil
	case err == nil && c.Verify != nil:
		err = c.Verify(peer)
	}
	if err != nil {
		conn.Close()
		return nil, Peer{}, &peerError{err}
	}
	return conn, peer, nil
}

// A peerError is why the process at the other end is not called.
type peerError struct{ err error }

func (e *peerError) Error() string { return e.err.Error() }
func (e *peerError) Unwrap() error { return e.err }

// findServer finds out which process listens, and makes sure that its pid is not another's by now.
func findServer(c *net.UnixConn) (Peer, error) {
	p, err := findPeer(c)
	if err != nil {
		return Peer{}, err
	}
	ended, err := peerEnded(c)
	if err == nil && ended {
		err = fmt.Errorf("pid %d, which made it, has ended, and another process serves it", p.pid)
	}
	return Peer{UID: p.uid, PID: p.pid}, err
}

// Status returns what the server is doing.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return get[Status](ctx, c, "/v1/status")
}

// RawStatus returns the answer as it came, for fields that this version does not know.
func (c *Client) RawStatus(ctx context.Context) (json.RawMessage, error) {
	raw, err := get[json.RawMessage](ctx, c, "/v1/status")
	if err != nil {
		return nil, err
	}
	return *raw, nil
}

// LogLevel returns the level of the log.
func (c *Client) LogLevel(ctx context.Context) (string, error) {
	level, err := get[LogLevel](ctx, c, "/v1/log-level")
	if err != nil {
		return "", err
	}
	return level.Level, nil
}

// SetLogLevel changes the level of the log.
func (c *Client) SetLogLevel(ctx context.Context, level string) error {
	_, err := call[LogLevel](ctx, c, http.MethodPut, "/v1/log-level", LogLevel{level})
	return err
}

// Disconnect ends the connection with the given id and does not wait until it is gone.
func (c *Client) Disconnect(ctx context.Context, id uint64) error {
	response, err := c.do(ctx, http.MethodDelete, fmt.Sprintf("/v1/connections/%d", id), nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Reopen has the log file opened again and returns when the old one is not written to any more.
// The message is the server's, for people, as with the calls that follow.
func (c *Client) Reopen(ctx context.Context) (message string, err error) {
	return c.command(ctx, "/v1/reopen")
}

// Reload has the log reopened and the configuration read again.
func (c *Client) Reload(ctx context.Context) (message string, err error) {
	return c.command(ctx, "/v1/reload")
}

// Drain has the server take no new clients and end when the last one has left. It does not wait for
// that.
func (c *Client) Drain(ctx context.Context) (message string, err error) {
	return c.command(ctx, "/v1/drain")
}

// Stop has the server end at once. It does not wait for that.
func (c *Client) Stop(ctx context.Context) (message string, err error) {
	return c.command(ctx, "/v1/stop")
}

func (c *Client) command(ctx context.Context, path string) (string, error) {
	a, err := call[Answer](ctx, c, http.MethodPost, path, nil)
	if err != nil {
		return "", err
	}
	return a.Message, nil
}

func get[T any](ctx context.Context, c *Client, path string) (*T, error) {
	return call[T](ctx, c, http.MethodGet, path, nil)
}

// call sends argument, unless it is nil, and decodes the answer.
func call[T any](ctx context.Context, c *Client, method, path string, argument any) (*T, error) {
	response, err := c.do(ctx, method, path, argument)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var result T
	if err := decodeAnswer(response, &result); err != nil {
		return nil, c.explain(err)
	}
	return &result, nil
}

// do returns the response if it is a success. The caller closes its body.
func (c *Client) do(ctx context.Context, method, path string, argument any) (*http.Response, error) {
	if err := CheckPath(c.path); err != nil {
		return nil, err
	}
	var body io.Reader
	if argument != nil {
		body = bytes.NewReader(encode(argument))
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://echod"+path, body)
	if err != nil {
		return nil, c.explain(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(err)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		return nil, problemOf(response)
	}
	return response, nil
}

// problemOf reads the problem that a response holds. net/http itself answers some requests in
// another form.
func problemOf(response *http.Response) error {
	p := Problem{Title: response.Status, Status: response.StatusCode}
	contentType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if contentType != problemType {
		return &p
	}
	if err := decodeAnswer(response, &p); err != nil {
		return fmt.Errorf("read the answer %s: %w", response.Status, err)
	}
	return &p
}

// explain says which socket it was, and leaves out the URL, which was made up.
func (c *Client) explain(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		err = urlErr.Err
	}
	var peerErr *peerError
	if errors.As(err, &peerErr) {
		return fmt.Errorf("control socket %s: %w", c.path, peerErr)
	}
	var opErr *net.OpError
	if errors.As(err, &opErr) && opErr.Op == "dial" {
		return fmt.Errorf("connect to control socket %s: %w", c.path, innermost(err))
	}
	return fmt.Errorf("call control socket %s: %w", c.path, innermost(err))
}
