package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"echod/daemonize"
	"echod/server"

	"github.com/spf13/pflag"
)

// settings are the flags of start and run. Once resolved, they mean the same in any working
// directory and environment.
type settings struct {
	listen        []string
	pidFile       string
	controlSocket socketPath
	metricsListen string
	logFile       string
	logLevel      string
	logFormat     string
	user          string
	chroot        string
	workDir       string
	umask         string
	idleTimeout   time.Duration
	drainTimeout  time.Duration
	readyTimeout  time.Duration
	idleExit      time.Duration

	maxConnections          int
	maxConnectionsPerSource int
	connectionRatePerSource float64
	datagramRatePerSource   int
	datagramRate            int

	addresses []server.Address
	metrics   []server.Address // none, or one
	umaskBits int
	identity  *daemonize.Identity

	inetd    bool // started by inetd(8): nothing may be written to standard error
	detaches bool // the server will be a daemon, with no standard error
}

// addFlags declares the flags, with the defaults of the calling user.
func (s *settings) addFlags(flags *pflag.FlagSet, d defaults) {
	flags.SortFlags = false
	flags.StringArrayVar(&s.listen, "listen", []string{d.listen}, "serve `ADDRESS`: tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH or HOST:PORT (tcp); repeatable")
	flags.StringVar(&s.pidFile, "pid-file", d.pidFile, "keep the pid in `FILE`, locked while the server runs")
	s.controlSocket.addFlag(flags, d, "answer status and its like at the socket `FILE`; empty is nowhere")
	flags.StringVar(&s.metricsListen, "metrics-listen", "", "answer /metrics and /healthz at `HOST:PORT`")
	flags.StringVar(&s.logFile, "log-file", d.logFile, "write the log to `FILE`, stderr or syslog; empty is nowhere")
	flags.StringVar(&s.logLevel, "log-level", "info", "log `LEVEL` and what is more severe: debug, info, warn, error")
	flags.StringVar(&s.logFormat, "log-format", "text", "write lines as `FORMAT`: text (logfmt) or json")
	flags.StringVar(&s.user, "user", d.user, "become `USER[:GROUP]` once everything is open")
	flags.StringVar(&s.chroot, "chroot", "", "make `DIR` the root directory once everything is open")
	flags.StringVar(&s.workDir, "work-dir", "/", "work in `DIR`")
	flags.StringVar(&s.umask, "umask", "027", "set the file mode creation mask to `MASK`, octal")
	flags.IntVar(&s.maxConnections, "max-connections", 0, "serve `N` clients at a time, others wait; 0 is as many as descriptors allow")
	flags.IntVar(&s.maxConnectionsPerSource, "max-connections-per-source", 0, "refuse more than `N` clients at a time from one address (IPv6: one /64 network); 0 is no limit")
	flags.Float64Var(&s.connectionRatePerSource, "connection-rate-per-source", 0, "refuse more than `N` clients a second from one address (IPv6: one /64 network); 0 is no limit")
	flags.IntVar(&s.datagramRatePerSource, "datagram-rate-per-source", 0, "answer `N` datagrams a second from one address (IPv6: one /64 network); 0 is no limit")
	flags.IntVar(&s.datagramRate, "datagram-rate", 0, "answer `N` datagrams a second in all; 0 is no limit")
	flags.DurationVar(&s.idleTimeout, "idle-timeout", 0, "close a client that is silent for `DURATION`; 0 is never")
	flags.DurationVar(&s.drainTimeout, "drain-timeout", 5*time.Second, "wait `DURATION` for clients to leave when told to drain")
	flags.DurationVar(&s.readyTimeout, "ready-timeout", 15*time.Second, "give the daemon `DURATION` to get ready; 0 is as long as it takes")
	flags.DurationVar(&s.idleExit, "idle-exit", 0, "end when there was no client for `DURATION`; 0 is never")
}

