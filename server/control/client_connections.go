package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
)

// Connections returns the clients being served, as they come in. After an error, which is the
// last thing that it yields, the list is not whole.
func (c *Client) Connections(ctx context.Context) iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		body, err := c.RawConnections(ctx)
		if err != nil {
			yield(Connection{}, err)
			return
		}
		defer body.Close()
		bounded := &boundedReader{body, maxRowBytes}
		d := json.NewDecoder(bounded)
		if err := expect(d, json.Delim('{'), "connections", json.Delim('[')); err != nil {
			yield(Connection{}, c.explain(err))
			return
		}
		for n := 0; d.More(); n++ {
			if n == maxRows {
				yield(Connection{}, c.explain(ErrAnswerTooLong))
				return
			}
			bounded.left = maxRowBytes
			var connection Connection
			if err := d.Decode(&connection); err != nil {
				yield(Connection{}, c.explain(err))
				return
			}
			if !yield(connection, nil) {
				return
			}
		}
		if err := expect(d, json.Delim(']'), json.Delim('}')); err != nil {
			yield(Connection{}, c.explain(err))
		}
	}
}

// RawConnections returns the answer as it comes, which fails with ErrAnswerTooLong at 200 MiB. The
// caller closes it.
func (c *Client) RawConnections(ctx context.Context) (io.ReadCloser, error) {
	response, err := c.do(ctx, http.MethodGet, "/v1/connections", nil)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&boundedReader{response.Body, maxListBytes}, response.Body}, nil
}

// expect reads the tokens wanted.
func expect(d *json.Decoder, wanted ...json.Token) error {
	for _, want := range wanted {
		got, err := d.Token()
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("decode connections: got %v, want %v", got, want)
		}
	}
	return nil
}
