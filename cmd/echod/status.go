package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"echod/daemonize"
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
	var c caller
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "tell whether the server runs, and what it does",
		Long: "Tell whether the server runs, and what it does. Without a control socket, or when nobody\n" +
			"answers there, only the pid file is asked. Exit status:\n" +
			"0 it runs, 1 it is dead but its pid file is there, 3 it does not run, 4 cannot tell.",
		Args: noArguments,
	}
	c.addFlags(cmd, defaultsFor(p.name))
	addJSONFlag(cmd, &asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := &statusReport{program: p, json: asJSON}
		if err := c.resolve(); err != nil {
			// It is the other one of the two that has to tell.
			if c.pidFile == "" {
				return withStatus(statusUnknown, err)
			}
			c.client, r.unreachable = nil, err
		}
		return r.run(cmd.Context(), &c)
	}
	return cmd
}

// A statusReport is what the verb status finds out.
type statusReport struct {
	*program
	json        bool
	unreachable error // why there is no answer from the control socket
}

func (r *statusReport) run(ctx context.Context, c *caller) error {
	if c.pidFile == "" {
		return r.fromSocket(ctx, c)
	}
	holder, err := daemonize.Find(c.pidFile)
	var stale *daemonize.StaleError
	switch {
	case errors.Is(err, daemonize.ErrNotRunning):
		return r.notRunning(statusNotRunning, "not running")
	case errors.As(err, &stale):
		return r.notRunning(statusDead, fmt.Sprintf("not running: %v", stale))
	case err != nil:
		return withStatus(statusUnknown, err)
	case !holder.Ready:
		r.fromPidFile("starting", holder.Pid)
		return nil
	}
	answer, err := r.ask(ctx, c)
	if err != nil {
		if _, gone := daemonize.Find(c.pidFile); gone != nil {
			return r.run(ctx, c) // it has ended meanwhile
		}
	}
	if err == nil && holder.Pid != 0 && answer.Pid != holder.Pid {
		err = fmt.Errorf("control socket %s: it is that of pid %d", c.socket.path, answer.Pid)
	}
	if err != nil {
		r.unreachable = err
		r.fromPidFile("running", holder.Pid)
		return nil
	}
	return r.print(answer)
}

// fromSocket is for a server without a pid file.
func (r *statusReport) fromSocket(ctx context.Context, c *caller) error {
	if c.client == nil {
		return withStatus(statusUnknown, errors.New("status: no pid file and no control socket to find the server by"))
	}
	answer, err := r.ask(ctx, c)
	switch {
	case err == nil:
		return r.print(answer)
	case nobodyThere(err):
		return r.notRunning(statusNotRunning, "not running: "+err.Error())
	}
	return withStatus(statusUnknown, fmt.Errorf("status: %w", err))
}

// An answeredStatus is a status and the text that it was read from.
type answeredStatus struct {
	control.Status
	text json.RawMessage
}

func (r *statusReport) ask(ctx context.Context, c *caller) (*answeredStatus, error) {
	if c.client == nil {
		if r.unreachable != nil {
			return nil, r.unreachable
		}
		return nil, errors.New("no control socket")
	}
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	text, err := c.client.RawStatus(ctx)
	if err != nil {
		return nil, err
	}
	answer := &answeredStatus{text: text}
	if err := json.Unmarshal(text, &answer.Status); err != nil {
		return nil, fmt.Errorf("read the answer from control socket %s: %w", c.socket.path, err)
	}
	return answer, nil
}

func (r *statusReport) print(answer *answeredStatus) error {
	if !r.json {
		return r.printTable(&answer.Status)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, answer.text); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout, &line)
	return nil
}

func (r *statusReport) notRunning(status int, text string) error {
	if r.json {
		fmt.Fprintln(r.stdout, `{"running":false}`)
	} else {
		fmt.Fprintf(r.stdout, "%s: %s\n", r.name, oneLine(text))
	}
	return said(status)
}

// fromPidFile prints the little that the pid file tells of a server that runs, and why it is so little.
func (r *statusReport) fromPidFile(state string, pid int) {
	why := ""
	if r.unreachable != nil {
		why = oneLine(r.unreachable.Error())
	}
	if !r.json {
		fmt.Fprintf(r.stdout, "%s: %s, pid %d\n", r.name, state, pid)
		if why != "" {
			fmt.Fprintf(r.stdout, "no more is known: %s\n", why)
		}
		return
	}
	known, _ := json.Marshal(struct { // text and a number: this cannot fail
		Running bool   `json:"running"`
		Pid     int    `json:"pid"`
		State   string `json:"state,omitempty"`
		Error   string `json:"error,omitempty"`
	}{true, pid, map[string]string{"starting": "starting"}[state], why})
	fmt.Fprintf(r.stdout, "%s\n", known)
}
