package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// The process at the other end of a control socket may be in the hands of a user with fewer rights
// than the caller. So every answer is bounded in memory here, and in time by the caller's context.

// ErrAnswerTooLong says that a server does not come to an end with its answer.
var ErrAnswerTooLong = errors.New("the answer is too long")

const (
	maxHeadBytes   = 64 << 10  // of an answer
	maxAnswerBytes = 1 << 20   // of every answer but the list of connections
	maxListBytes   = 200 << 20 // of that list: about a million clients
	maxRows        = 1 << 20   // of that list
	maxRowBytes    = 16 << 10  // of each, about: a little of it may have been read before
)

// A boundedReader gives up with ErrAnswerTooLong when more is to be read than is left.
type boundedReader struct {
	from io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrAnswerTooLong
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// decodeAnswer decodes the body of any answer but the list of connections.
func decodeAnswer(response *http.Response, result any) error {
	body, err := io.ReadAll(&boundedReader{response.Body, maxAnswerBytes + 1})
	if err != nil {
		return err
	}
	return json.Unmarshal(body, result)
}
