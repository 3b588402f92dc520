package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"echod/logging"
	"echod/server/control"

	"github.com/spf13/cobra"
)

// Exit statuses of the verb status, from the Linux Standard Base.
const (
	statusRunning    = 0
	statusDead       = 1 // and its pid file is there
	statusNotRunning = 3
	statusUnknown    = 4
)

// statusTime is how long the server may take to tell its status; the pid file has to do then.
const statusTime = 3 * time.Second

func (p *program) statusCommand() *cobra.Command {
	var l lookup
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "tell whether the server runs, and what it does",
		Long: "Tell whether the server runs, and what it does. Without a control socket, or when nobody\n" +
			"answers there, only the pid file is asked. Exit status:\n" +
			"0 it runs, 1 it is dead but its pid file is there, 3 it does not run, 4 cannot tell.",
		Args: noArguments,
	}
	l.addFlags(cmd, defaultsFor(p.name))
	addJSONFlag(cmd, &asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := &statusReport{program: p, json: asJSON}
		// With a pid file, that tells, whatever is wrong with the path of the socket.
		if err := l.resolve(); err != nil && l.pidFile == "" {
			return withStatus(statusUnknown, err)
		}
		return r.run(cmd.Context(), &l)
	}
	return cmd
}

// A statusReport is what the verb status finds out.
type statusReport struct {
	*program
	json        bool
	unreachable error // why there is no answer from the control socket
}

func (r *statusReport) run(ctx context.Context, l *lookup) error {
	if l.places[0] == (place{}) {
		return withStatus(statusUnknown, errors.New("status: no pid file and no control socket to find the server by"))
	}
	found, err := l.find()
	var missed *notRunningError
	switch {
	case errors.As(err, &missed):
		return r.notRunning(missed)
	case err != nil:
		return withStatus(statusUnknown, err)
	case !found.ready:
		r.fromPidFile("starting", found)
		return nil
	}
	answer, err := r.ask(ctx, found)
	if err == nil {
		return r.print(answer, found)
	}
	if again, _ := l.find(); again == nil {
		return r.run(ctx, l) // it has ended meanwhile
	}
	if found.bySocket {
		return withStatus(statusUnknown, fmt.Errorf("status: %w", err))
	}
	r.unreachable = err
	r.fromPidFile("running", found)
	return nil
}

// An answeredStatus is a status and the text that it was read from.
type answeredStatus struct {
	control.Status
	text json.RawMessage
}

func (r *statusReport) ask(ctx context.Context, found *instance) (*answeredStatus, error) {
	client := found.client()
	if client == nil {
		return nil, cmp.Or(found.socketErr, errors.New("no control socket"))
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	text, err := client.RawStatus(ctx)
	if err != nil {
		return nil, err
	}
	answer := &answeredStatus{text: text}
	if err := json.Unmarshal(text, &answer.Status); err != nil {
		return nil, fmt.Errorf("read the answer from control socket %s: %w", found.socket, err)
	}
	return answer, nil
}

func (r *statusReport) print(answer *answeredStatus, found *instance) error {
	if !r.json {
		err := r.printTable(&answer.Status)
		if found.bySocket && found.pidFile != "" {
			fmt.Fprintf(r.stdout, "pid file %s is gone: only the control socket leads to this server\n", logging.Printable(found.pidFile))
		}
		r.printOthers(found)
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, answer.text); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s\n", logging.PrintableJSON(line.Bytes()))
	return nil
}

func (r *statusReport) printOthers(found *instance) {
	for _, other := range found.others {
		fmt.Fprintf(r.stdout, "another server is running: %s\n", logging.Printable(other.String()))
	}
}

func (r *statusReport) notRunning(missed *notRunningError) error {
	if r.json {
		known, _ := json.Marshal(struct { // this cannot fail
			Running  bool     `json:"running"`
			LookedAt []string `json:"looked_at"`
		}{false, missed.looked})
		fmt.Fprintf(r.stdout, "%s\n", logging.PrintableJSON(known))
	} else {
		r.sayf("%v", missed)
	}
	if missed.stale != nil {
		return said(statusDead)
	}
	return said(statusNotRunning)
}

// fromPidFile prints the little that the pid file tells of a server that runs, and why it is so
// little.
func (r *statusReport) fromPidFile(state string, found *instance) {
	why := ""
	if r.unreachable != nil {
		why = logging.Printable(r.unreachable.Error())
	}
	if !r.json {
		r.sayf("%s, pid %d, pid file %s", state, found.pid, found.pidFile)
		if why != "" {
			fmt.Fprintf(r.stdout, "no more is known: %s\n", why)
		}
		r.printOthers(found)
		return
	}
	known, _ := json.Marshal(struct { // this cannot fail
		Running       bool   `json:"running"`
		Pid           int    `json:"pid"`
		State         string `json:"state,omitempty"`
		PidFile       string `json:"pid_file"`
		ControlSocket string `json:"control_socket"`
		Error         string `json:"error,omitempty"`
	}{true, found.pid, map[string]string{"starting": "starting"}[state], found.pidFile, found.socket, why})
	fmt.Fprintf(r.stdout, "%s\n", logging.PrintableJSON(known))
}
