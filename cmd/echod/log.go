package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"echod/logging"
)

func (s *settings) checkLog() error {
	if _, err := s.level(); err != nil {
		return err
	}
	if _, err := logging.ParseFormat(s.logFormat); err != nil {
		return fmt.Errorf("parse --log-format: %w", err)
	}
	return nil
}

func (s *settings) level() (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if s.logLevel == strings.ToLower(level.String()) {
			return level, nil
		}
	}
	return 0, fmt.Errorf("parse --log-level %q: want debug, info, warn or error", s.logLevel)
}

// serverLog is the log of the server, wherever it goes.
type serverLog struct {
	*slog.Logger
	file *logging.File // nil when the log is no file
}

// openLog opens the log: a file; without one standard error in the foreground, and
// nothing in a daemon.
func (s *settings) openLog(d defaults, foreground bool) (*serverLog, error) {
	level, err := s.level()
	if err != nil {
		return nil, err
	}
	format, err := logging.ParseFormat(s.logFormat)
	if err != nil {
		return nil, err
	}
	options := logging.Options{Level: level, Format: format}
	switch {
	case s.logFile == "" && foreground:
		return &serverLog{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))}, nil
	case s.logFile == "":
		return &serverLog{Logger: slog.New(slog.DiscardHandler)}, nil
	}
	if s.logFile == d.logFile {
		if err := makeLogDirectory(filepath.Dir(s.logFile)); err != nil {
			return nil, withPermStatus(exitCantCreate, err)
		}
	}
	file, err := logging.OpenFile(s.logFile, options)
	if err != nil {
		return nil, withPermStatus(exitCantCreate, err)
	}
	log := &serverLog{Logger: slog.New(file.Handler()), file: file}
	if err := log.prepare(s); err != nil {
		log.discard()
		return nil, withStatus(exitSystem, err)
	}
	return log, nil
}

// makeLogDirectory makes the directory of the default log file; one that the user named is
// not made in silence. The mode is the XDG Base Directory Specification's.
func makeLogDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make log directory: %w", err)
	}
	return nil
}

// prepare has crashes written to the log, and gives a new file to the user that the server will
// run as.
func (l *serverLog) prepare(s *settings) error {
	if err := l.file.CaptureCrashes(); err != nil {
		return err
	}
	if s.identity == nil {
		return nil
	}
	return l.file.Chown(s.identity.UID, s.identity.GID)
}

// enterRoot says where the file is now that root is the root directory. A file outside cannot be
// reopened; it stays in use.
func (l *serverLog) enterRoot(root string) {
	if l.file == nil || root == "" {
		return
	}
	if inside, ok := strings.CutPrefix(l.file.Path(), strings.TrimSuffix(root, "/")+"/"); ok {
		l.file.SetPath("/" + inside)
	}
}

func (l *serverLog) reopen() {
	if l.file == nil {
		return
	}
	if err := l.file.Reopen(); err != nil {
		l.Error("log not reopened", "error", err)
		return
	}
	l.Info("log reopened", "file", l.file.Path())
}

func (l *serverLog) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// discard closes the log of a server that never was ready, and removes the file if it was
// made for it.
func (l *serverLog) discard() {
	l.close()
	if l.file != nil && l.file.Created() {
		os.Remove(l.file.Path())
	}
}
