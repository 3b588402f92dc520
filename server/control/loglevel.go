package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// LogLevel is what GET /v1/log-level answers and PUT /v1/log-level takes.
type LogLevel struct {
	Level string `json:"level"` // "debug", "info", "warn" or "error"
}

// ParseLevel returns the level called name, in lower case.
func ParseLevel(name string) (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if name == LevelName(level) {
			return level, nil
		}
	}
	return 0, fmt.Errorf("log level %q: want debug, info, warn or error", name)
}

// LevelName returns the name that ParseLevel knows level by.
func LevelName(level slog.Level) string { return strings.ToLower(level.String()) }

func (s *Server) getLogLevel(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, LogLevel{LevelName(s.Level.Level())})
}

func (s *Server) putLogLevel(w http.ResponseWriter, r *http.Request) {
	level, err := decodeLogLevel(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d bytes", tooLarge.Limit))
	case err != nil:
		writeProblem(w, http.StatusBadRequest, err.Error())
	default:
		s.Level.Set(level)
		s.getLogLevel(w, r)
	}
}

// decodeLogLevel reads one LogLevel and nothing else.
func decodeLogLevel(body io.Reader) (slog.Level, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return 0, fmt.Errorf("read body: %w", err)
	}
	var wanted LogLevel
	if err := json.Unmarshal(text, &wanted); err != nil {
		return 0, fmt.Errorf(`decode body, which should be {"level":"LEVEL"}: %w`, err)
	}
	return ParseLevel(wanted.Level)
}
