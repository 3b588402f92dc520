package logging

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// deadline is how long a test waits for what should happen at once.
const deadline = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// captured holds a handler's output.
type captured struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *captured) put(line []byte) error {
	_, err := c.Write(line)
	return err
}

func (c *captured) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// take returns what was written since the last take.
func (c *captured) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.text.Reset()
	return c.text.String()
}

// captureLogger returns a logger, and where its lines go.
func captureLogger(o Options) (*slog.Logger, *captured) {
	c := new(captured)
	return slog.New(o.handler(false, c.put)), c
}
