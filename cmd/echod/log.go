package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	output      io.Closer     // nil when there is none
	file        *logging.File // output, if that is a file
	directories []string      // made for the file, the innermost first
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
		return openStderr(options)
	case s.logFile == "":
		return &serverLog{Logger: slog.New(slog.DiscardHandler)}, nil
	}
	log := new(serverLog)
	if err := log.openFile(s, d, options); err != nil {
		log.discard()
		return nil, err
	}
	return log, nil
}

func openStderr(options logging.Options) (*serverLog, error) {
	stderr, err := logging.NewStderr(os.Stderr, os.Getenv("JOURNAL_STREAM"), options)
	if err != nil {
		return nil, withStatus(exitSystem, err)
	}
	return &serverLog{Logger: slog.New(stderr.Handler()), output: stderr}, nil
}

// openFile opens the log file, has crashes written to it, and gives a new file to the user that
// the server will run as.
func (l *serverLog) openFile(s *settings, d defaults, options logging.Options) error {
	if s.logFile == d.logFile {
		if err := l.makeDirectory(filepath.Dir(s.logFile)); err != nil {
			return withPermStatus(exitCantCreate, err)
		}
	}
	file, err := logging.OpenFile(s.logFile, options)
	if err != nil {
		return withPermStatus(exitCantCreate, err)
	}
	l.Logger, l.output, l.file = slog.New(file.Handler()), file, file
	if err := file.CaptureCrashes(); err != nil {
		return withStatus(exitSystem, err)
	}
	if s.identity == nil {
		return nil
	}
	return withPermStatus(exitSystem, file.Chown(s.identity.UID, s.identity.GID))
}

// makeDirectory makes the directory of the default log file; one that the user named is
// not made in silence. The mode is the XDG Base Directory Specification's.
func (l *serverLog) makeDirectory(dir string) error {
	l.directories = missing(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make log directory: %w", err)
	}
	return nil
}

// missing returns what is not there of path and the directories that lead to it, the innermost
// first.
func missing(path string) []string {
	var paths []string
	for ; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return paths
		}
		paths = append(paths, path)
	}
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
	if l.output == nil {
		return nil
	}
	return l.output.Close()
}

// notStarted ends the log of a server that never was ready. Who started it is told by other means, on
// standard error; a file that was made for it will be gone.
func (l *serverLog) notStarted(cause error) {
	if l.file != nil && !l.file.Created() {
		l.Error("not started", "error", cause)
	}
	l.discard()
}

// discard closes the log of a server that never was ready, and removes what was made for it.
func (l *serverLog) discard() {
	l.close()
	if l.file != nil && l.file.Created() {
		os.Remove(l.file.Path())
	}
	for _, dir := range l.directories {
		os.Remove(dir) // unless somebody else has put something there
	}
}
