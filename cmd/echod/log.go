package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"echod/daemonize"
	"echod/logging"
	"echod/server/control"
)

// These values of --log-file are no files. A file of the same name is given with its directory, as
// in ./syslog.
const (
	logToStderr = "stderr"
	logToSyslog = "syslog"
)

func isLogService(logFile string) bool { return logFile == logToStderr || logFile == logToSyslog }

func (s *settings) checkLog() error {
	if _, err := control.ParseLevel(s.logLevel); err != nil {
		return fmt.Errorf("parse --log-level %q: want debug, info, warn or error", s.logLevel)
	}
	if _, err := logging.ParseFormat(s.logFormat); err != nil {
		return fmt.Errorf("parse --log-format: %w", err)
	}
	return nil
}

// checkLogFile refuses what is not there, or means nothing, for a server that is started this way.
func (s *settings) checkLogFile() error {
	switch {
	case s.logFile == logToStderr && s.detaches:
		return errors.New("use --log-file stderr: a daemon has no standard error (see the verb run, or give ./stderr for a file)")
	case s.logFile == logToStderr && s.inetd:
		return errors.New("use --log-file stderr: standard error may be the client")
	case !isDescriptor(s.logFile):
		return nil
	case s.detaches:
		return fmt.Errorf("use --log-file %s: a daemon has no standard output or error (give a file; or use the verb run, which logs to standard error)", s.logFile)
	case s.inetd:
		return fmt.Errorf("use --log-file %s: it may be the client (give a file, or syslog)", s.logFile)
	}
	return fmt.Errorf("use --log-file %s: the log goes to a file or to standard error (give stderr; for a file of this name, ./-)", s.logFile)
}

// isDescriptor reports whether a value stands for standard output, or another open descriptor, by
// the customs of many programs. A file that is called - is given with its directory.
func isDescriptor(logFile string) bool {
	path := filepath.Clean(logFile)
	return logFile == "-" || path == "/dev/stdin" || path == "/dev/stdout" || path == "/dev/stderr" ||
		strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// serverLog is the log of the server, wherever it goes.
type serverLog struct {
	*slog.Logger
	level       *slog.LevelVar
	target      string // as --log-file has it
	limiter     *logging.RateLimiter
	output      logOutput     // nil when there is none
	file        *logging.File // output, if that is a file
	directories []string      // made for the file, the innermost first
}

// A logOutput is one of the kinds of log that there are.
type logOutput interface {
	Handler() slog.Handler
	Dropped() uint64
	Trouble() *logging.Trouble
	Close() error
}

// openLog opens the log. Under inetd(8), which may start the server as any user, it does without
// the default file where that cannot be opened.
func (s *settings) openLog(d defaults) (*serverLog, error) {
	log, err := s.openLogTarget(d)
	if err != nil && s.inetd && s.logFile == d.logFile {
		return newServerLog(new(slog.LevelVar)), nil
	}
	return log, err
}

func (s *settings) openLogTarget(d defaults) (*serverLog, error) {
	level, err := control.ParseLevel(s.logLevel)
	if err != nil {
		return nil, err
	}
	format, err := logging.ParseFormat(s.logFormat)
	if err != nil {
		return nil, err
	}
	log := newServerLog(new(slog.LevelVar))
	log.level.Set(level)
	options := logging.Options{Level: log.level, Format: format, Owner: s.owner()}
	switch s.logFile {
	case "":
	case logToStderr:
		err = log.openStderr(options)
	case logToSyslog:
		err = log.openSyslog(d.name, options)
	default:
		err = log.openFile(s, d, options)
	}
	if err != nil {
		log.discard()
		return nil, err
	}
	return log, nil
}

// newServerLog is a log that goes nowhere, yet.
func newServerLog(level *slog.LevelVar) *serverLog {
	return &serverLog{Logger: slog.New(slog.DiscardHandler), level: level}
}

// writeTo has the log go to output. What may come in masses, refusals and errors, is
// limited in rate; activity is complete.
func (l *serverLog) writeTo(target string, output logOutput) {
	l.target, l.output = target, output
	l.limiter = logging.LimitRate(output.Handler(), logging.RateLimit{})
	l.Logger = slog.New(l.limiter)
}

func (l *serverLog) openStderr(options logging.Options) error {
	stderr, err := logging.NewStderr(os.Stderr, os.Getenv("JOURNAL_STREAM"), options)
	if err != nil {
		return withStatus(exitSystem, err)
	}
	l.writeTo(logToStderr, stderr)
	return nil
}

func (l *serverLog) openSyslog(name string, options logging.Options) error {
	syslog, err := logging.DialSyslog(logging.SyslogServer{Tag: name}, options)
	if err != nil {
		return withStatus(exitUnavailable, err)
	}
	l.writeTo(logToSyslog, syslog)
	return nil
}

// openFile opens the log file, and gives a new one to the user that the server will run as.
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
	l.writeTo(s.logFile, file)
	l.file = file
	if s.identity == nil {
		return nil
	}
	return withPermStatus(exitSystem, file.Chown(s.identity.UID, s.identity.GID))
}