// resolve checks the settings as a whole and makes paths absolute. Nothing is
// opened and nothing is changed.
func (s *settings) resolve() error {
	for _, step := range []func() error{
		s.resolveAddresses, s.checkLogFile, s.resolvePaths, s.resolveUmask, s.checkLog, s.checkDurations, s.checkLimits, s.resolveIdentity,
	} {
		err := step()
		var e *statusError
		if err != nil && !errors.As(err, &e) {
			err = withStatus(exitUsage, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) resolveAddresses() error {
	var err error
	if s.addresses, err = parseAddresses(s.listen); err != nil {
		return err
	}
	s.listen = make([]string, len(s.addresses))
	for i, a := range s.addresses {
		s.listen[i] = a.String()
	}
	if s.metricsListen == "" {
		return nil
	}
	metrics, err := server.ParseAddress("tcp://" + s.metricsListen)
	if err != nil {
		return fmt.Errorf("parse --metrics-listen %q: want HOST:PORT", s.metricsListen)
	}
	s.metricsListen, s.metrics = strings.TrimPrefix(metrics.String(), "tcp://"), []server.Address{metrics}
	return nil
}

func (s *settings) resolvePaths() error {
	if s.chroot != "" {
		s.workDir = filepath.Join("/", s.workDir) // it is looked up inside
	}
	for _, path := range []*string{&s.pidFile, &s.logFile, &s.chroot, &s.workDir} {
		if *path == "" || path == &s.logFile && isLogService(*path) {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return withPermStatus(exitSystem, fmt.Errorf("make path %s absolute: %w", *path, err))
		}
		*path = absolute
	}
	if err := s.controlSocket.resolve(s.pidFile); err != nil {
		return err
	}
	if s.chroot != "" {
		if err := checkDirectory("chroot", s.chroot); err != nil {
			return err
		}
	}
	return checkDirectory("work-dir", filepath.Join(s.chroot, s.workDir))
}

func checkDirectory(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return withPermStatus(exitUsage, fmt.Errorf("use --%s: %w", flag, err))
	case !info.IsDir():
		return fmt.Errorf("use --%s: %s is not a directory", flag, path)
	}
	return nil
}

func (s *settings) resolveUmask() error {
	n, err := strconv.ParseUint(s.umask, 8, 16)
	if err != nil || n > 0o777 {
		return fmt.Errorf("parse --umask %q: want an octal number from 0 to 777", s.umask)
	}
	s.umaskBits = int(n)
	return nil
}

func (s *settings) checkDurations() error {
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"idle-timeout", s.idleTimeout},
		{"drain-timeout", s.drainTimeout},
		{"ready-timeout", s.readyTimeout},
		{"idle-exit", s.idleExit},
	} {
		if d.value < 0 {
			return fmt.Errorf("parse --%s %v: want a duration of 0 or more", d.flag, d.value)
		}
	}
	return nil
}

func (s *settings) checkLimits() error {
	for _, limit := range []struct {
		flag  string
		value float64
	}{
		{"max-connections", float64(s.maxConnections)},
		{"max-connections-per-source", float64(s.maxConnectionsPerSource)},
		{"connection-rate-per-source", s.connectionRatePerSource},
		{"datagram-rate-per-source", float64(s.datagramRatePerSource)},
		{"datagram-rate", float64(s.datagramRate)},
	} {
		if !(limit.value >= 0) || math.IsInf(limit.value, 0) { // NaN is not
			return fmt.Errorf("parse --%s %v: want a number of 0 or more", limit.flag, limit.value)
		}
	}
	return nil
}

// terms are what the settings mean to the clients of the echo service.
func (s *settings) terms() server.Terms {
	return server.Terms{
		IdleTimeout: s.idleTimeout,
		Limits: server.Limits{
			PerSource:     s.maxConnectionsPerSource,
			RatePerSource: s.connectionRatePerSource,
			Datagrams:     server.DatagramLimits{PerSource: s.datagramRatePerSource, Total: s.datagramRate},
		},
	}
}

func (s *settings) resolveIdentity() error {
	if s.user == "" {
		return nil
	}
	id, err := daemonize.LookupIdentity(s.user)
	if err != nil {
		return fmt.Errorf("use --user: %w", err)
	}
	if os.Geteuid() != 0 && id.UID != os.Geteuid() {
		return withStatus(exitNoPerm, fmt.Errorf("use --user %s: only root can become another user", s.user))
	}
	if os.Geteuid() == 0 {
		if err := id.Reachable(); err != nil {
			return withStatus(exitNoPerm, fmt.Errorf("use --user %s: %w (--user= keeps the calling user)", s.user, err))
		}
	}
	s.identity = id
	return nil
}

// runsAs is the user whose rights the server is left with: also a server that keeps its user gives
// up capabilities. Only root that asks for it stays what it is.
func (s *settings) runsAs() *daemonize.Identity {
	if s.identity != nil || os.Geteuid() == 0 {
		return s.identity
	}
	uid := os.Geteuid()
	return &daemonize.Identity{User: strconv.Itoa(uid), UID: uid, GID: os.Getegid()}
}

// commandLine is the flags that say all of this again, whoever reads them, wherever.
func (s *settings) commandLine(flags *pflag.FlagSet) []string {
	var args []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			args = append(args, "--"+f.Name+"="+v)
		}
	})
	return args
}

// daemon is what the settings mean to package daemonize.
func (s *settings) daemon(d defaults) *daemonize.Daemon {
	daemon := &daemonize.Daemon{
		Dir:          s.workDir,
		Umask:        s.umaskBits,
		PidFile:      s.pidFile,
		Identity:     s.runsAs(),
		Chroot:       s.chroot,
		Env:          []string{"XDG_RUNTIME_DIR", "XDG_STATE_HOME"},
		ReadyTimeout: s.readyTimeout,
	}
	if s.umaskBits == 0 {
		daemon.Umask = daemonize.NoUmask
	}
	if s.pidFile != "" && s.pidFile == d.pidFile {
		daemon.RuntimeDirectory = filepath.Dir(s.pidFile)
	}
	return daemon
}
