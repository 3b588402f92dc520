// Package logging writes the log of a server: records of [log/slog], a line
// each, to a file, to standard error or to syslog.
//
// It is made so that logging never holds up serving. A logger copies its line
// into a buffer of bounded size and goes on; one goroutine writes what has
// gathered there. When the file system is full, hangs or cannot keep up, the
// lines that no longer fit are dropped and counted, and as soon as writing
// works again, the lines that did fit are followed by
//
//	level=WARN msg="log lines dropped" count=N
//
// A server begins and ends like this:
//
//	level := new(slog.LevelVar)
//	file, err := logging.OpenFile("/var/log/echod.log", logging.Options{Level: level})
//	if err != nil {
//		return err // says which file, and why
//	}
//	if err := file.CaptureCrashes(); err != nil {
//		return err
//	}
//	limiter := logging.LimitRate(file.Handler(), logging.RateLimit{})
//	logger := slog.New(limiter)
//	// ... serve ...
//	limiter.Flush()
//	return file.Close()
//
// and on a signal from logrotate(8), after the file was renamed:
//
//	if err := file.Reopen(); err != nil {
//		logger.Error("log not reopened", "error", err) // in the file before
//	}
//
// # Lines
//
// Records look as the handlers of log/slog write them, in logfmt or as JSON,
// except that nothing unprintable is left in a line: what a client sends
// cannot end a line, begin another or a field, or move the cursor of whoever
// reads the log.
//
// Only whole lines are written. When a file system fills up in the middle of a
// line, the part that was written is cut off again.
//
// # What can be lost
//
// A file is written to at once when nothing was written for 100 ms, otherwise
// when 100 ms have passed or 64 KiB have gathered. A process that is killed
// takes the lines of that time with it. Nothing is synced to the disk: lines
// survive the process, not the loss of power.
package logging