// owner is the number of the user that the server will run as, or 0.
func (s *settings) owner() int {
	if s.identity == nil {
		return 0
	}
	return s.identity.UID
}

// makeDirectory makes the directory of the default log file; one that the user named is
// not made in silence. The mode is the XDG Base Directory Specification's.
func (l *serverLog) makeDirectory(dir string) error {
	l.directories = missing(dir)
	err := os.MkdirAll(dir, 0o700)
	if _, noHome := os.UserHomeDir(); err != nil && noHome != nil && strings.HasPrefix(dir, homelessStateDirectory+"/") {
		return fmt.Errorf("make log directory: %w (HOME is not set: set it, or name a file with --log-file)", err)
	}
	if err != nil {
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

// captureCrashes has crashes written to the log. Until standard error goes away, they are better
// seen there: the file of a server that never was ready shall not be left.
func (l *serverLog) captureCrashes() error {
	if l.file == nil {
		return nil
	}
	return withStatus(exitSystem, l.file.CaptureCrashes())
}

// enterRoot says where the file is now that root is the root directory. A file outside cannot be
// reopened; it stays in use.
func (l *serverLog) enterRoot(root string) {
	if l.file == nil {
		return
	}
	if path := daemonize.InsideRoot(l.file.Path(), root); path != "" {
		l.file.SetPath(path)
	}
}

// reopen opens the file again, after it was renamed, and returns what it has done, for people.
func (l *serverLog) reopen() (string, error) {
	if l.file == nil {
		return "the log is no file: nothing to reopen", nil
	}
	if err := l.file.Reopen(); err != nil {
		l.Error("log not reopened", "error", err)
		return "", err
	}
	l.Info("log reopened", "file", l.file.Path())
	return fmt.Sprintf("log %s reopened", l.target), nil
}

// maxFlushTime is how long a file system that hangs may delay readiness.
const maxFlushTime = 5 * time.Second

// flush has the lines that wait written to the file before the launcher is told that the server is
// ready. That a disk is full, or hangs, is no reason not to serve: of the time until then a third
// is spent on it at most.
func (l *serverLog) flush(readyTimeout time.Duration) {
	if l.file == nil {
		return
	}
	timeout := maxFlushTime
	if readyTimeout > 0 {
		timeout = min(timeout, readyTimeout/3)
	}
	l.file.Flush(timeout) // status tells of lines that cannot be written
}

// status is what package control tells of the log.
func (l *serverLog) status() control.LogStatus {
	status := control.LogStatus{File: l.target, Level: control.LevelName(l.level.Level())}
	if l.output == nil {
		return status
	}
	status.LinesDropped = l.output.Dropped()
	if trouble := l.output.Trouble(); trouble != nil {
		status.FailingSince, status.Failure, status.LinesWaiting = &trouble.Since, trouble.Err.Error(), trouble.Lines
	}
	return status
}

// tellSyslog writes down elsewhere why the log is not complete, for a server whose standard error
// is nowhere. Where there is no syslog, as in a new root directory, it is lost.
func tellSyslog(name string, cause error) {
	syslog, err := logging.DialSyslog(logging.SyslogServer{Tag: name}, logging.Options{})
	if err != nil {
		return
	}
	slog.New(syslog.Handler()).Error("not closed in order", "error", cause)
	syslog.Close()
}

func (l *serverLog) close() error {
	if l.output == nil {
		return nil
	}
	l.limiter.Flush()
	return l.output.Close()
}

// notStarted ends the log of a server that never was ready. Who started it is told by other means,
// on standard error; a file that was made for it will be gone.
func (l *serverLog) notStarted(cause error) {
	if l.file != nil && !l.file.Created() {
		l.Error("not started", "error", cause)
	}
	l.discard()
}

// discard closes the log of a server that never was ready, and removes what was made for it.
func (l *serverLog) discard() {
	if l.file != nil {
		l.limiter.Flush()
		l.file.Discard() // what cannot be removed here is removed by the launcher, if it is empty
	} else {
		l.close()
	}
	for _, dir := range l.directories {
		os.Remove(dir) // unless somebody else has put something there
	}
}
