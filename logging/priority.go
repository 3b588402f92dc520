package logging

import "log/slog"

// The severities of syslog(3) that levels are mapped to, "<N>" as sd-daemon(3)
// and syslog itself have them before a line.
const (
	priorityError   = "<3>"
	priorityWarning = "<4>"
	priorityInfo    = "<6>"
	priorityDebug   = "<7>"

	priorityLen = len(priorityError)
)

func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return priorityError
	case level >= slog.LevelWarn:
		return priorityWarning
	case level >= slog.LevelInfo:
		return priorityInfo
	default:
		return priorityDebug
	}
}
