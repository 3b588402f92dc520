// Package daemonize turns a Go program into a daemon: a process with no
// terminal, no controlling session and nothing left of the shell that started
// it, whose start is known to have worked before the prompt comes back.
//
// [Daemon.Run] is all that most programs need: it calls a function in the daemon, and cares for
// signals, errors and the end. It stands on [Daemon.Detach], which leaves these to the program.
//
// A Go program cannot fork(2), so it starts itself a second time. The first process is the
// launcher, the second the daemon. Detach returns in both: in the daemon at once, with a
// [Process]; in the launcher when the daemon has called [Process.Ready] or has failed to get
// there. The steps, with the numbers daemon(7) gives them under "SysV Daemons":
//
//  1. Descriptors the caller left open are marked close-on-exec (step 1). They
//     are not closed, because the Go runtime has descriptors of its own among
//     them.
//  2. Ignored signals get their default action back and the signal mask is
//     emptied (steps 2 and 3), so that a daemon started under nohup(1) or from a
//     script that traps signals can be stopped like any other. Signals 32 to 34 of
//     Linux, which the Go runtime keeps for itself, stay as they are. The mask is
//     emptied on Linux only.
//  3. The environment is cut down to the names that Daemon.Env
//     tells, and those that it adds (step 4).
//  4. The program is started again through github.com/sevlyar/go-daemon, in a session of its own
//     (steps 5 and 6). Before main begins, standard input is /dev/null in place of the pipe that
//     go-daemon uses. There is one fork, not two (steps 7 and 8): the daemon is the leader of its
//     session and its process group, which is what job and process listings expect. A session
//     leader could take a terminal that it opens as its controlling terminal; this package and its
//     callers therefore open files with O_NOCTTY.
//  5. What the program does before Detach it does a second time, in the daemon; [Detached]
//     tells which of the two it is. In Detach the daemon recognises itself by a secret that
//     it finds in its environment and waiting on descriptor 3. Neither alone makes a daemon.
//     With only one of them there, and in a process that was detached before, Detach is an
//     error: a program that has changed its environment or its descriptors starts no chain of
//     launchers.
//  6. Standard input is /dev/null, or from here on with Daemon.KeepStdio the
//     launcher's; standard output and error lead to the launcher, which copies
//     them to its own standard error, or to Daemon.Output (step 9).
//  7. The umask is set, to 022 unless Daemon.Umask says otherwise, and the working directory
//     changed (steps 10 and 11). RLIMIT_CORE becomes 0, unless Daemon.CoreDumps says otherwise.
//     The signals that end the daemon should be caught before that.
//  8. The pid file is locked (step 12) as flopen(3) does it, in a directory that is made
//     for it where Daemon.RuntimeDirectory says so. The lock is what says that the
//     daemon lives; the number in the file is for people and scripts. It
//     is empty until step 10.
//  9. The program opens what it needs: log, listeners, sockets. Then
//     [Process.DropPrivileges] enters the chroot and its working directory, gives up
//     supplementary groups, group and user, on all threads, and proves that they are
//     gone (step 13): root cannot be had again, the ids and groups are the new ones, and
//     on Linux no thread has a capability in any set, or can get one by executing a file.
//  10. [Process.Ready] writes the pid, puts /dev/null on standard output and error, or the file
//     that [Process.LogTo] was given, or with Daemon.KeepStdio the launcher's (step 9 again),
//     but leaves alone what the program has put there before Detach. It tells the launcher
//     (step 14), and the service manager where NOTIFY_SOCKET asks for it. Only now does Detach
//     return in the launcher, and the launcher exits (step 15), which makes process 1, or the
//     nearest subreaper, the daemon's parent.
//
// Whatever fails before the launcher was told is reported by the launcher, on the terminal of
// whoever typed the command, with an exit status, and leaves nothing behind: the launcher
// ends the daemon's process group, with what the daemon may have started, and removes pid
// file and runtime directory if the daemon did not. A program that the daemon starts before
// it is ready should be given a standard output of its own: the one it would inherit
// ends with the launcher.
//
// A program that is started by a supervisor calls [Daemon.RunForeground] or [Daemon.Foreground],
// goes through steps 7 to 10 only, keeps its standard output and error, and is otherwise the
// same.
//
// [Find] tells which process holds a pid file, and [Stop] ends it.
//
// # Started by a service manager
//
// A service manager may have opened the sockets already: [InheritedSockets] takes them over,
// each with its name and what can be done with it, and [StandardInput] the one of inetd(8). With
// Daemon.Sockets they go through the detachment into the daemon:
//
//	sockets, err := daemonize.InheritedSockets()
//	if err != nil {
//		return err // one line: what was handed over that cannot be served
//	}
//	d := daemonize.Daemon{Sockets: sockets}
//	launched, err := d.Run(func(ctx context.Context, p *daemonize.Process) error {
//		for _, s := range p.Sockets() {
//			l, err := s.Listener() // or PacketConn, or Conn, by s.Kind
//			...
//	})
//
// with units such as these, which start the program for the first client:
//
//	# web.socket                # web.service
//	[Socket]                    [Service]
//	ListenStream=/run/web.sock  Type=forking
//	                            ExecStart=/usr/sbin/web
//
// [Process.Notifier] tells the service manager what goes on.
package daemonize
