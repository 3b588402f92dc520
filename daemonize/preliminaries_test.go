package daemonize

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// preliminaries does what the program of a play does before Detach, in both of its processes.
func (p *play) preliminaries() error {
	for _, what := range p.Before {
		if err := p.preliminary(what); err != nil {
			return err
		}
	}
	return nil
}

// maxRecorded ends a chain of launchers.
const maxRecorded = 8

func (p *play) preliminary(what string) error {
	log, err := os.OpenFile(p.Log, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	// In the launcher, descriptors are those of the test.
	daemon := os.Getenv(secretVariable) != ""
	switch what {
	case "record":
		written, err := os.ReadFile(p.Log)
		if err != nil || strings.Count(string(written), "process") >= maxRecorded {
			return errors.Join(err, errors.New("a chain of launchers"))
		}
		_, err = fmt.Fprintln(log, "process", os.Getpid())
		return err
	case "hand on":
		if !daemon {
			p.Daemon.Files = map[string]*os.File{"log": nil}
			p.Daemon.Files["log"], err = os.OpenFile(p.Log, os.O_RDWR, 0)
		}
		return err
	case "log on 1", "log on 2", "log on 3":
		if daemon {
			return kernel{}.dup2(int(log.Fd()), int(what[len(what)-1]-'0'))
		}
	case "clear environment":
		os.Clearenv()
	case "read input":
		input, err := io.ReadAll(os.Stdin)
		fmt.Fprintf(log, "%v %q %v\n", Detached(), input, err)
	case "list descriptors":
		for fd := 0; daemon && fd <= channel; fd++ {
			target, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
			if err != nil {
				return err
			}
			fmt.Fprintln(log, target)
		}
	case "detach again":
		if daemon {
			for range 2 {
				if process, launched, err := (&Daemon{}).Detach(); process != nil || launched != nil || err == nil {
					return fmt.Errorf("detach again: %v, %v, %v", process, launched, err)
				}
			}
		}
	case "detach before":
		if daemon {
			_, _, err := (&Daemon{}).Detach()
			return err
		}
	case "run another":
		if daemon {
			return p.runAnother(log)
		}
	}
	return nil
}

// runAnother has a process like this one, with its descriptors and environment, try to Detach.
func (p play) runAnother(log *os.File) error {
	argument, err := play{Role: "serve"}.encode()
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], playArgument, argument)
	cmd.Stdout, cmd.Stderr = log, os.Stderr
	cmd.ExtraFiles = []*os.File{os.NewFile(channel, "channel")}
	syscall.CloseOnExec(channel)
	var failed *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &failed) || failed.ExitCode() != exitOther {
		return fmt.Errorf("another one: %w", err)
	}
	return nil
}
