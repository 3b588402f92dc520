package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"echod/daemonize"
	"echod/server"
	"echod/server/control"

	"github.com/spf13/cobra"
)

// A rehearsal is a start beside the server that runs already: the start itself, in a daemon of its
// own, as far as it can be walked without disturbing the other. Its pid file has another name, it
// binds what the other does not have, and removes what it has made before it gives up privileges.
// When it is ready, it ends.
//
// What it cannot find out is what changes between it and the start, and whether what the other has,
// such as an address, can be had again. A nil rehearsal is a start.
type rehearsal struct {
	by  int      // the pid of the restart, by which its pid file is known
	pid int      // of the server that runs
	own []string // what that server has: addresses, and its control socket as unix://PATH
}

func (p *program) rehearseCommand() *cobra.Command {
	s := settings{detaches: true}
	var r rehearsal
	d := defaultsFor(p.name)
	cmd := &cobra.Command{
		Use:    "rehearse",
		Short:  "be a part of restart",
		Args:   noArguments,
		Hidden: true,
	}
	s.addFlags(cmd.Flags(), d)
	cmd.Flags().IntVar(&r.by, "by", 0, "the restart is `PID`")
	cmd.Flags().IntVar(&r.pid, "beside", 0, "the server that runs is `PID`")
	cmd.Flags().StringArrayVar(&r.own, "own", nil, "that server has `ADDRESS`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.resolve(); err != nil {
			return err
		}
		// A service manager shall not be told that this process is ready.
		if err := os.Unsetenv("NOTIFY_SOCKET"); err != nil {
			return withStatus(exitSystem, err)
		}
		return p.rehearse(cmd.Context(), &s, d, &r, nil)
	}
	return cmd
}

// rehearse returns in the launcher nil if the server could start with these settings.
func (p *program) rehearse(ctx context.Context, s *settings, d defaults, r *rehearsal, flags []string) error {
	daemon := s.daemon(d)
	daemon.PidFile = filepath.Join(filepath.Dir(s.pidFile), fmt.Sprintf(".rehearsal-%d.pid", r.by))
	daemon.Args = slices.Concat([]string{p.args[0], "rehearse"}, r.commandLine(), flags)
	daemon.ExitStatus = startStatus
	daemon.Output = p.stderr
	caught := new(signals)
	if daemonize.Detached() {
		caught.watch()
	}
	process, launched, err := daemon.Detach()
	var failed *daemonize.StartError
	switch {
	case launched != nil:
		// It is about to end by itself. Stop waits for that, and removes the pid file where
		// it could not.
		_, _ = daemonize.Stop{Timeout: rehearsalEnd}.Stop(ctx, daemon.PidFile)
		return nil
	case errors.As(err, &failed):
		return withStatus(failed.Status, failed)
	case err != nil:
		return withStatus(startStatus(err), err)
	}
	v := newService(s, process, caught)
	v.name, v.beside = d.name, r
	if err = v.open(d); err != nil {
		v.abandon(err)
		process.Abort(statusOf(err), err)
		return err
	}
	return process.Close()
}

func (r *rehearsal) commandLine() []string {
	args := []string{fmt.Sprintf("--by=%d", r.by), fmt.Sprintf("--beside=%d", r.pid)}
	for _, own := range r.own {
		args = append(args, "--own="+own)
	}
	return args
}

// rehearsalEnd is how long a rehearsal may take to end.
const rehearsalEnd = 5 * time.Second

// listenAll is the function of that name, but what the other server has is taken for bound.
func (r *rehearsal) listenAll(addresses []server.Address, others ...socket) ([]socket, error) {
	if r == nil {
		return listenAll(addresses, others...)
	}
	var sockets []socket
	for _, a := range addresses {
		opened, err := listenAll([]server.Address{r.besideOf(a)}, slices.Concat(others, sockets)...)
		if errors.Is(err, syscall.EADDRINUSE) {
			opened, err = r.listenAtOthers(a, slices.Concat(others, sockets), err)
		}
		if err != nil {
			closeAll(sockets)
			return nil, err
		}
		sockets = append(sockets, opened...)
	}
	return sockets, nil
}

// listenAtOthers binds those addresses of a name that the other server does not have. inUse is why
// they cannot all be had.
func (r *rehearsal) listenAtOthers(a server.Address, others []socket, inUse error) ([]socket, error) {
	addresses, err := a.Resolve(context.Background())
	if err != nil {
		return nil, inUse
	}
	var sockets []socket
	for _, one := range addresses {
		k, err := listen(one, slices.Concat(others, sockets))
		switch {
		case err == nil:
			sockets = append(sockets, k)
		case errors.Is(err, syscall.EADDRINUSE) && r.has(a, one):
		case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT): // as in a start
		default:
			closeAll(sockets)
			return nil, err
		}
	}
	return sockets, nil
}

// has reports whether one, an address of a, is in use by the other server and by nothing else.
func (r *rehearsal) has(a, one server.Address) bool {
	if slices.Contains(r.own, a.String()) || slices.Contains(r.own, one.String()) {
		return true
	}
	holders := portHolders(one)
	return len(holders) > 0 && !slices.ContainsFunc(holders, func(holder string) bool {
		return !strings.HasPrefix(holder, fmt.Sprintf("pid %d (", r.pid))
	})
}

// besideOf returns the address to try instead of a Unix socket that the other server has: in its
// directory.
func (r *rehearsal) besideOf(a server.Address) server.Address {
	path, ok := strings.CutPrefix(a.String(), "unix://")
	if !ok {
		return a
	}
	if beside, err := server.ParseAddress("unix://" + r.besidePath(path)); err == nil {
		return beside
	}
	return a
}

// besidePath returns path, or, if the other server has a socket there, a name in the same
// directory. It prefers one that no other rehearsal has; a socket address may be too short for
// that.
func (r *rehearsal) besidePath(path string) string {
	info, err := os.Lstat(path)
	if r == nil || err != nil || info.Mode()&os.ModeSocket == 0 || !slices.Contains(r.own, "unix://"+path) {
		return path
	}
	dir, base := filepath.Split(path)
	beside := fmt.Sprintf("%s.%s.%d", dir, base, os.Getpid())
	if control.CheckPath(beside) == nil {
		return beside
	}
	return dir + "." + base[1:]
}

// undo removes what a rehearsal has made, while it may.
func (v *service) undo() {
	closeAll(v.sockets)
	v.control.abandon()
	v.log.discard()
	v.sockets, v.control, v.log = nil, controlSide{}, newServerLog(v.log.level)
}
